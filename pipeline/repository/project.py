"""The user's project: its work tree, the environment in which git and DVC run there, and what they say of it."""

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.repository.links import check_inside, links
from pipeline.runtime.arguments import PROGRAM
from pipeline.runtime.errors import CommandError
from pipeline.runtime.masking import secrets_in
from pipeline.runtime.packages import require
from pipeline.runtime.processes import run

DVC = (sys.executable, "-m", "dvc")
REMOTE_CHECK = (sys.executable, "-P", str(Path(__file__).with_name("remote_check.py")))
GIT = ("git", "--literal-pathspecs", "-c", "core.quotePath=false")  # no path is a pattern, none is printed quoted
NO_HOOKS = f"core.hooksPath={os.devnull}"
FOLDERS_OF_THE_USER = ("DVC_GLOBAL_CONFIG_DIR", "DVC_SYSTEM_CONFIG_DIR", "DVC_SITE_CACHE_DIR", "TMPDIR")
SITE_CACHE = ".cache/dvc"  # where DVC keeps pickles: by default all users of the machine may write there
SET_BY_HOOKS = {"GIT_DIR", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_WORK_TREE"}  # they would lead git out of the clone


@dataclass(frozen=True)
class Project:
    """The user's work tree, and the environment for commands there: its Python is the stages' `python`."""

    folder: Path
    environment: Mapping[str, str]

    @classmethod
    def at(cls, folder: Path) -> "Project":
        """The project in the folder. Raises: MissingPackageError without DVC, which an installed program may lack."""
        require(PROGRAM, "dvc", install=f"'{PROGRAM}[pipeline]'")
        environment = {name: value for name, value in os.environ.items() if name not in SET_BY_HOOKS}
        programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        return cls(folder, environment | {"PATH": programs, "DVC_NO_ANALYTICS": "true"} | _site_cache(folder))

    def lines(self, *command: str, seconds: float | None = None) -> list[str]:
        """The lines that a command prints there. Raises: CommandError if it fails, or takes longer."""
        secrets = self._secrets()
        said = run(command, folder=self.folder, environment=self.environment, seconds=seconds, secrets=secrets)
        return said.decode().splitlines()

    def _secrets(self) -> Iterator[str]:
        """What no message of git may show: the tokens in the addresses and headers of its settings."""
        with suppress(CommandError):  # then git has said nothing of its settings, either
            ask = ("git", "config", "--null", "--list")
            listed = run(ask, folder=self.folder, environment=self.environment).decode(errors="replace")
            for key, _, value in (entry.partition("\n") for entry in listed.split("\0")):
                yield from (*secrets_in(key), *secrets_in(value))  # of url.https://t0ken@host/.insteadOf, too
                if key.endswith((".extraheader", ".helper")):
                    yield value

    def unignored_files(self, *paths: str) -> list[str]:
        """The files at or below these paths that git has, or would add. Raises: CommandError if git cannot tell."""
        kinds = ("--cached", "--others", "--exclude-standard")
        return self.lines(*GIT, "ls-files", *kinds, "--", *paths)

    def with_variables(self, variables: Mapping[str, str]) -> "Project":
        """The project, with these variables for all commands."""
        return Project(self.folder, {**self.environment, **variables})

    def isolated(self, temporary: Path) -> "Project":
        """The project, where commands use no setting, no cache and no temporary file of the user's DVC."""
        return self.with_variables(dict.fromkeys(FOLDERS_OF_THE_USER, str(temporary)))

    def cloned(self, folder: Path, *settings: str) -> "Project":
        """The project in a clone of HEAD in the folder: no hooks, these settings of git.

        Raises: CommandError; RuleError if a link of the commit leads out of it.
        """
        top, prefix = self.lines("git", "rev-parse", "--show-toplevel", "--show-prefix")
        words = ("clone", "--quiet", "--template=", *(f"--config={setting}" for setting in settings))
        self.lines("git", "-c", NO_HOOKS, *words, "--", top, str(folder))
        clone = Project(folder / prefix, {**self.environment, **_site_cache(folder / prefix)})
        clone.check_links()
        return clone

    def check_links(self) -> None:
        """Refuse a commit of which a link leads out of the repository. Links that only the work tree has may.

        Raises: RuleError, which names the link; CommandError if git cannot tell.
        """
        listed = run((*GIT, "ls-files", "--stage", "-z"), folder=self.folder, environment=self.environment)
        self.check_inside(links(os.fsdecode(listed).split("\0")))

    def check_inside(self, paths: Iterable[str]) -> None:
        """Refuse paths, as seen from the project's folder, that lead out of the repository.

        Raises: RuleError, which names the first; CommandError if git cannot tell.
        """
        (top,) = self.lines("git", "rev-parse", "--show-toplevel")
        check_inside(Path(top), (self.folder / path for path in paths))

    def cache_folder(self) -> Path:
        """The folder in which DVC keeps files by their md5. Raises: CommandError if DVC cannot tell."""
        (folder,) = self.lines(*DVC, "cache", "dir")
        return Path(folder)

    def has_default_remote(self) -> bool:
        """True if `dvc push` and `dvc pull` have somewhere to go."""
        return any(line.startswith("core.remote=") for line in self.lines(*DVC, "config", "--list"))

    def check_remote(self, *, seconds: float) -> None:
        """See that DVC's default remote takes a file. Raises: CommandError if it does not, or takes longer."""
        self.lines(*REMOTE_CHECK, seconds=seconds)

    def stages(self) -> list[str]:
        """The names of the stages that dvc.yaml has, one for each recipe where it says so."""
        return self.lines(*DVC, "stage", "list", "--name-only")

    def stale_stages(self, *, seconds: float) -> list[str]:
        """The stages that `dvc repro` would run again."""
        return list(self._answer("status", seconds=seconds))

    def missing_in_remote(self, *, seconds: float) -> list[str]:
        """The outputs, file by file, that the default remote does not have."""
        status = self._answer("data", "status", "--not-in-remote", "--granular", seconds=seconds)
        return list(status.get("not_in_remote", []))

    def only_in_the_work_tree(self, *, seconds: float) -> list[str]:
        """The outputs, and the table if DVC has it, that are not as dvc.lock records them, or not in the cache.

        `dvc checkout` would lose them.
        """
        status = self._answer("data", "status", seconds=seconds)
        uncommitted = status.get("uncommitted", {})
        changed = {str(path) for kind in ("modified", "added", "renamed") for path in uncommitted.get(kind, [])}
        return sorted({*status.get("not_in_cache", []), *changed} - {*uncommitted.get("deleted", [])})

    def _answer(self, *question: str, seconds: float) -> Mapping[str, Any]:
        return dict(json.loads("\n".join(self.lines(*DVC, *question, "--json", seconds=seconds))))


def _site_cache(folder: Path) -> dict[str, str]:
    """The variable that has DVC keep its pickles in the project, whatever the user's settings say."""
    return {"DVC_SITE_CACHE_DIR": str(folder.absolute() / SITE_CACHE)}
