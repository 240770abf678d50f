"""The versions of the packages that decide a stage's bytes, in versions.json: a stage depends on those it uses.

So a new torch trains again, and a new linter does not. `python -m pipeline.versions` records what is installed.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from pipeline.runtime.arguments import command_parser
from pipeline.runtime.command import command
from pipeline.runtime.packages import installed as installed

FILE, SETTINGS = Path("versions.json"), Path("params.yaml")
PACKAGES = ("numpy", "pandas", "pandera", "pyarrow", "safetensors", "torch")


def check(*packages: str) -> dict[str, str]:
    """The recorded versions of the packages. Raises: ValueError unless the installed versions are the same."""
    _require(FILE)
    wanted: dict[str, str] = json.loads(FILE.read_text(encoding="utf-8"))
    for package in packages:
        if installed(package) != wanted.get(package):
            rule = f"{wanted[package]} as recorded" if package in wanted else "recorded"
            raise ValueError(
                f"{package} must be {rule} in {FILE}, found {installed(package)};"
                " install the lock with make setup, or record what is installed with python -m pipeline.versions"
            )
    return {package: wanted[package] for package in packages}


def _require(file: Path) -> None:
    if not file.is_file():
        raise ValueError(f"{file} is missing: run from the project's folder")


def arguments() -> argparse.ArgumentParser:
    """The parser of the command's arguments."""
    return command_parser("versions", __doc__)


def main(argv: Sequence[str] | None = None) -> None:
    """Record the installed versions."""
    arguments().parse_args(argv)
    with command("versions"):
        _require(SETTINGS)
        FILE.write_text(json.dumps({name: installed(name) for name in PACKAGES}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
