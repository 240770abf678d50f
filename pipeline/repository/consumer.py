"""The clone's commit as somebody elsewhere gets it: by `dvc get`, from DVC's remote, with nothing that is here."""

import configparser
from pathlib import Path

from pipeline.repository.project import DVC
from pipeline.repository.workspace import Workspace
from pipeline.runtime.private import private


def get_as_consumer(workspace: Workspace, path: str, *, temporary: Path, seconds: float) -> Path:
    """Get a file or folder of the clone's HEAD into the temporary folder, which is empty; returns where it is.

    DVC's remote and its credentials are the user's. The user's cache is not used, and the clone's outputs neither.
    Raises: CommandError if the commit or the remote does not have it whole, or if that takes longer.
    """
    top, prefix, commit = workspace.project.lines("git", "rev-parse", "--show-toplevel", "--show-prefix", "HEAD")
    settings = configparser.RawConfigParser(strict=False)
    settings.read(workspace.project.folder / ".dvc/config.local", encoding="utf-8")
    settings.remove_section("cache")
    with open(temporary / "config", "w", encoding="utf-8", opener=private) as file:
        settings.write(file)
    consumer = workspace.project.with_variables({"TMPDIR": str(temporary), "DVC_SITE_CACHE_DIR": str(temporary)})
    out = temporary / "got"
    options = ("--rev", commit, "--config", str(temporary / "config"), "--out", str(out))
    address = f"file://{top}"  # a plain path would be opened where it is; DVC takes %20 for no blank
    consumer.lines(*DVC, "get", *options, "--", address, f"{prefix}{path}", seconds=seconds)
    return out
