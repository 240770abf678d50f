"""What old nights leave behind: cached files that only old commits need, and the folders of old nights in runs/.

`dvc gc` cannot count commits that touch a file, and its `--num` follows first parents only. So the last N nights are
protected by their dates: every commit of any branch, as old as the oldest of them or younger, keeps its files.
"""

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from pipeline.nights.anchor import read_anchor
from pipeline.nights.one_at_a_time import only_one
from pipeline.nights.record_files import HISTORY
from pipeline.repository.dvc_lock import LOCK
from pipeline.repository.project import DVC, Project
from pipeline.repository.workspace import CLONE, LEFTOVER
from pipeline.runtime.errors import RuleError
from pipeline.runtime.private import private_folder

PROTECTED = ("--workspace", "--rev", "HEAD", "--all-branches", "--all-tags", "--all-experiments")
REMOVING = "Removing "  # what DVC prints before each path


def clean_up(folder: Path, *, nights: int, delete: bool) -> list[str]:
    """Show, or delete, what neither a commit that is protected nor one of the last nights needs; returns it in words.

    Raises: RuleError if a night runs, if others may write to `runs/`, or to delete from a cache that others may use;
    CommandError if git or DVC fail.
    """
    checkout, runs = Project.at(folder), folder / "runs"
    with only_one(folder):
        private_folder(runs)  # what is deleted lies there, and nowhere that a link leads to
        collect = (*DVC, "gc", "--force", *PROTECTED, *_since(checkout, nights))
        in_utc = checkout.with_variables({"TZ": "UTC"})  # as the nights' dates are
        printed = in_utc.lines(*collect, "--dry")
        unused = [Path(line.removeprefix(REMOVING)) for line in printed if line.startswith(REMOVING)]
        old = sorted(run for run in runs.glob("*") if run.is_dir() and not run.is_symlink())[:-nights]
        would = "went" if delete else "would go"
        files = [file for run in old for file in run.rglob("*") if file.is_file() or file.is_symlink()]
        words = [
            "gc: protected are the work tree, HEAD, all branches, tags, experiments,"
            f" the last {nights} nights and the anchor",
            f"DVC's cache: {_amount(unused)} {would}",
            f"runs: {len(old)} folders, {_amount(files)} {would}{_names(old)}",
        ]
        if not delete:
            return [*words, "nothing was deleted: --delete does it (make gc DELETE=yes)"]
        cache = checkout.cache_folder()
        if not cache.is_relative_to(checkout.folder.resolve()):  # what other projects need there cannot be known here
            rule, fix = "must be the project's own to be cleaned up", "run dvc gc with --projects and all that share it"
            raise RuleError("DVC's cache", rule=rule, found=str(cache), fix=fix)
        in_utc.lines(*collect)
        for run in old:
            shutil.rmtree(run)
        return words


def _since(checkout: Project, nights: int) -> list[str]:
    """DVC's option that protects the last nights, which are commits of HEAD's history, and the anchor's commit.

    None if there were none.
    """
    last = (f"--max-count={nights}", "--full-history", "--no-merges", "--format=%ct", "HEAD", "--", str(HISTORY))
    seconds = [int(line) for line in checkout.lines("git", "log", *last)]
    if anchor := read_anchor(checkout.folder):
        changed = (f"-S{anchor.model_md5}", "--format=%ct", "HEAD", "--", LOCK)  # the commits where it came and went
        seconds += [int(line) for line in checkout.lines("git", "log", *changed)]
    return ["--date", datetime.fromtimestamp(min(seconds), UTC).date().isoformat()] if seconds else []


def _amount(files: Sequence[Path]) -> str:
    """How many files, and how large: links count as such, because what they lead to stays."""
    return f"{len(files):,} files, {sum(file.lstat().st_size for file in files) / 1e6:,.2f} MB"


def _names(runs: Sequence[Path]) -> str:
    """The names of the runs' folders, and which of them still have the clone, as after a kill."""
    cloned = {run for run in runs if any(run.glob(f"{LEFTOVER}*")) or (run / CLONE).exists()}
    names = [f"{run.name} (with its clone)" if run in cloned else run.name for run in runs]
    return f": {', '.join(names)}" if names else ""
