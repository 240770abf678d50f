"""Tonight's table from where it comes from: anything that `dvc get-url` reads, within a time, a size, some tries."""

import os
import shutil
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException, InvalidURL
from pathlib import Path
from urllib.parse import urlsplit

from pipeline import params
from pipeline.nights.night import Night, NightEnded
from pipeline.nights.record import NightOutcome, last_decision
from pipeline.repository.dvc_lock import inputs, md5_of
from pipeline.repository.project import DVC, Project
from pipeline.runtime.errors import CommandError, RuleError
from pipeline.runtime.masking import masked, secrets_in, shown_address, without_user
from pipeline.runtime.processes import in_words, retried, run

CORRECT = "correct nightly.source in params.yaml, and commit; dvc get-url tries it by hand"
ANSWER_SECONDS = 30  # for a server to say why it gives no table
TRY_AGAIN = "try again later: the next night will"
NO_SOURCE = (
    "nights are not set up: nightly.source is null in the commit."
    " Name a URL or a path of a table in params.yaml, commit, and push if the branch has an upstream"
)
RESERVE_BYTES = 1 << 28  # of the disk, which a source may not fill


@dataclass(frozen=True)
class Fetched:
    """A table that was fetched, in a temporary file beside the one it may replace, and its md5."""

    file: Path
    md5: str


def fetch_table(night: Night) -> Fetched:
    """Fetch tonight's table. A night that is forced goes on with it in any case.

    Raises: NightEnded if no source is named, or if it is the last accepted commit's table, or was judged last, under
    the same settings; RuleError if it cannot be read.
    """
    settings = night.settings
    if settings.source is None:
        raise NightEnded(NightOutcome.NO_SOURCE, NO_SOURCE)
    destination, checkout = night.tree / night.table, night.workspace.checkout
    fetched = fetch(
        settings.source, project=checkout, destination=destination, limits=settings, max_bytes=night.max_bytes
    )
    if night.force_reason is not None:
        return fetched
    md5 = fetched.md5
    if md5 == inputs(night.accepted).get(night.table):
        raise NightEnded(NightOutcome.UNCHANGED, "no new data", table_md5=md5)
    last = last_decision(night.tree, table_md5=md5, settings_md5=night.settings_md5)
    if last is None:
        return fetched
    decision, reason = last
    if decision is NightOutcome.REJECTED:
        raise NightEnded(NightOutcome.REJECTED, f"still the table that was rejected: {reason}", table_md5=md5)
    raise NightEnded(NightOutcome.UNCHANGED, "no new data", table_md5=md5)


def fetch(
    source: str,
    *,
    project: Project,
    destination: Path,
    limits: params.Nightly,
    max_bytes: int,
    pause: Callable[[float], None] = time.sleep,
) -> Fetched:
    """Fetch the source to a file beside the destination, in some tries, each within a time and a size.

    A source that is a relative path starts at the project's folder. A password or token in an address is not shown.
    Nobody can foretell the file's name, and it is new. What a killed night leaves goes with its clone.
    Raises: RuleError if no try brings a file, or if it is too large; then nothing is left beside the destination.
    """
    destination.parent.mkdir(parents=True, exist_ok=True)
    get = partial(_get, source, project=project, destination=destination, limits=limits, max_bytes=max_bytes)
    try:
        file = retried(get, tries=limits.tries, pause=pause)
    except CommandError as error:
        rule = f"must be read within {in_words(limits.tries)} of {limits.fetch_seconds:g} s"
        found = f"in the last of them: {error}"
        fix = CORRECT if "://" in source else f"put the table there, or {CORRECT}"
        if "took longer" in found:
            fix = f"raise nightly.fetch_seconds in params.yaml, or {TRY_AGAIN}"
        elif cause := _cause(source):
            found, fix = (masked(words, secrets_in(source)) for words in cause)
        raise RuleError(f"the source {shown_address(source)}", rule=rule, found=found, fix=fix) from None
    return Fetched(file, md5_of(file))


def _cause(source: str) -> tuple[str, str] | None:
    """Why a web address gives no table, and what to do: DVC says of all that fails that it "does not exist".

    None if the address is no web address, if it answers, or if it cannot be asked.
    """
    plain = without_user(source)  # a server that is there answers without a password, too
    if not plain or not plain.startswith(("http://", "https://")):
        return None
    try:
        host = urlsplit(plain).netloc
        urllib.request.urlopen(plain, timeout=ANSWER_SECONDS).close()  # noqa: S310 (http or https)
    except urllib.error.HTTPError as error:
        code, fix = f"the answer {error.code} {error.reason}", CORRECT
        if error.code >= 500 or error.code == 429:
            fix = f"{host} is there and has trouble of its own: {TRY_AGAIN}"
        elif error.code in (401, 403):
            fix = f"{host} refuses it: check the password or the rights, and that nightly.source is right"
        return code, fix
    except (ValueError, InvalidURL):
        return None
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        return f"that {host} could not be reached ({reason})", f"check the network and the server, and {TRY_AGAIN}"
    return None


def _get(source: str, *, project: Project, destination: Path, limits: params.Nightly, max_bytes: int) -> Path:
    """Get the source by way of a folder of its own: where DVC is killed it leaves parts of files. Returns the file."""
    folder = Path(tempfile.mkdtemp(prefix=f".{destination.name}.", suffix=".fetching", dir=destination.parent))
    part = folder.resolve() / "table"
    command = (*DVC, "get-url", "--", source, str(part))

    def check_size() -> None:
        _check_size(folder, source=source, max_bytes=max_bytes)

    try:
        seconds = limits.fetch_seconds
        run(command, folder=project.folder, environment=project.environment, seconds=seconds, watch=check_size)
        check_size()
        if not part.is_file():
            raise CommandError(command, "brought no file")
        descriptor, name = tempfile.mkstemp(prefix=f".{destination.name}.", suffix=".fetched", dir=destination.parent)
        os.close(descriptor)
        return part.replace(name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _check_size(folder: Path, *, source: str, max_bytes: int) -> None:
    """Raise RuleError if the folder has more bytes, unpacked as they arrive, or the disk too few that are free."""
    what = f"the source {shown_address(source)}"
    if sum(_sizes(folder)) > max_bytes:
        fix = "raise it in params.yaml if the table may be so large, and commit"
        raise RuleError(what, rule=f"must bring at most nightly.max_bytes, {max_bytes:,} bytes", found="more", fix=fix)
    if (free := shutil.disk_usage(folder).free) < RESERVE_BYTES:
        rule, fix = f"must leave {RESERVE_BYTES:,} bytes of the disk free", "free some: make gc shows what could go"
        raise RuleError(what, rule=rule, found=f"{free:,}", fix=fix)


def _sizes(folder: Path) -> Iterator[int]:
    """The sizes of the files below the folder, in bytes; DVC renames them meanwhile."""
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            yield path.lstat().st_size if path.is_file() else 0
