"""An accepted night, by its tag: what it has left in git, and whether the bytes behind that are still at hand."""

import os
import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from pipeline import params
from pipeline.nights.record_files import HISTORY, RECORD
from pipeline.repository.dvc_lock import LOCK, Caches, Hashes, inputs, md5_of, outputs, read_lock
from pipeline.repository.project import GIT, Project
from pipeline.runtime import sections
from pipeline.runtime.errors import RuleError

METRICS = "metrics"
NOT_ROLLED_BACK = {*RECORD, f"{METRICS}/README.md"}  # the record covers all nights, the README is documentation
TAG = r"nightly-\d{4}-\d{2}-\d{2}(\.\d+)?"  # nightly-2026-01-31, nightly-2026-01-31.2


def check_accepted(project: Project, tag: str) -> None:
    """Refuse a tag that is not at the commit of an accepted night, which changes dvc.lock and the history.

    Raises: RuleError, which names the last nights; CommandError if git cannot tell.
    """
    nights = project.lines("git", "tag", "--list", "nightly-*", "--sort=-version:refname")
    fix = f"choose one of {', '.join(nights[:5])}" if nights else "spend a night first: there is no tag yet"
    what = f"the tag '{tag}'"
    if not re.fullmatch(TAG, tag) or tag not in nights:
        raise RuleError(what, rule="must be that of an accepted night", found="no such night", fix=fix)
    commit = f"refs/tags/{tag}^{{commit}}"
    changed = project.lines("git", "diff-tree", "--no-commit-id", "--name-only", "-r", "--relative", commit)
    if not {LOCK, str(HISTORY)} <= set(changed):
        rule = f"must be that of an accepted night, which changes {LOCK} and {HISTORY}"
        raise RuleError(what, rule=rule, found=f"a commit that changes {', '.join(changed) or 'nothing'}", fix=fix)


def table_path(project: Project, tag: str, *, temporary: Path) -> str:
    """The raw table's path in the tag's params.yaml, of which the temporary folder gets a copy.

    Raises: ValueError if that file has no valid `data:`; CommandError if the tag has no such file.
    """
    settings = temporary / params.FILE
    settings.write_text("\n".join(project.lines("git", "show", f"{tag}:./{params.FILE}")), encoding="utf-8")
    return os.path.normpath(sections.load(params.Data, "data", file=settings).path)  # the rest may be of an older kind


def changed_files(project: Project, tag: str, *, table: str) -> list[str]:
    """The files of a night that HEAD and the tag do not have alike: dvc.lock, the table, all metrics but the record.

    The record tells of all nights, and so stays as it is, like the folder's README.
    The table is a file in git, or one that DVC has, by the file of the same name with `.dvc` behind.
    """
    diff = (*GIT, "diff", "--no-renames", "--name-only", "--relative")
    paths = (LOCK, METRICS, table, f"{table}.dvc")
    return sorted(set(project.lines(*diff, "HEAD", f"refs/tags/{tag}", "--", *paths)) - NOT_ROLLED_BACK)


def models(project: Project) -> Hashes:
    """The md5 of each model by dvc.lock."""
    written = outputs(read_lock(project.folder / LOCK))
    return {path: md5 for path, md5 in written.items() if PurePosixPath(path).is_relative_to("models")}


def check_bytes(project: Project, *, table: str) -> None:
    """Refuse if the table or a model is not there with the bytes that dvc.lock records. All are hashed anew.

    Raises: RuleError, which names the files; CommandError if DVC cannot tell where its cache is.
    """
    caches = Caches((project.cache_folder(),))
    recorded = {table: inputs(read_lock(project.folder / LOCK)).get(table, "of no table"), **models(project)}
    md5s: dict[str, str] = {}
    for path, md5 in recorded.items():
        md5s |= caches.files(path, md5) or {path: md5}
    if lost := missing_or_changed(project.folder, md5s):
        rule = "must be in git, in DVC's cache or in its remote, as they were"
        found = f"in none of them: {', '.join(lost)}{damaged_in_words(caches, md5s.values())}"
        fix = "dvc push them from a machine that has them, or choose another night"
        raise RuleError("the table and the models of that night", rule=rule, found=found, fix=fix)


def damaged_in_words(caches: Caches, md5s: Iterable[str]) -> str:
    """The end of a message: which of the cache's files are damaged, and what to do; nothing if none is."""
    if not (damaged := caches.damaged(md5s)):
        return ""
    return f"; DVC's cache has damaged {', '.join(damaged)}: delete it, and dvc repro at that commit makes it anew"


def missing_or_changed(folder: Path, hashes: Hashes) -> list[str]:
    """The files that the folder does not have with these md5s. All are hashed anew."""
    return [path for path, md5 in hashes.items() if not (folder / path).is_file() or md5_of(folder / path) != md5]
