"""Check all of params.yaml, and that the raw table is there, before DVC reads the file. No word is good news."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from pipeline import params
from pipeline.data.remote import Place, place_of
from pipeline.data.schema import FEATURES
from pipeline.data.table_files import table_files
from pipeline.runtime.arguments import command_parser
from pipeline.runtime.command import GO_BACK, command

FOLDER_FOR_PATTERN = "put the tables into a folder and name that: DVC versions files and folders, no patterns"
BRING_IT = "name another, or bring it (dvc pull, if DVC has it); a queued experiment needs git add or dvc add first"


def arguments() -> argparse.ArgumentParser:
    """The parser of the command's arguments."""
    return command_parser("check", __doc__)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the check."""
    arguments().parse_args(argv)
    with command("check", advice=f"Nothing has run. Once this is mended, make repro goes on; or {GO_BACK}"):
        params.check_project(FEATURES)
        check_table(place_of(params.load(params.Data, "data").path))


def check_table(path: Place) -> None:
    """Raise ValueError unless the path or URL is that of a file, or of a folder of some."""
    if isinstance(path, Path) and not path.exists():
        is_pattern = any(sign in str(path) for sign in "*?[")
        found, fix = ("a pattern", FOLDER_FOR_PATTERN) if is_pattern else ("none", BRING_IT)
        raise ValueError(f"{params.FILE}: data.path must be a file or a folder; found {found}, {path}; {fix}")
    table_files(path)


if __name__ == "__main__":
    main()
