"""Tells somebody how the night ended, and logs it. A night never fails because nobody could be told."""

import json
import platform
import re
import sys
import threading
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from http.client import HTTPException, InvalidURL
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit

from pipeline import params
from pipeline.nights.logs import LOG
from pipeline.nights.messages import Message, message_of
from pipeline.nights.night import NightResult
from pipeline.nights.record import NightOutcome
from pipeline.repository.project import Project
from pipeline.runtime import escape
from pipeline.runtime.errors import CommandError
from pipeline.runtime.masking import masked, secrets_in
from pipeline.runtime.private import FOLDER, private
from pipeline.runtime.processes import run

REFUSAL_BYTES = 1000  # of what a server says of a message that it does not take


def notify_and_log(
    result: NightResult, settings: params.Notify, *, checkout: Project, run: Path, date: date, started: datetime
) -> None:
    """Tell who is to be told, let the heartbeat beat, and leave a log in the run's folder.

    The log has what only this machine knows: durations, host, failures. A folder that stays empty is removed.
    """
    record = json.loads(result.record.to_json()) if result.record else None
    ending = {"ending": result.outcome, "code": result.outcome.exit_code, "message": result.message}
    facts = {"date": date.isoformat(), "run": run.name, "host": platform.node(), **ending}
    facts |= {"commit": result.commit, "link": _link(result, settings, date=date), "record": record}
    facts |= {"table_md5": result.table_md5}
    is_set_up = result.outcome is not NightOutcome.NO_SOURCE  # else each night would tell the same
    failures = notify(facts, settings, checkout=checkout) if is_set_up else []
    if settings.heartbeat and (failure := _send_in_time(None, settings.heartbeat, seconds=settings.seconds)):
        failures.append(f"notify.heartbeat: {failure}")
    seconds = (datetime.now(UTC) - started).total_seconds()
    log = {**facts, "seconds": round(seconds, 1), "not_notified": failures}
    try:
        run.mkdir(FOLDER, parents=True, exist_ok=True)
        with open(run / LOG, "w", encoding="utf-8", opener=private) as file:
            file.write(escape.json_text(log))
    except OSError as error:  # on a full disk, too, the night has ended as it has
        failures.append(f"no log: {error}")
        with suppress(OSError):
            (run / LOG).unlink(missing_ok=True)
            run.rmdir()  # unless there is something in it
    for failure in failures:
        print(escape.terminal(f"nightly: {failure}"), file=sys.stderr)


def _link(result: NightResult, settings: params.Notify, *, date: date) -> str | None:
    """The address of the night's commit; None if it made none, or if the settings have no template."""
    if settings.link is None or result.commit is None:
        return None
    return settings.link.replace("{commit}", result.commit).replace("{date}", date.isoformat())


def notify(report: Mapping[str, object], settings: params.Notify, *, checkout: Project) -> list[str]:
    """Give the report to the command's standard input, and POST it to the webhook, if these are set.

    Returns what failed, in words for the log, and raises nothing. Each has so many seconds in all.
    """
    message, seconds = message_of(report, settings.format), settings.seconds
    failures = []
    if settings.command:
        try:
            words, text, where = settings.command, message.body, checkout.folder
            run(words, folder=where, environment=checkout.environment, stdin=text, seconds=seconds, secrets=words[1:])
        except (CommandError, ValueError) as error:  # ValueError: a word that cannot be one, such as one with a NUL
            failures.append(f"notify.command: {error}")
    if settings.webhook and (failure := _send_in_time(message, settings.webhook, seconds=seconds)):
        failures.append(f"notify.webhook: {failure}")
    return failures


def _send_in_time(message: Message | None, address: str, *, seconds: float) -> str | None:
    """POST the message, or GET the address if there is none; returns what went wrong.

    It names the host only: the rest of the address is its password. urllib's time-out is that of each read, and a
    server may send a byte now and then: so it is given up from outside.
    """
    done: list[str | None] = []
    thread = threading.Thread(target=lambda: done.append(_send(message, address, seconds=seconds)), daemon=True)
    thread.start()
    thread.join(seconds)
    return done[0] if done else f"no answer within {seconds:g} s"


def _send(message: Message | None, address: str, *, seconds: float) -> str | None:
    scheme, is_address, rest = address.partition("://")
    path = rest.removeprefix(re.split(r"[/?#]", rest, maxsplit=1)[0])
    if scheme not in ("http", "https"):
        return f"the address must begin with https:// or http://, found {scheme if is_address else 'neither'}"
    host = "the address"
    try:
        if "@" not in path:  # else what seems to be the host may belong to a password
            host = urlsplit(address).hostname or host
        body, headers = (message.body, {"Content-Type": message.content_type}) if message else (None, {})
        request = urllib.request.Request(address, body, headers)  # noqa: S310 (see above)
        _open(request, seconds=seconds)
        return None
    except (ValueError, InvalidURL):  # their words repeat the address
        return "the address must be a valid URL, found another (not shown: it may hold a password)"
    except (OSError, HTTPException) as error:
        return f"{host}: {masked(str(error), [*secrets_in(address), path])}"


def _open(request: urllib.request.Request, *, seconds: float) -> None:
    """Send the request. Raises: OSError if it is refused, with the beginning of what the server says of it.

    Also if a message is sent elsewhere: urllib then asks there without it, and all would seem well.
    """
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:  # noqa: S310 (http or https, see above)
            if request.data and answer.url != request.full_url:
                raise OSError("the message is lost, as the address leads to another; name that one")
    except HTTPError as refusal:
        with refusal:
            said = refusal.read(REFUSAL_BYTES).decode(errors="replace").strip()
        raise OSError(f"{refusal}{said and f': {said}'}") from None
