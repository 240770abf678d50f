"""A night's results, published in an order that leaves nothing half done: data, commit, upstream, user's checkout."""

import json
import time
from collections.abc import Callable, Sequence

from pipeline.repository.delivery import Publication, bring, check, commit, with_identity
from pipeline.repository.project import DVC, LOCK, Project
from pipeline.repository.upstream import Upstream
from pipeline.repository.workspace import Workspace
from pipeline.runtime.errors import CommandError, RuleError


def publish(
    workspace: Workspace,
    publication: Publication,
    *,
    tries: int,
    seconds: float,
    pause: Callable[[float], None] = time.sleep,
) -> str:
    """Publish from the night's clone; returns the commit. Each command has the time limit; pushing has the tries.

    Raises: RuleError. Until the push, only DVC's remote has more than before; after it, only the user's checkout may
    be behind, and the message says how to bring it forward.
    """
    workspace = with_identity(workspace, publication.date)
    clone = workspace.project
    try:
        check(workspace, publication)
        if workspace.has_remote and LOCK in publication.files:  # else the outputs are those of the commit before
            _push_data(clone, seconds=seconds)
        commit(clone, publication)
        upstream = Upstream.of(workspace)
        if upstream:
            upstream.push(workspace, tag=lambda: _tag(clone, publication), tries=tries, seconds=seconds, pause=pause)
        tags = _tag(clone, publication)
    except CommandError as error:
        fix = "make it work in the project's folder; the next night tries again"
        raise RuleError("tonight's results", rule="must be published", found=f"that {error}", fix=fix) from None
    refs = [*(f"+{tag}:{tag}" for tag in tags), *([f"+HEAD:{upstream.tracked}"] if upstream else [])]
    return _brought(workspace, refs=refs, state="pushed" if upstream else "only in the night's clone", seconds=seconds)


def _push_data(clone: Project, *, seconds: float) -> None:
    """Push what the stages wrote, and see that each file is there.

    `dvc push` and `dvc status --cloud` take a folder as pushed if its listing is there: they miss files it has lost.
    """
    clone.lines(*DVC, "push", seconds=seconds)
    status = (*DVC, "data", "status", "--not-in-remote", "--granular", "--json")
    missing = json.loads("\n".join(clone.lines(*status, seconds=seconds))).get("not_in_remote", [])
    if missing:
        rule, fix = "must have all outputs once they are pushed", "delete the listings of their folders there (*.dir)"
        raise RuleError("DVC's remote", rule=rule, found=f"none of {', '.join(missing)}", fix=fix)


def _tag(clone: Project, publication: Publication) -> list[str]:
    """Tag the clone's HEAD, if it is to have a tag; returns the refs."""
    if not publication.tag:
        return []
    words = ("--annotate", "--force", "--cleanup=whitespace")
    clone.lines("git", "tag", *words, "--message", publication.message, "--", publication.tag)
    return [f"refs/tags/{publication.tag}"]


def _brought(workspace: Workspace, *, refs: Sequence[str], state: str, seconds: float) -> str:
    """Bring the clone's HEAD, and these refs, to the user's checkout; returns the commit."""
    top, made = workspace.project.lines("git", "rev-parse", "--show-toplevel", "HEAD")
    try:
        bring(workspace, refs=refs, seconds=seconds)
    except CommandError as error:
        raise RuleError(
            "your checkout",
            rule=f"must go forward to tonight's commit {made}, which is {state}",
            found=f"that {error}",
            fix=f"git fetch {top} HEAD, git merge --ff-only {made}, dvc checkout",
        ) from None
    return made
