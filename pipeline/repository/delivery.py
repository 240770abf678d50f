"""A commit that is made in a clone and goes to the user's checkout: refused in time, or whole."""

import datetime
import shlex
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline.repository.project import DVC, GIT, NO_HOOKS, Project
from pipeline.repository.workspace import Workspace
from pipeline.runtime.errors import RuleError

CONTRACT_REPORT = Path("data/contract-report.txt")  # what prepare says of its table, for this machine alone


@dataclass(frozen=True)
class Publication:
    """What becomes a commit, and a tag if it has a name: these files as the clone has them, and no others."""

    files: Sequence[str]
    message: str
    date: datetime.date
    tag: str | None = None


def check_publication(workspace: Workspace, publication: Publication) -> None:
    """Refuse what the user's checkout could not take over, before any change. Raises: RuleError; CommandError."""
    list_changed = (*GIT, "diff", "--name-only", "--relative", "HEAD")
    if others := sorted(set(workspace.project.lines(*list_changed)) - set(publication.files)):  # would be lost
        rule, fix = "must change no file in git but its outputs", "declare these in dvc.yaml, or let git ignore them"
        raise RuleError("the pipeline", rule=rule, found=f"changes in {', '.join(others)}", fix=fix)
    check_unchanged(workspace, publication.files, tag=publication.tag)


def check_unchanged(workspace: Workspace, files: Sequence[str], *, tag: str | None = None) -> None:
    """Refuse files, and a tag, that the user's checkout could not take over. Raises: RuleError; CommandError."""
    (branch,) = workspace.checkout.lines("git", "rev-parse", "--symbolic-full-name", "HEAD")
    (commit,) = workspace.checkout.lines("git", "rev-parse", "HEAD")
    if (branch, commit) != (f"refs/heads/{workspace.branch}", workspace.commit):
        rule = f"must stay at the commit that was cloned, {workspace.branch} at {workspace.commit}"
        raise RuleError("HEAD", rule=rule, found=f"{branch} at {commit}", fix="begin again from there")
    status = (*GIT, "status", "--porcelain")
    if dirty := workspace.checkout.lines(*status, "--untracked-files=all", "--ignored=matching", "--", *files):
        rule = "must have no changes of your own in what is to be published"
        raise RuleError("your work tree", rule=rule, found=", ".join(dirty), fix="; ".join(_remedies(dirty)))
    if tag and tags_in_use(workspace.checkout, tag):
        fix = "give another --date, or delete the tag if you do not need it"
        raise RuleError(f"the tag {tag}", rule="must be new", found="one", fix=fix)


def _remedies(changes: Sequence[str]) -> Iterator[str]:
    """What to do about the changed files, given as git status names them.

    >>> list(_remedies([" D dvc.lock", " M metrics/full.json"]))
    ['git checkout HEAD -- dvc.lock brings back what is deleted', 'commit what is changed, or git stash it']
    """
    kinds = [(change[:2].strip(), change[3:]) for change in changes]
    if deleted := [file for kind, file in kinds if kind == "D"]:
        yield f"git checkout HEAD -- {shlex.join(deleted)} brings back what is deleted"
    if any(kind not in ("D", "??", "!!") for kind, _ in kinds):
        yield "commit what is changed, or git stash it"
    if any(kind in ("??", "!!") for kind, _ in kinds):
        yield "move away what git does not have, or add and commit it"


def tags_in_use(checkout: Project, pattern: str) -> list[str]:
    """The tags whose commit is in a branch, here or of a remote. Others are what killed commands have left."""
    branches = ("git", "for-each-ref", "--count=1", "refs/heads", "refs/remotes", "--contains")
    return [
        tag for tag in checkout.lines("git", "tag", "--list", pattern) if checkout.lines(*branches, f"refs/tags/{tag}")
    ]


def commit_files(clone: Project, publication: Publication) -> None:
    """Commit the files of the publication and nothing else, whatever else is staged."""
    clone.lines(*GIT, "add", "--all", "--", *publication.files)
    words = ("--quiet", "--only", "--no-verify", "--cleanup=whitespace", "--message", publication.message)
    clone.lines(*GIT, "commit", *words, "--", *publication.files)


def fast_forward(workspace: Workspace, *, refs: Sequence[str] = (), seconds: float) -> None:
    """Fetch these refs into the user's repository, then move its branch, work tree and outputs to the clone's HEAD.

    So a tag may be there before its commit is in the branch, if this is killed, but never a commit without its tag.
    Raises: CommandError if git or DVC refuse, which they do where changes would be lost.
    """
    top, made = workspace.project.lines("git", "rev-parse", "--show-toplevel", "HEAD")
    git = ("git", "-c", NO_HOOKS)
    fetch = (*git, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--", top, "HEAD", *refs)
    merge = (*git, "merge", "--quiet", "--ff-only", "--no-autostash", made)
    for command in (fetch, merge, (*DVC, "checkout", "--allow-missing")):
        workspace.checkout.lines(*command, seconds=seconds)


def bring_contract_report(workspace: Workspace) -> None:
    """Let the checkout have the clone's report on the table, which neither git nor DVC has; or none, if none."""
    ours, theirs = (tree.folder / CONTRACT_REPORT for tree in (workspace.project, workspace.checkout))
    with suppress(OSError):  # it is for reading alone, and all else is published
        theirs.unlink(missing_ok=True)
        if ours.exists():
            shutil.copyfile(ours, theirs)
