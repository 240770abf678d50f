"""Tonight's table from where it comes from: anything that `dvc get-url` reads, within a time and a number of tries."""

import os
import re
import shutil
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from pipeline.nights.night import Night, NightEnded
from pipeline.nights.record import NightOutcome, last_decision
from pipeline.repository.dvc_lock import inputs, md5_of
from pipeline.repository.project import DVC, Project
from pipeline.runtime.errors import CommandError, RuleError
from pipeline.runtime.processes import retried, run

CORRECT = "correct nightly.source in params.yaml, and commit; dvc get-url tries it by hand"
ANSWER_SECONDS = 30  # for a server to say why it gives no table
TRY_AGAIN = "try again later: the next night will"


@dataclass(frozen=True)
class Fetched:
    """A table that was fetched, in a temporary file beside the one it may replace, and its md5."""

    file: Path
    md5: str


def fetch_table(night: Night) -> Fetched:
    """Fetch tonight's table. A night that is forced goes on with it in any case.

    Raises: NightEnded if it is the last accepted commit's table, or was judged last, under the same settings; RuleError
    if no source is named, or if it cannot be read.
    """
    settings = night.settings
    if settings.source is None:
        rule, fix = "must say where tonight's table comes from", "name a URL or a path in params.yaml, and commit it"
        raise RuleError("nightly.source", rule=rule, found="null", fix=fix)
    destination, checkout = night.tree / night.table, night.workspace.checkout
    fetched = fetch(
        settings.source, project=checkout, destination=destination, tries=settings.tries, seconds=settings.fetch_seconds
    )
    if night.force_reason is not None:
        return fetched
    if fetched.md5 == inputs(night.accepted).get(night.table):
        raise NightEnded(NightOutcome.UNCHANGED, "no new data")
    last = last_decision(night.tree, table_md5=fetched.md5, settings_md5=night.settings_md5)
    if last is None:
        return fetched
    decision, reason = last
    if decision is NightOutcome.REJECTED:
        raise NightEnded(NightOutcome.REJECTED, f"still the table that was rejected: {reason}")
    raise NightEnded(NightOutcome.UNCHANGED, "no new data")


def fetch(
    source: str,
    *,
    project: Project,
    destination: Path,
    tries: int,
    seconds: float,
    pause: Callable[[float], None] = time.sleep,
) -> Fetched:
    """Fetch the source to a file beside the destination, in at most so many tries of so many seconds each.

    A source that is a relative path starts at the project's folder. A password in a URL is not shown.
    Nobody can foretell the file's name, and it is new. What a killed night leaves goes with its clone.
    Raises: RuleError if no try brings a file; then nothing is left beside the destination.
    """
    destination.parent.mkdir(parents=True, exist_ok=True)
    get = partial(_get, source, project=project, destination=destination, seconds=seconds)
    try:
        file = retried(get, tries=tries, pause=pause)
    except CommandError as error:
        shown = re.sub(r"//[^/@]*@", "//***@", source)  # https://user:password@host -> https://***@host
        rule = f"must be read within {tries} tries of {seconds:g} s"
        found, fix = f"in the last of them: {error}", CORRECT
        if "took longer" in found:
            fix = f"raise nightly.fetch_seconds in params.yaml, or {TRY_AGAIN}"
        elif cause := _cause(source):
            found, fix = cause
        raise RuleError(f"the source {shown}", rule=rule, found=found.replace(source, shown), fix=fix) from None
    return Fetched(file, md5_of(file))


def _cause(source: str) -> tuple[str, str] | None:
    """Why a web address gives no table, and what to do: DVC says of all that fails that it "does not exist".

    None if the address is no web address, or if it answers.
    """
    parts = urlsplit(source)
    if parts.scheme not in ("http", "https"):
        return None
    host = parts.netloc.rpartition("@")[2]
    plain = parts._replace(netloc=host).geturl()  # a server that is there answers without a password, too
    try:
        urllib.request.urlopen(plain, timeout=ANSWER_SECONDS).close()  # noqa: S310 (http or https)
    except urllib.error.HTTPError as error:
        code, fix = f"the answer {error.code} {error.reason}", CORRECT
        if error.code >= 500 or error.code == 429:
            fix = f"{host} is there and has trouble of its own: {TRY_AGAIN}"
        elif error.code in (401, 403):
            fix = f"{host} refuses it: check the password or the rights, and that nightly.source is right"
        return code, fix
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        return f"that {host} could not be reached ({reason})", f"check the network and the server, and {TRY_AGAIN}"
    return None


def _get(source: str, *, project: Project, destination: Path, seconds: float) -> Path:
    """Get the source by way of a folder of its own: where DVC is killed it leaves parts of files. Returns the file."""
    folder = Path(tempfile.mkdtemp(prefix=f".{destination.name}.", suffix=".fetching", dir=destination.parent))
    part = folder.resolve() / "table"
    command = (*DVC, "get-url", "--", source, str(part))
    try:
        run(command, folder=project.folder, environment=project.environment, seconds=seconds)
        if not part.is_file():
            raise CommandError(command, "brought no file")
        descriptor, name = tempfile.mkstemp(prefix=f".{destination.name}.", suffix=".fetched", dir=destination.parent)
        os.close(descriptor)
        return part.replace(name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
