"""A night's results, published in an order that leaves nothing half done: data, commit, upstream, user's checkout."""

import datetime
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pipeline.clone import DVC, NO_HOOKS, Project
from pipeline.processes import CommandError
from pipeline.trouble import NightError
from pipeline.upstream import Upstream
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


def publish(
    night: Workspace,
    publication: Publication,
    *,
    tries: int,
    seconds: float,
    pause: Callable[[float], None] = time.sleep,
) -> str:
    """Publish from the night's clone; returns the commit. Each command has the time limit; pushing has the tries.

    Raises: NightError. The user's repository is then as it was, unless only DVC could not follow in the end.
    """
    variables = publication.variables()
    user = replace(night.user, environment={**night.user.environment, **variables})
    clone = replace(night.project, environment={**night.project.environment, **variables})
    night = replace(night, user=user, project=clone)
    try:
        _check_clone(clone, publication.files)
        _check_user(night, publication)
        if night.has_remote():
            _push_data(clone, seconds=seconds)
        _commit(clone, publication)
        upstream = Upstream.of(night)
        if upstream:
            upstream.push(night, tag=lambda: _tag(clone, publication), tries=tries, seconds=seconds, pause=pause)
        tags = _tag(clone, publication)
    except CommandError as error:
        fix = "make it work in the project's folder; the next night tries again"
        raise NightError("tonight's results", rule="must be published", found=f"that {error}", fix=fix) from None
    refs = [*(f"{tag}:{tag}" for tag in tags), *([f"+HEAD:{upstream.tracked}"] if upstream else [])]
    _bring(night, refs=refs, state="pushed" if upstream else "only in the night's clone", seconds=seconds)
    (commit,) = clone.lines("git", "rev-parse", "HEAD")
    return commit


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


def _check_user(night: Workspace, publication: Publication) -> None:
    """Refuse to publish what the user's checkout could not take over in the end."""
    (branch,) = night.user.lines("git", "rev-parse", "--symbolic-full-name", "HEAD")
    (commit,) = night.user.lines("git", "rev-parse", "HEAD")
    if (branch, commit) != (f"refs/heads/{night.branch}", night.commit):
        rule = f"must be where the night began, {night.branch} at {night.commit}"
        raise NightError("HEAD", rule=rule, found=f"{branch} at {commit}", fix="let the next night begin there")
    changes = ("git", "status", "--porcelain", "--untracked-files=all", "--ignored=matching", "--")
    if dirty := night.user.lines(*changes, *publication.files):
        rule, fix = "must have no changes of your own in what the night publishes", "commit them, or git stash them"
        raise NightError("your work tree", rule=rule, found=", ".join(dirty), fix=fix)
    if publication.tag and night.user.lines("git", "tag", "--list", publication.tag):
        fix = "give another --date, or delete the tag if you do not need it"
        raise NightError(f"the tag {publication.tag}", rule="must be new", found="one", fix=fix)


def _push_data(clone: Project, *, seconds: float) -> None:
    """Push what the stages wrote, and see that each file is there.

    `dvc push` and `dvc status --cloud` take a folder as pushed if its listing is there: they miss files it has lost.
    """
    clone.lines(*DVC, "push", "--quiet", seconds=seconds)
    status = (*DVC, "data", "status", "--not-in-remote", "--granular", "--json")
    missing = json.loads("\n".join(clone.lines(*status, seconds=seconds))).get("not_in_remote", [])
    if missing:
        rule, fix = "must have all outputs once they are pushed", "delete the listings of their folders there (*.dir)"
        raise NightError("DVC's remote", rule=rule, found=f"none of {', '.join(missing)}", fix=fix)


def _commit(clone: Project, publication: Publication) -> None:
    """Commit the files of the publication and nothing else, whatever else is staged."""
    clone.lines("git", "add", "--all", "--", *publication.files)
    words = ("--quiet", "--only", "--no-verify", "--cleanup=whitespace", "--message", publication.message)
    clone.lines("git", "commit", *words, "--", *publication.files)


def _tag(clone: Project, publication: Publication) -> list[str]:
    """Tag the clone's HEAD, if it is to have a tag; returns the refs."""
    if not publication.tag:
        return []
    words = ("--annotate", "--force", "--cleanup=whitespace")
    clone.lines("git", "tag", *words, "--message", publication.message, "--", publication.tag)
    return [f"refs/tags/{publication.tag}"]


def _bring(night: Workspace, *, refs: Sequence[str], state: str, seconds: float) -> None:
    """Move the user's branch, work tree and outputs to the clone's HEAD. Git and DVC refuse what would lose changes."""
    (top,) = night.project.lines("git", "rev-parse", "--show-toplevel")
    (commit,) = night.project.lines("git", "rev-parse", "HEAD")
    git = ("git", "-c", NO_HOOKS)
    fetch = (*git, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--", top)
    merge = (*git, "merge", "--quiet", "--ff-only", "--no-autostash", commit)
    try:
        for command in ((*fetch, "HEAD"), merge, (*fetch, *refs), (*DVC, "checkout", "--quiet", "--allow-missing")):
            night.user.lines(*command, seconds=seconds)
    except CommandError as error:
        raise NightError(
            "your checkout",
            rule=f"must go forward to tonight's commit {commit}, which is {state}",
            found=f"that {error}",
            fix=f"git fetch {top} HEAD, git merge --ff-only {commit}, dvc checkout",
        ) from None
