"""Tonight's table from where it comes from: anything that `dvc get-url` reads, within a time and a number of tries."""

import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline.repository.dvc_lock import md5_of
from pipeline.repository.project import DVC, Project
from pipeline.runtime.errors import CommandError, RuleError
from pipeline.runtime.processes import run
from pipeline.runtime.retry import retried


@dataclass(frozen=True)
class Fetched:
    """A table that was fetched, in a temporary file beside the one it may replace, and its md5."""

    file: Path
    md5: str


def fetch(
    source: str,
    *,
    project: Project,
    target: Path,
    tries: int,
    seconds: float,
    pause: Callable[[float], None] = time.sleep,
) -> Fetched:
    """Fetch the source to a file beside the target, in at most so many tries of so many seconds each.

    A source that is a relative path starts at the project's folder. A password in a URL is not shown.
    The file's name is always the same, so that one that a killed night leaves is replaced.
    Raises: RuleError if no try brings a file; then nothing is left beside the target.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    file, folder = (target.with_name(f".{target.name}.{part}") for part in ("fetched", "fetching"))
    file.unlink(missing_ok=True)

    def attempt() -> Path:
        shutil.rmtree(folder, ignore_errors=True)  # dvc leaves parts of files where it is killed: they stay in there
        folder.mkdir()
        command = (*DVC, "get-url", "--", source, str(folder.resolve() / target.name))
        try:
            run(command, folder=project.folder, environment=project.environment, seconds=seconds)
            if not (folder / target.name).is_file():
                raise CommandError(command, "brought no file")
            return (folder / target.name).rename(file)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    try:
        return Fetched(retried(attempt, tries=tries, pause=pause), md5_of(file))
    except CommandError as error:
        shown = re.sub(r"//[^/@]*@", "//***@", source)
        raise RuleError(
            f"the source {shown}",
            rule=f"must be read within {tries} tries of {seconds:g} s",
            found=f"in the last of them: {str(error).replace(source, shown)}",
            fix="correct nightly.source in params.yaml; dvc get-url tries it by hand",
        ) from None
