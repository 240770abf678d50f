"""A clone of HEAD in a folder of its own, to make a commit in. The user's checkout is only read."""

import configparser
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path

from pipeline.repository.cache_mending import cached_paths, mend_cache
from pipeline.repository.dvc_lock import Hashes
from pipeline.repository.project import DVC, NO_HOOKS, Project
from pipeline.runtime.errors import CommandError, RuleError, as_rule_error

CLONE = "tree"  # the clone's folder in that of a run
LEFTOVER = "leftover"  # its folder once the run was killed
CLONE_SETTINGS = (NO_HOOKS, "commit.gpgSign=false", "tag.gpgSign=false", "core.autocrlf=false", "gc.auto=0")
REMOTE_SETTINGS = ("remote.", "url.", "http.", "credential.", "ssh.", "core.sshcommand", "core.gitproxy")


@dataclass(frozen=True)
class Workspace:
    """A clone of the commit at which the user's branch was, with DVC's cache, remotes and credentials of the user."""

    checkout: Project
    project: Project
    branch: str
    commit: str
    cache: Path  # DVC's
    has_remote: bool  # if DVC has a default one

    @classmethod
    def of_head(cls, checkout: Project, *, run: Path) -> "Workspace":
        """Clone HEAD into `tree` in the folder of a run. Changes that the user has not committed stay where they are.

        Raises: RuleError if HEAD is no commit on a branch, or if git or DVC cannot tell what the clone needs.
        """
        try:
            (branch,) = checkout.lines("git", "symbolic-ref", "--quiet", "--short", "HEAD")
            (commit,) = checkout.lines("git", "rev-parse", "--verify", "--quiet", "HEAD")
        except CommandError:
            rule, fix = "must be a commit on a branch", "check out the branch that is to get the new commit"
            found = "a detached HEAD, or no commit yet"
            raise RuleError(f"HEAD of {checkout.folder}", rule=rule, found=found, fix=fix) from None
        errors = (CommandError, configparser.Error, OSError)
        rule, fix = "must have the commit and DVC's settings", "make this command or file work there"
        with as_rule_error(errors, f"the clone of {checkout.folder}", rule=rule, fix=fix):
            clone = checkout.cloned((run / CLONE).resolve(), *CLONE_SETTINGS)
            project = clone.with_variables(_remotes_as_variables(checkout))
            project.lines("git", "remote", "remove", "origin")  # the user's checkout; there may be a real one
            cache = checkout.cache_folder()
            _write_dvc_settings(checkout, project.folder / ".dvc", cache=cache)
            return cls(checkout, project, branch, commit, cache, project.has_default_remote())

    def with_variables(self, variables: Mapping[str, str]) -> "Workspace":
        """The workspace, with these variables for all commands, in the clone and in the user's checkout."""
        checkout, project = (tree.with_variables(variables) for tree in (self.checkout, self.project))
        return replace(self, checkout=checkout, project=project)

    def checkout_outputs(self, *targets: str, recorded: Hashes | None = None, seconds: float) -> None:
        """Check out what the stages wrote, or these targets: from the cache, and else from the default remote.

        recorded: the paths of the targets. They are mended in the cache first, as it may have damaged them.
        What is in neither is left out: `dvc repro` makes it.
        Raises: CommandError if the remote is needed and does not answer in time.
        """
        unknown = self.mend_cache(cached_paths(self.project) if recorded is None else recorded)
        if unknown and self.has_remote:  # once their listings are here, files of theirs may be found damaged
            with suppress(CommandError):  # what the remote has not either; all else the pull says again
                self.project.lines(*DVC, "fetch", *targets, seconds=seconds)
            self.mend_cache(unknown)
        how = "pull" if self.has_remote else "checkout"
        self.project.lines(*DVC, how, "--allow-missing", *targets, seconds=seconds)

    def mend_cache(self, recorded: Hashes) -> Hashes:
        """Have the cache without damaged files of these paths, as far as checkout or remote may have them intact.

        Returns the folders whose listings are not at hand.
        """
        return mend_cache(self.cache, recorded, checkout=self.checkout.folder, has_remote=self.has_remote)

    def remove(self) -> None:
        """Remove the clone; all else in the run's folder stays."""
        (top,) = self.project.lines("git", "rev-parse", "--show-toplevel")
        shutil.rmtree(top)


def keep_leftover_clones(runs: Path) -> list[Path]:
    """Rename the clones of runs that were killed to `leftover`, `leftover-2`, …; returns where they are now.

    Only while no other run can begin: the clone of one that still works is not left over.
    """
    moved = []
    for clone in sorted(run / CLONE for run in runs.glob("*") if (run / CLONE).exists() and not run.is_symlink()):
        names = chain([LEFTOVER], (f"{LEFTOVER}-{number}" for number in count(2)))
        free = next(path for path in map(clone.with_name, names) if not path.exists())
        moved.append(clone.rename(free))
    return moved


def _remotes_as_variables(checkout: Project) -> dict[str, str]:
    """The remotes that the user's repository knows, and what reaching them takes, as variables for git.

    In variables and not in the clone's settings, because tokens are among them, and clones are kept at times.
    Source: git-config(1), GIT_CONFIG_COUNT.
    """
    (top,) = checkout.lines("git", "rev-parse", "--show-toplevel")
    listed = "\n".join(checkout.lines("git", "config", "--local", "--includes", "--null", "--list")).split("\0")
    pairs = [entry.split("\n", 1) for entry in listed if entry.startswith(REMOTE_SETTINGS) and "\n" in entry]
    first = int(checkout.environment.get("GIT_CONFIG_COUNT", 0))
    variables = {"GIT_CONFIG_COUNT": str(first + len(pairs)), "GIT_TERMINAL_PROMPT": "0"}
    for number, (key, value) in enumerate(pairs, first):
        folder = Path(top, value)
        relative = key.endswith("url") and ":" not in value and folder.exists()
        variables |= {f"GIT_CONFIG_KEY_{number}": key}
        variables |= {f"GIT_CONFIG_VALUE_{number}": os.path.normpath(folder) if relative else value}
    return variables


def _write_dvc_settings(checkout: Project, folder: Path, *, cache: Path) -> None:
    """Give the clone, in its folder .dvc, the user's settings: with the user's cache, and relative paths made whole."""
    settings = configparser.RawConfigParser(strict=False)
    settings.read([folder / "config", checkout.folder / ".dvc/config.local"], encoding="utf-8")
    for section in settings.values():
        if "url" in section and "://" not in section["url"]:
            section["url"] = os.path.normpath(checkout.folder / ".dvc" / section["url"])
    settings.read_dict({"cache": {"dir": str(cache)}})
    with (folder / "config.local").open("w", encoding="utf-8") as file:
        settings.write(file)
