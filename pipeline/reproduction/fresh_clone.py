"""A temporary clone of the project's HEAD, trained from scratch, and the recorded files to compare it with."""

import hashlib
import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline import params, versions
from pipeline.repository.dvc_lock import LOCK, Caches, Stage, files_below, inputs, md5_of, read_lock
from pipeline.repository.freshness import current_md5
from pipeline.repository.project import DVC, Project
from pipeline.runtime import sections
from pipeline.runtime.errors import CommandError, RuleError
from pipeline.runtime.processes import STANDARD_ERROR, run
from pipeline.runtime.urls import is_url

DVC_SETTINGS = "[cache]\n    dir = cache\n[core]\n    autostage = true\n"  # else DVC advises to stage the clone's files


class CannotVerifyError(Exception):
    """Something that a verification needs is missing: what it is, and how to get it."""


def name_of_head(project: Project) -> str:
    """The commit's short name, and how many uncommitted changes there are beside it, new files among them.

    Raises: CannotVerifyError if there is no commit.
    """
    try:
        (commit,) = project.lines("git", "rev-parse", "--short", "HEAD")
    except CommandError as error:
        raise CannotVerifyError(f"the project must have a commit to verify: {error}") from None
    changes = len(project.lines("git", "status", "--porcelain", "--untracked-files=normal"))
    return f"commit {commit}" + (f" (uncommitted changes were not looked at: {changes})" if changes else "")


@dataclass(frozen=True)
class FreshClone:
    """A clone of a project's HEAD and nothing else: no hooks, no settings of the user, no cache, no other change."""

    checkout: Project
    project: Project
    caches: Caches

    @classmethod
    def of_head(cls, checkout: Project, temporary: Path) -> "FreshClone":
        """Clone HEAD into the temporary folder, as deep below it as the project lies below the root.

        So a relative path that leads out of the project, such as that of a table beside it, stays in the folder.
        Raises: CannotVerifyError if HEAD has no dvc.lock or no versions.json, or a link that leads out of it.
        """
        (top,) = checkout.lines("git", "rev-parse", "--show-toplevel")
        try:
            clone = checkout.isolated(temporary).cloned(temporary / "root" / Path(top).relative_to("/"))
        except RuleError as error:
            raise CannotVerifyError(str(error)) from None
        for name in (LOCK, versions.FILE):
            if not (clone.folder / name).is_file():
                raise CannotVerifyError(f"{name} must be in git, found none at HEAD; run dvc repro and commit it")
        return cls(checkout, clone, Caches((checkout.cache_folder(), clone.folder / ".dvc/cache")))

    def copy_raw_table(self, stages: Mapping[str, Stage]) -> None:
        """Copy the raw table that the stages were recorded from to data.path, unless git has it or it is a URL.

        Raises: CannotVerifyError if the settings are missing or invalid, or if no copy of the recorded table is found.
        """
        try:
            path = sections.load(params.Data, "data", file=self.project.folder / params.FILE).path
        except ValueError as error:
            raise CannotVerifyError(str(error)) from None
        if is_url(path):
            return
        path = os.path.normpath(path)
        target = self.project.folder / path
        md5 = inputs(stages).get(path, "of no table")
        if target.is_file() or current_md5(target) == md5:
            return
        table = self._table_with(path, md5)
        if table is None and target.exists():  # git has files of the folder, and nobody has those that were recorded
            return
        if table is None or Path(path).is_absolute():  # nothing is written outside the clone
            fix = "restore them, or run dvc repro and commit"
            if (self.project.folder / f"{path}.dvc").exists():
                fix = f"dvc pull {shlex.quote(path)} brings them, where DVC has a remote and its credentials"
            raise CannotVerifyError(
                f"{path} must have the bytes that {LOCK} records (md5 {md5}); found them neither in git nor in the work"
                f" tree nor in DVC's cache: {fix}"
            )
        for copy, file in table.items():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)

    def retrain(self, *, record_versions: bool) -> dict[str, Stage]:
        """Run every stage, with nothing to take results from; returns what ran.

        A stage refuses packages that are not the recorded ones: to see what they change, record them first.
        Raises: CommandError if a stage fails.
        """
        (self.project.folder / LOCK).unlink()
        (self.project.folder / ".dvc/config.local").write_text(DVC_SETTINGS, encoding="utf-8")
        record = [(sys.executable, "-m", "pipeline.versions")] if record_versions else []
        for command in (*record, (*DVC, "repro")):
            run(command, folder=self.project.folder, environment=self.project.environment, stdout=STANDARD_ERROR)
        return read_lock(self.project.folder / LOCK)

    def recorded_bytes(self, path: str, md5: str) -> bytes | None:
        """The recorded bytes of an artifact, from a cache, the work tree or git; None if none of them has it."""
        if file := self._file_with(path, md5):
            return file.read_bytes()
        try:
            show = ("git", "show", f"HEAD:./{path}")
            committed = run(show, folder=self.project.folder, environment=self.project.environment)
        except CommandError:
            return None
        return committed if hashlib.md5(committed, usedforsecurity=False).hexdigest() == md5 else None

    def _table_with(self, path: str, md5: str) -> dict[Path, Path] | None:
        """A file or folder with this md5: where each file of it is to be in the clone, and where it is; or None."""
        folder = self.checkout.folder / path
        if folder.is_dir() and current_md5(folder) == md5:
            files = [file.relative_to(self.checkout.folder) for file in files_below(folder)]
            return {self.project.folder / file: self.checkout.folder / file for file in files}
        found = {name: self._file_with(name, each) for name, each in (self.caches.files(path, md5) or {}).items()}
        copies = {self.project.folder / name: file for name, file in found.items() if file}
        return copies if copies and len(copies) == len(found) else None

    def _file_with(self, path: str, md5: str) -> Path | None:
        """The cached file or the work tree's, whichever has this md5: a cache may be damaged, a work tree changed."""
        candidates = (self.caches.find(md5), self.checkout.folder / path)
        return next((file for file in candidates if file and file.is_file() and md5_of(file) == md5), None)
