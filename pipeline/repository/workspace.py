"""Where a night works: a clone of HEAD in a folder of its own. The user's checkout is only read."""

import configparser
import io
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from pipeline.repository.project import DVC, NO_HOOKS, Project
from pipeline.runtime.errors import CommandError, RuleError

TREE = "tree"
LEFTOVER = "leftover"
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
                fix="check out the branch that is to get the night's commit",
            ) from None
        try:
            folder = user.cloned((run / TREE).resolve(), *CLONE_SETTINGS)
            project = Project(folder, {**user.environment, **_ways_to_remotes(user)})
            project.lines("git", "remote", "remove", "origin")  # the user's checkout; there may be a real one
            (cache,) = user.lines(*DVC, "cache", "dir")
            settings = _dvc_settings(user, folder, cache=cache)
            (folder / ".dvc/config.local").write_text(settings, encoding="utf-8")
            remote = any(line.startswith("core.remote=") for line in project.lines(*DVC, "config", "--list"))
        except (CommandError, configparser.Error, OSError) as error:
            raise RuleError(
                f"the night's clone of {user.folder}",
                rule="must have the commit and DVC's settings",
                found=f"that {error}",
                fix="make this command or file work there",
            ) from None
        return cls(user, project, branch, commit, Path(cache), remote)

    def bring_outputs(self, *, seconds: float) -> None:
        """Put what the stages wrote in its place: from the cache, and what is not there from the default remote.

        What is in neither is left out: `dvc repro` makes it.
        Raises: CommandError if the remote is needed and does not answer in time.
        """
        how = "pull" if self.has_remote else "checkout"
        self.project.lines(*DVC, how, "--allow-missing", seconds=seconds)

    def remove(self) -> None:
        """Remove the clone, after which the run's folder has only what the night has put there."""
        (top,) = self.project.lines("git", "rev-parse", "--show-toplevel")
        shutil.rmtree(top)


def put_aside(runs: Path) -> list[Path]:
    """Rename the clones of nights that were killed, and keep them; returns where they are now.

    Only for the holder of the lock: to all others, a clone may be that of a night that still runs.
    """
    moved = []
    for tree in sorted(runs.glob(f"*/{TREE}")):
        free = next(place for place in _names(tree.with_name(LEFTOVER)) if not place.exists())
        moved.append(tree.rename(free))
    return moved


def _names(first: Path) -> Iterator[Path]:
    yield first
    yield from (first.with_name(f"{first.name}-{number}") for number in count(2))


def _ways_to_remotes(user: Project) -> dict[str, str]:
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
        place = Path(top, value)
        relative = key.endswith("url") and ":" not in value and place.exists()
        variables |= {f"GIT_CONFIG_KEY_{number}": key}
        variables |= {f"GIT_CONFIG_VALUE_{number}": os.path.normpath(place) if relative else value}
    return variables


def _dvc_settings(user: Project, folder: Path, *, cache: str) -> str:
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
    for section, values in {**changes, "cache": {"dir": cache}}.items():
        if not local.has_section(section):
            local.add_section(section)
        local[section].update(values)
    text = io.StringIO()
    local.write(text)
    return text.getvalue()
