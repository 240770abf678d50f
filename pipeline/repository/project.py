"""The user's project: its work tree, and the environment in which git and DVC run there."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.runtime.processes import run

LOCK = "dvc.lock"
DVC = (sys.executable, "-m", "dvc")
NO_HOOKS = f"core.hooksPath={os.devnull}"
FOLDERS_OF_THE_USER = ("DVC_GLOBAL_CONFIG_DIR", "DVC_SYSTEM_CONFIG_DIR", "DVC_SITE_CACHE_DIR", "TMPDIR")
SET_BY_HOOKS = {"GIT_DIR", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_WORK_TREE"}  # they would lead git out of the clone


@dataclass(frozen=True)
class Project:
    """The user's work tree, and the environment for commands there: its Python is the stages' `python`."""

    folder: Path
    environment: Mapping[str, str]

    @classmethod
    def at(cls, folder: Path) -> "Project":
        """The project in the folder."""
        environment = {name: value for name, value in os.environ.items() if name not in SET_BY_HOOKS}
        programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        return cls(folder, environment | {"PATH": programs, "DVC_NO_ANALYTICS": "true"})

    def lines(self, *command: str, seconds: float | None = None) -> list[str]:
        """The lines that a command prints there, within the time limit.

        Raises: CommandError if it fails or takes longer.
        """
        return run(command, folder=self.folder, environment=self.environment, seconds=seconds).decode().splitlines()

    def unignored_files(self, *paths: str) -> list[str]:
        """The files at or below these paths that git has, or would add.

        Raises: CommandError if git cannot tell.
        """
        kinds = ("--cached", "--others", "--exclude-standard")
        return self.lines("git", "-c", "core.quotePath=false", "ls-files", *kinds, "--", *paths)

    def isolated_environment(self, temporary: Path) -> dict[str, str]:
        """The environment for commands that use no setting, no cache and no temporary file of the user's DVC."""
        return {**self.environment, **dict.fromkeys(FOLDERS_OF_THE_USER, str(temporary))}

    def cloned(self, folder: Path, *settings: str) -> Path:
        """Clone HEAD into the folder, without hooks and with these settings of git; returns the project's folder there.

        Raises: CommandError if git cannot.
        """
        top, prefix = self.lines("git", "rev-parse", "--show-toplevel", "--show-prefix")
        clone = ("clone", "--quiet", "--template=", *(f"--config={setting}" for setting in settings))
        self.lines("git", "-c", NO_HOOKS, *clone, "--", top, str(folder))
        return folder / prefix
