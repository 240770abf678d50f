"""Check all of params.yaml, and that the raw table is there, before DVC reads the file. No word is good news."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from pipeline import params
from pipeline.data.schema import FEATURES
from pipeline.runtime.arguments import command_parser
from pipeline.runtime.command import GO_BACK, command

BRING_IT = "name another, or bring it (dvc pull, if DVC has it); a queued experiment needs git add or dvc add first"


def arguments() -> argparse.ArgumentParser:
    """The parser of the command's arguments."""
    return command_parser("check", __doc__)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the check."""
    arguments().parse_args(argv)
    with command("check", advice=f"Nothing has run. Once this is mended, make repro goes on; or {GO_BACK}"):
        params.check_project(FEATURES)
        check_table(Path(params.load(params.Data, "data").path))


def check_table(path: Path) -> None:
    """Raise ValueError unless the path is that of a file: of a folder DVC would take all for the table."""
    if not path.is_file():
        found = "a folder" if path.is_dir() else "none"
        fix = "name the table in it" if path.is_dir() else BRING_IT
        raise ValueError(f"{params.FILE}: data.path must be a file; found {found}, {path}; {fix}")


if __name__ == "__main__":
    main()
