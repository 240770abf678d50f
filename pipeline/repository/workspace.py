"""A clone of HEAD in a folder of its own, to make a commit in. The user's checkout is only read."""

import configparser
import io
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from pipeline.repository.dvc import cache_folder, has_default_remote
from pipeline.repository.project import DVC, NO_HOOKS, Project
from pipeline.runtime.errors import CommandError, RuleError

CLONE = "tree"  # the clone's folder in that of a run
LEFTOVER = "leftover"  # the same, after the run was killed
CLONE_SETTINGS = (NO_HOOKS, "commit.gpgSign=false", "tag.gpgSign=false", "core.autocrlf=false", "gc.auto=0")
REMOTE_SETTINGS = ("remote.", "url.", "http.", "credential.", "ssh.", "core.sshcommand", "core.gitproxy")


@dataclass(frozen=True)
class Workspace:
    """A clone of the commit at which the user's branch was, with DVC's cache, remotes and credentials of the user.

    cache is DVC's; has_remote is True if DVC has a default remote.
    """

    user: Project
    project: Project
    branch: str
    commit: str
    cache: Path
    has_remote: bool

    @classmethod
    def of_head(cls, user: Project, *, run: Path) -> "Workspace":
        """Clone HEAD into `tree` in the folder of a run. Changes that the user has not committed stay where they are.

        Raises: RuleError if HEAD is no commit on a branch, or if git or DVC cannot tell what the clone needs.
        """
        try:
            (branch,) = user.lines("git", "symbolic-ref", "--quiet", "--short", "HEAD")
            (commit,) = user.lines("git", "rev-parse", "--verify", "--quiet", "HEAD")
        except CommandError:
            raise RuleError(
                f"HEAD of {user.folder}",
                rule="must be a commit on a branch",
                found="a detached HEAD, or no commit yet",
                fix="check out the branch that is to get the new commit",
            ) from None
        try:
            folder = user.cloned((run / CLONE).resolve(), *CLONE_SETTINGS)
            project = Project(folder, {**user.environment, **_remotes_as_variables(user)})
            project.lines("git", "remote", "remove", "origin")  # the user's checkout; there may be a real one
            cache = cache_folder(user)
            settings = _dvc_settings(user, folder, cache=cache)
            (folder / ".dvc/config.local").write_text(settings, encoding="utf-8")
            has_remote = has_default_remote(project)
        except (CommandError, configparser.Error, OSError) as error:
            raise RuleError(
                f"the clone of {user.folder}",
                rule="must have the commit and DVC's settings",
                found=f"that {error}",
                fix="make this command or file work there",
            ) from None
        return cls(user, project, branch, commit, cache, has_remote)

    def with_variables(self, variables: Mapping[str, str]) -> "Workspace":
        """The same, with these variables for all commands, in the clone and in the user's checkout."""
        user, project = (
            replace(tree, environment={**tree.environment, **variables}) for tree in (self.user, self.project)
        )
        return replace(self, user=user, project=project)

    def checkout_outputs(self, *, seconds: float) -> None:
        """Check out what the stages wrote: from the cache, and what is not there from the default remote.

        What is in neither is left out: `dvc repro` makes it.
        Raises: CommandError if the remote is needed and does not answer in time.
        """
        how = "pull" if self.has_remote else "checkout"
        self.project.lines(*DVC, how, "--allow-missing", seconds=seconds)

    def remove(self) -> None:
        """Remove the clone; all else in the run's folder stays."""
        (top,) = self.project.lines("git", "rev-parse", "--show-toplevel")
        shutil.rmtree(top)


def keep_leftover_clones(runs: Path) -> list[Path]:
    """Rename the clones of runs that were killed to `leftover`, `leftover-2`, …; returns where they are now.

    Only while no other run can begin: the clone of one that still works is not left over.
    """
    moved = []
    for clone in sorted(runs.glob(f"*/{CLONE}")):
        free = next(name for name in _numbered(clone.with_name(LEFTOVER)) if not name.exists())
        moved.append(clone.rename(free))
    return moved


def _numbered(first: Path) -> Iterator[Path]:
    yield first
    yield from (first.with_name(f"{first.name}-{number}") for number in count(2))


def _remotes_as_variables(user: Project) -> dict[str, str]:
    """The remotes that the user's repository knows, and what reaching them takes, as variables for git.

    In variables and not in the clone's settings, because tokens are among them, and clones are kept at times.
    Source: git-config(1), GIT_CONFIG_COUNT.
    """
    (top,) = user.lines("git", "rev-parse", "--show-toplevel")
    listed = "\n".join(user.lines("git", "config", "--local", "--includes", "--null", "--list")).split("\0")
    pairs = [entry.split("\n", 1) for entry in listed if entry.startswith(REMOTE_SETTINGS) and "\n" in entry]
    first = int(user.environment.get("GIT_CONFIG_COUNT", 0))
    variables = {"GIT_CONFIG_COUNT": str(first + len(pairs)), "GIT_TERMINAL_PROMPT": "0"}
    for number, (key, value) in enumerate(pairs, first):
        folder = Path(top, value)
        relative = key.endswith("url") and ":" not in value and folder.exists()
        variables |= {f"GIT_CONFIG_KEY_{number}": key}
        variables |= {f"GIT_CONFIG_VALUE_{number}": os.path.normpath(folder) if relative else value}
    return variables


def _dvc_settings(user: Project, folder: Path, *, cache: Path) -> str:
    """The user's local settings of DVC, with the user's cache and every relative path as it is for the user."""
    committed, local = (configparser.RawConfigParser(strict=False) for _ in range(2))
    committed.read(folder / ".dvc/config", encoding="utf-8")
    local.read(user.folder / ".dvc/config.local", encoding="utf-8")
    urls = [
        (section, parser[section]["url"])
        for parser in (committed, local)
        for section in parser
        if "url" in parser[section]
    ]
    changes = {
        section: {"url": os.path.normpath(user.folder / ".dvc" / url)} for section, url in urls if "://" not in url
    }
    for section, values in {**changes, "cache": {"dir": str(cache)}}.items():
        if not local.has_section(section):
            local.add_section(section)
        local[section].update(values)
    text = io.StringIO()
    local.write(text)
    return text.getvalue()
