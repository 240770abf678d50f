"""Go back to an accepted night: its table, models, metrics and dvc.lock become one new commit on the branch."""

import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from pipeline import params
from pipeline.nights.accepted import METRICS, changed_files, check_accepted, check_bytes, models, table_path
from pipeline.nights.one_at_a_time import LOCK_FILE, only_one
from pipeline.nights.record_files import HISTORY, MARKDOWN, PAGE, add_rollback
from pipeline.repository.delivery import (
    Publication,
    bring_contract_report,
    check_publication,
    commit_files,
    fast_forward,
)
from pipeline.repository.dvc_lock import LOCK, inputs, read_lock
from pipeline.repository.project import GIT, Project
from pipeline.repository.workspace import Workspace
from pipeline.runtime import sections
from pipeline.runtime.errors import CommandError, RuleError, as_rule_error

TOLD = (HISTORY, MARKDOWN, PAGE)
"""The files that tell of a rollback."""


def rollback(folder: Path, *, tag: str) -> list[str]:
    """Go back to the night of the tag; returns what was done, in words.

    It is all done in a clone first, with the bytes of the table and the models.
    Raises: RuleError. The project is then as it was, unless only the last dvc checkout has failed.
    """
    checkout = Project.at(folder)
    with only_one(folder), tempfile.TemporaryDirectory(prefix="rollback-", dir=folder / LOCK_FILE.parent) as run:
        errors, fix = (CommandError, ValueError, OSError), "make it work in the project's folder, and try again"
        with as_rule_error(errors, f"the state of {tag}", rule="must be restored", fix=fix):
            check_accepted(checkout, tag)
            table = table_path(checkout, tag, temporary=Path(run))
            nightly = sections.load(
                params.Nightly, "nightly", file=folder / params.FILE
            )  # the rest may be what is wrong
            return _in_clone(
                Workspace.of_head(checkout, run=Path(run)), tag, table=table, seconds=nightly.publish_seconds
            )


def _in_clone(workspace: Workspace, tag: str, *, table: str, seconds: float) -> list[str]:
    """Restore the night's files in the clone, commit them there, and move the user's checkout to that commit."""
    files = changed_files(workspace.project, tag, table=table)
    if not files:
        return [f"rollback: nothing to do, {workspace.branch} has all files of {tag}"]
    today, workspace = datetime.now(UTC).date(), _as_operator(workspace)
    publication = Publication([*files, *map(str, TOLD)], f"Roll back to {tag}", today)
    clone, before = workspace.project, models(workspace.project)
    clone.lines(*GIT, "restore", f"--source=refs/tags/{tag}", "--worktree", "--", *files)
    clone.check_inside(publication.files)
    _tell(clone.folder, date=today.isoformat(), tag=tag, table=table)
    check_publication(workspace, publication)
    _check_outputs(workspace.checkout, seconds=seconds)
    workspace.checkout_outputs(seconds=seconds)
    check_bytes(clone, table=table)
    stale = clone.stale_stages(seconds=seconds)
    commit_files(clone, publication)
    (made,) = clone.lines("git", "rev-parse", "--short", "HEAD")
    rule, fix = f"must go forward to the commit {made}", "roll back again; if HEAD is there already, dvc checkout"
    with as_rule_error(CommandError, "your checkout", rule=rule, fix=fix):
        fast_forward(workspace, seconds=seconds)
    bring_contract_report(workspace)
    again = f"; code, settings or versions are not that night's: dvc repro would run {', '.join(stale)} again"
    return [
        f"rollback: {workspace.branch} is back at {tag}, by the new commit {made}",
        f"files: {_files_in_words(files)}; the history and the reports of the nights tell of it",
        f"models: {_changes(before, models(clone)) or 'as before'}",
        f"next: git push{', dvc push' if workspace.has_remote else ''}{again if stale else ''}",
    ]


def _tell(project: Path, *, date: str, tag: str, table: str) -> None:
    """Have the history and the reports of the nights tell of the rollback."""
    from pipeline.nights.page import rollback_page  # they import PyTorch: what is refused is refused before
    from pipeline.nights.record import read_history
    from pipeline.nights.report import rollback_markdown

    table_md5 = inputs(read_lock(project / LOCK)).get(table, "")
    add_rollback(project, date=date, tag=tag, table_md5=table_md5)
    (project / MARKDOWN).write_text(rollback_markdown(date, tag=tag), encoding="utf-8")
    (project / PAGE).write_text(rollback_page(read_history(project), tag=tag), encoding="utf-8")


def _as_operator(workspace: Workspace) -> Workspace:
    """The workspace, with the user as author and committer: the clone does not have the settings of the checkout.

    Raises: RuleError if git does not know who the user is.
    """
    variables: dict[str, str] = {}
    fix = "git config user.name and git config user.email set it"
    with as_rule_error(CommandError, "git", rule="must know who you are, as the commit is yours", fix=fix):
        for role in ("AUTHOR", "COMMITTER"):
            (line,) = workspace.checkout.lines("git", "var", f"GIT_{role}_IDENT")  # A B <a@b.example> 1769824800 +0000
            name, _, rest = line.rpartition(" <")
            variables |= {f"GIT_{role}_NAME": name, f"GIT_{role}_EMAIL": rest.partition("> ")[0]}
    return workspace.with_variables(variables)


def _check_outputs(checkout: Project, *, seconds: float) -> None:
    """Refuse to replace outputs, and a table that DVC has, whose bytes only the work tree may have."""
    if at_risk := checkout.only_in_the_work_tree(seconds=seconds):
        rule = "must be as dvc.lock records them, and in DVC's cache to be had again"
        found = f"changed, or not in the cache: {', '.join(at_risk)}"
        fix = "dvc checkout brings the recorded ones, dvc commit records these"
        raise RuleError("your table and outputs", rule=rule, found=found, fix=fix)


def _files_in_words(files: Sequence[str]) -> str:
    """The files, those of the metrics as a number.

    >>> _files_in_words(["dvc.lock", "metrics/recipes/full.json", "metrics/plots/full/slices.csv"])
    'dvc.lock, 2 in metrics'
    """
    others = [file for file in files if not file.startswith(f"{METRICS}/")]
    many = len(files) - len(others)
    return ", ".join([*others, *([f"{many} in {METRICS}"] if many else [])])


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """The models that are not the same, by the first digits of their md5.

    >>> _changes({"models/full": "d41d8cd98f00"}, {"models/full": "0cc175b9c0f1"})
    'models/full (md5 d41d8cd9 → 0cc175b9)'
    """
    paths = [path for path in sorted({*before, *after}) if before.get(path) != after.get(path)]
    return ", ".join(f"{path} (md5 {before.get(path, 'none')[:8]} → {after.get(path, 'none')[:8]})" for path in paths)
