"""A commit of a night's clone that the user's checkout takes over: refused in time, or whole."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipeline.clone import DVC, NO_HOOKS, Project
from pipeline.trouble import NightError
from pipeline.workspace import Workspace

NAME, ADDRESS = "salary-pipeline nightly", "nightly@localhost"


@dataclass(frozen=True)
class Publication:
    """What becomes a commit, and a tag if it has a name: these files as the night's clone has them, and no others."""

    files: Sequence[str]
    message: str
    date: datetime.date
    tag: str | None = None

    def variables(self) -> dict[str, str]:
        """For git: the bot at the date's midnight, UTC, so that a night is always the same commit; plain file names."""
        values = {"NAME": NAME, "EMAIL": ADDRESS, "DATE": f"{self.date.isoformat()}T00:00:00+0000"}
        signed = {f"GIT_{role}_{part}": values[part] for role in ("AUTHOR", "COMMITTER") for part in values}
        return {**signed, "GIT_LITERAL_PATHSPECS": "1"}


def signed(night: Workspace, publication: Publication) -> Workspace:
    """The same, with the publication's variables for all commands of git, in the clone and in the user's checkout."""
    variables = publication.variables()
    user = replace(night.user, environment={**night.user.environment, **variables})
    clone = replace(night.project, environment={**night.project.environment, **variables})
    return replace(night, user=user, project=clone)


def check(night: Workspace, publication: Publication) -> None:
    """Refuse what could not be handed over in the end, before anything is changed.

    Raises: NightError; CommandError if git cannot tell.
    """
    _check_clone(night.project, publication.files)
    check_user(night, publication)


def _check_clone(clone: Project, files: Sequence[str]) -> None:
    """Refuse to publish nothing, whole folders, or less than the night has changed."""
    folders = [file for file in files if (clone.folder / file).is_dir()]
    changed = clone.lines("git", "-c", "core.quotePath=false", "diff", "--name-only", "--relative", "HEAD")
    others = sorted(set(changed) - set(files))
    if folders or others or not files or not clone.lines("git", "status", "--porcelain", "--", *files):
        raise NightError(
            "the night",
            rule="must publish one or more changed files, each by its name, and all of git's that it changes",
            found=f"{list(files)} to publish, of these {folders} folders; {others} changed besides",
            fix="name those, or restore them",
        )


def check_user(night: Workspace, publication: Publication) -> None:
    """Refuse to publish what the user's checkout could not take over in the end.

    Raises: NightError; CommandError if git cannot tell.
    """
    (branch,) = night.user.lines("git", "rev-parse", "--symbolic-full-name", "HEAD")
    (commit,) = night.user.lines("git", "rev-parse", "HEAD")
    if (branch, commit) != (f"refs/heads/{night.branch}", night.commit):
        rule = f"must be where the night began, {night.branch} at {night.commit}"
        raise NightError("HEAD", rule=rule, found=f"{branch} at {commit}", fix="let the next night begin there")
    changes = ("git", "status", "--porcelain", "--untracked-files=all", "--ignored=matching", "--")
    if dirty := night.user.lines(*changes, *publication.files):
        rule, fix = "must have no changes of your own in what is to be published", "commit them, or git stash them"
        raise NightError("your work tree", rule=rule, found=", ".join(dirty), fix=fix)
    if publication.tag and night.user.lines("git", "tag", "--list", "--merged", "HEAD", publication.tag):
        fix = "give another --date, or delete the tag if you do not need it"
        raise NightError(f"the tag {publication.tag}", rule="must be new", found="one", fix=fix)


def commit(clone: Project, publication: Publication) -> None:
    """Commit the files of the publication and nothing else, whatever else is staged."""
    clone.lines("git", "add", "--all", "--", *publication.files)
    words = ("--quiet", "--only", "--no-verify", "--cleanup=whitespace", "--message", publication.message)
    clone.lines("git", "commit", *words, "--", *publication.files)


def bring(night: Workspace, *, refs: Sequence[str] = (), seconds: float) -> None:
    """Bring these refs to the user's checkout, then move its branch, work tree and outputs to the clone's HEAD.

    So a tag may be there before its commit is in the branch, if this is killed, but never a commit without its tag.
    Raises: CommandError if git or DVC refuse, which they do where changes would be lost.
    """
    (top,) = night.project.lines("git", "rev-parse", "--show-toplevel")
    (made,) = night.project.lines("git", "rev-parse", "HEAD")
    git = ("git", "-c", NO_HOOKS)
    fetch = (*git, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--", top, "HEAD", *refs)
    merge = (*git, "merge", "--quiet", "--ff-only", "--no-autostash", made)
    for command in (fetch, merge, (*DVC, "checkout", "--allow-missing")):
        night.user.lines(*command, seconds=seconds)
