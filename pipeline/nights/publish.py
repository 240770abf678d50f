"""A night's results, published in an order that leaves nothing half done: data, commit, upstream, user's checkout."""

import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, count

from pipeline.nights.bot import as_bot
from pipeline.nights.canary import Canary
from pipeline.nights.night import FAILURES, Night, NightResult
from pipeline.nights.page import night_page
from pipeline.nights.record import NightOutcome, Record, read_history
from pipeline.nights.record_files import FILES, MARKDOWN, PAGE
from pipeline.nights.report import markdown
from pipeline.repository.delivery import (
    Publication,
    bring_contract_report,
    check_publication,
    commit_files,
    fast_forward,
    tags_in_use,
)
from pipeline.repository.dvc_lock import LOCK
from pipeline.repository.project import DVC, Project
from pipeline.repository.upstream import Upstream
from pipeline.repository.workspace import Workspace
from pipeline.runtime import escape
from pipeline.runtime.errors import CommandError, RuleError, as_rule_error
from pipeline.runtime.private import private


def publish(night: Night, record: Record, canary: Canary | None = None) -> NightResult:
    """Publish what the decision lets out: everything, or the record alone, or nothing; failed if it cannot be.

    canary: of the challenger, which may go out only if it comes back from DVC's remote as it is.
    """
    settings, accepted = night.settings, record.decision.accepted
    try:
        if not accepted:  # then the clone goes back to its commit: to the champion and all that belongs to it
            project = night.workspace.project
            project.lines("git", "reset", "--quiet", "--hard")
            project.lines("git", "clean", "--quiet", "-d", "--force")
            project.lines(*DVC, "checkout", "--force", "--allow-missing", seconds=settings.publish_seconds)
        tag = _free_tag(night) if accepted else None
        _write(night, replace(record, tag=tag))
        commit = None
        if accepted or settings.record_kept:
            files = night.publishable_files() if accepted else night.workspace.project.unignored_files(*FILES)
            message = f"Night of {night.date.isoformat()}: {record.decision}\n\n{escape.commit_message(record.reason)}"
            publication = Publication(sorted(set(files)), message, night.date, tag)
            check = partial(canary.check, night) if accepted and canary else None
            commit = publish_commit(
                night.workspace, publication, tries=settings.tries, seconds=settings.publish_seconds, check=check
            )
    except FAILURES as error:
        return NightResult(NightOutcome.FAILED, str(error))
    return NightResult(record.decision, record.reason, record, commit, table_md5=record.table_md5)


def _write(night: Night, record: Record) -> None:
    """The record, and the reports on it: for those who come after, and for who is at this machine."""
    record.write(night.tree)
    text = markdown(record)
    (night.tree / MARKDOWN).write_text(text, encoding="utf-8")
    (night.tree / PAGE).write_text(night_page(read_history(night.tree), record), encoding="utf-8")
    with open(night.folder / MARKDOWN.name, "w", encoding="utf-8", opener=private) as file:
        file.write(text)


def _free_tag(night: Night) -> str:
    """`nightly-2026-01-31`, or with a number behind it if there was such a night before, here or upstream."""
    name, workspace = f"nightly-{night.date.isoformat()}", night.workspace
    tries, seconds = night.settings.tries, night.settings.publish_seconds
    taken = tags_in_use(workspace.checkout, f"{name}*")
    if upstream := Upstream.of(workspace):
        taken += upstream.tags(workspace, f"{name}*", tries=tries, seconds=seconds)
    names = chain([name], (f"{name}.{number}" for number in count(2)))
    return next(tag for tag in names if tag not in taken)


def publish_commit(
    workspace: Workspace,
    publication: Publication,
    *,
    tries: int,
    seconds: float,
    check: Callable[[Workspace], None] | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> str:
    """Bring the publication from the clone to all who need it; returns the commit.

    Each command has the time limit; pushing has the tries. check: is called with the commit made and nothing but the
    data pushed, if DVC has a remote.
    Raises: RuleError. Until the push, only DVC's remote has more than before; after it, only the user's checkout may
    be behind, and the message says how to bring it forward.
    """
    workspace = as_bot(workspace, publication.date)
    clone = workspace.project
    fix = "make it work in the project's folder; the next night tries again"
    with as_rule_error(CommandError, "tonight's results", rule="must be published", fix=fix):
        check_publication(workspace, publication)
        if workspace.has_remote and LOCK in publication.files:  # else the outputs are those of the commit before
            _push_data(clone, seconds=seconds)
        commit_files(clone, publication)
        if check and workspace.has_remote:
            check(workspace)
        upstream = Upstream.of(workspace)
        if upstream:
            upstream.push(workspace, tag=lambda: _tag(clone, publication), tries=tries, seconds=seconds, pause=pause)
        tags = _tag(clone, publication)
    refs = [*(f"+{tag}:{tag}" for tag in tags), *([f"+HEAD:{upstream.tracked}"] if upstream else [])]
    state = "pushed" if upstream else "only in the night's clone"
    made = _move_checkout(workspace, refs=refs, state=state, seconds=seconds)
    if LOCK in publication.files:
        bring_contract_report(workspace)
    return made


def _push_data(clone: Project, *, seconds: float) -> None:
    """Push what the stages wrote, and see that each file is there.

    `dvc push` and `dvc status --cloud` take a folder as pushed if its listing is there: they miss files it has lost.
    """
    clone.lines(*DVC, "push", seconds=seconds)
    if missing := clone.missing_in_remote(seconds=seconds):
        rule, fix = "must have all outputs once they are pushed", "delete the listings of their folders there (*.dir)"
        raise RuleError("DVC's remote", rule=rule, found=f"none of {', '.join(missing)}", fix=fix)


def _tag(clone: Project, publication: Publication) -> list[str]:
    """Tag the clone's HEAD, if it is to have a tag; returns the refs."""
    if not publication.tag:
        return []
    words = ("--annotate", "--force", "--cleanup=whitespace")
    clone.lines("git", "tag", *words, "--message", publication.message, "--", publication.tag)
    return [f"refs/tags/{publication.tag}"]


def _move_checkout(workspace: Workspace, *, refs: Sequence[str], state: str, seconds: float) -> str:
    """Move the user's checkout forward to the clone's HEAD, and fetch these refs; returns the commit."""
    top, made = workspace.project.lines("git", "rev-parse", "--show-toplevel", "HEAD")
    rule = f"must go forward to tonight's commit {made}, which is {state}"
    fix = f"git fetch {shlex.quote(top)} HEAD; git merge --ff-only {made}; dvc checkout, with --force if it names files"
    with as_rule_error(CommandError, "your checkout", rule=rule, fix=fix):
        fast_forward(workspace, refs=refs, seconds=seconds)
    return made
