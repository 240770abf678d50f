"""A night from its beginning to its end: fetch, check, retrain, compare, publish."""

import datetime
import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import chain, count
from pathlib import Path

from pipeline import params
from pipeline.nights import record
from pipeline.nights.check import REJECTED, Known, check_table, fetch_table
from pipeline.nights.night import Night
from pipeline.nights.publish import publish
from pipeline.nights.record import Record
from pipeline.nights.result import ACCEPTED, ENDINGS, Ending, Report, notify_and_log
from pipeline.nights.retrain import restore, retrain
from pipeline.repository.delivery import Publication, tags_in_use
from pipeline.repository.project import DVC, KNOWN_FILES, Project
from pipeline.repository.upstream import Upstream, catch_up
from pipeline.repository.workspace import Workspace, put_aside
from pipeline.runtime.errors import BusyError, CommandError, RuleError
from pipeline.runtime.lock import RUNNING, exclusive


def run_night(user: Project, *, date: datetime.date, forced: str | None = None, results: Path | None = None) -> Report:
    """Spend a night in the project; leave its log in `runs/`, and tell who is to be told.

    results: a project in which the pipeline has run on tonight's table already, if there is one.
    Nobody is told, and no log is left, if params.yaml is broken or the project is busy.
    """
    folder, started = user.folder, datetime.datetime.now(datetime.UTC)
    run = folder / "runs" / f"{started:%Y-%m-%dT%H%M%SZ}-{os.getpid()}"
    try:
        settings = params.load(params.Nightly, "nightly", file=folder / params.FILE)
    except ValueError as error:
        return Report(Ending.FAILED, str(error))
    begin = partial(Night.begin, folder=run, date=date, forced=forced, results=results)
    try:
        with exclusive(folder / RUNNING):
            report = _night(user, begin, run=run, settings=settings)
    except BusyError as error:
        return Report(Ending.BUSY, str(error))
    notify_and_log(report, settings.notify, user=user, run=run, date=date, started=started)
    return report


def _night(user: Project, begin: Callable[[Workspace], Night], *, run: Path, settings: params.Nightly) -> Report:
    """The night in its order, whatever it ends with."""
    try:
        run.mkdir(parents=True)
        if put_aside(run.parent):
            # the killed one may have moved the branch, and not have come to its outputs
            user.lines(*DVC, "checkout", "--allow-missing", seconds=settings.publish_seconds)
        catch_up(user, tries=settings.tries, seconds=settings.publish_seconds)
        return _work(Workspace.of_head(user, run=run), begin)
    except (RuleError, CommandError, OSError) as error:
        return Report(Ending.FAILED, str(error))
    except KeyboardInterrupt:
        return Report(Ending.INTERRUPTED, "interrupted; the next night begins anew")


def _work(workspace: Workspace, begin: Callable[[Workspace], Night]) -> Report:
    """Judge and publish in the clone, and remove it. What fails in publishing, or is interrupted, leaves it."""
    try:
        night = begin(workspace)
        judged = _judge(night)
    except (RuleError, CommandError, OSError):
        workspace.remove()
        raise
    commit = _publish(night, judged) if isinstance(judged, Record) else None
    with suppress(CommandError, OSError):  # it has ended as it has; the next one puts the clone aside
        workspace.remove()
    if isinstance(judged, Known):
        if judged.rejected:
            return Report(Ending.REJECTED, f"still the table that was rejected: {judged.rejected}")
        return Report(Ending.UNCHANGED, "no new data")
    return Report(ENDINGS[judged.decision], judged.reason, judged, commit)


def _judge(night: Night) -> Record | Known:
    """The night up to its decision, which is then in its clone, unless there is no new data."""
    stages = night.stages()
    fetched = fetch_table(night, stages)
    if isinstance(fetched, Known):
        return fetched
    taken = check_table(night, stages, fetched)
    judged = taken if isinstance(taken, Record) else retrain(night, stages, taken)
    if judged.decision == REJECTED:
        fetched.file.replace(night.folder / "rejected.csv")  # by the morning the source may be another
    if ENDINGS[judged.decision] not in ACCEPTED:
        restore(night)
    judged.write(night.tree)
    (night.folder / record.MARKDOWN.name).write_text(judged.to_markdown(), encoding="utf-8")
    return judged


def _publish(night: Night, judged: Record) -> str | None:
    """Publish what the decision lets out: everything, or the record alone; returns the commit, if there is one."""
    accepted = ENDINGS[judged.decision] in ACCEPTED
    if not accepted and not night.settings.record_kept:
        return None
    files = night.published() if accepted else night.workspace.project.lines(*KNOWN_FILES, *record.FILES)
    publication = Publication(
        files=sorted(set(files)),
        message=f"Night of {night.date.isoformat()}: {judged.decision}\n\n{judged.reason}",
        date=night.date,
        tag=_free_tag(night) if accepted else None,
    )
    return publish(night.workspace, publication, tries=night.settings.tries, seconds=night.settings.publish_seconds)


def _free_tag(night: Night) -> str:
    """`nightly-2026-01-31`, or with a number behind it if there was such a night before, here or upstream."""
    name, workspace = f"nightly-{night.date.isoformat()}", night.workspace
    tries, seconds = night.settings.tries, night.settings.publish_seconds
    taken = tags_in_use(workspace.user, f"{name}*")
    if upstream := Upstream.of(workspace):
        taken += upstream.tags(workspace, f"{name}*", tries=tries, seconds=seconds)
    names = chain([name], (f"{name}.{number}" for number in count(2)))
    return next(tag for tag in names if tag not in taken)
