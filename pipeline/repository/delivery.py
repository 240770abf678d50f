"""A commit of a night's clone that the user's checkout takes over: refused in time, or whole."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipeline.repository.project import DVC, NO_HOOKS, Project
from pipeline.repository.workspace import Workspace
from pipeline.runtime.errors import RuleError

NAME, ADDRESS = "salary-pipeline nightly", "nightly@localhost"


@dataclass(frozen=True)
class Publication:
    """What becomes a commit, and a tag if it has a name: these files as the night's clone has them, and no others."""

    files: Sequence[str]
    message: str
    date: datetime.date
    tag: str | None = None


def identity(date: datetime.date) -> dict[str, str]:
    """Variables for git: the bot at the date's midnight, UTC, so that a night is always the same commit."""
    values = {"NAME": NAME, "EMAIL": ADDRESS, "DATE": f"{date.isoformat()}T00:00:00+0000"}
    return {f"GIT_{role}_{part}": values[part] for role in ("AUTHOR", "COMMITTER") for part in values}


def with_identity(workspace: Workspace, date: datetime.date) -> Workspace:
    """The same, where all commands of git are the bot's, in the clone and in the user's checkout."""
    variables = {**identity(date), "GIT_LITERAL_PATHSPECS": "1"}
    user = replace(workspace.user, environment={**workspace.user.environment, **variables})
    clone = replace(workspace.project, environment={**workspace.project.environment, **variables})
    return replace(workspace, user=user, project=clone)


def check(workspace: Workspace, publication: Publication) -> None:
    """Refuse what could not be handed over in the end, before anything is changed.

    Raises: RuleError; CommandError if git cannot tell.
    """
    _check_clone(workspace.project, publication.files)
    check_user(workspace, publication.files, tag=publication.tag)


def _check_clone(clone: Project, files: Sequence[str]) -> None:
    """Refuse if files have changed that are not to be published: they would be lost."""
    changed = clone.lines("git", "-c", "core.quotePath=false", "diff", "--name-only", "--relative", "HEAD")
    if others := sorted(set(changed) - set(files)):
        rule, fix = "must change no file in git but its outputs", "declare these in dvc.yaml, or let git ignore them"
        raise RuleError("the pipeline", rule=rule, found=f"changes in {', '.join(others)}", fix=fix)


def check_user(workspace: Workspace, files: Sequence[str], *, tag: str | None = None) -> None:
    """Refuse to publish files, and a tag, that the user's checkout could not take over in the end.

    Raises: RuleError; CommandError if git cannot tell.
    """
    (branch,) = workspace.user.lines("git", "rev-parse", "--symbolic-full-name", "HEAD")
    (commit,) = workspace.user.lines("git", "rev-parse", "HEAD")
    if (branch, commit) != (f"refs/heads/{workspace.branch}", workspace.commit):
        rule = f"must be where the night began, {workspace.branch} at {workspace.commit}"
        raise RuleError("HEAD", rule=rule, found=f"{branch} at {commit}", fix="let the next night begin there")
    changes = ("git", "status", "--porcelain", "--untracked-files=all", "--ignored=matching", "--")
    if dirty := workspace.user.lines(*changes, *files):
        rule, fix = "must have no changes of your own in what is to be published", "commit them, or git stash them"
        raise RuleError("your work tree", rule=rule, found=", ".join(dirty), fix=fix)
    if tag and tags_in_use(workspace.user, tag):
        fix = "give another --date, or delete the tag if you do not need it"
        raise RuleError(f"the tag {tag}", rule="must be new", found="one", fix=fix)


def tags_in_use(user: Project, pattern: str) -> list[str]:
    """The tags whose commit is in a branch, here or of a remote. Others are what killed nights have left."""
    branches = ("git", "for-each-ref", "--count=1", "refs/heads", "refs/remotes", "--contains")
    return [tag for tag in user.lines("git", "tag", "--list", pattern) if user.lines(*branches, f"refs/tags/{tag}")]


def commit(clone: Project, publication: Publication) -> None:
    """Commit the files of the publication and nothing else, whatever else is staged."""
    clone.lines("git", "add", "--all", "--", *publication.files)
    words = ("--quiet", "--only", "--no-verify", "--cleanup=whitespace", "--message", publication.message)
    clone.lines("git", "commit", *words, "--", *publication.files)


def bring(workspace: Workspace, *, refs: Sequence[str] = (), seconds: float) -> None:
    """Bring these refs to the user's checkout, then move its branch, work tree and outputs to the clone's HEAD.

    So a tag may be there before its commit is in the branch, if this is killed, but never a commit without its tag.
    Raises: CommandError if git or DVC refuse, which they do where changes would be lost.
    """
    top, made = workspace.project.lines("git", "rev-parse", "--show-toplevel", "HEAD")
    git = ("git", "-c", NO_HOOKS)
    fetch = (*git, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--", top, "HEAD", *refs)
    merge = (*git, "merge", "--quiet", "--ff-only", "--no-autostash", made)
    for command in (fetch, merge, (*DVC, "checkout", "--allow-missing")):
        workspace.user.lines(*command, seconds=seconds)
