"""A night from its beginning to its end: fetch, check, retrain, compare, publish."""

import datetime
import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from pipeline import params
from pipeline.nights.canary import Canary
from pipeline.nights.champion import find_champion
from pipeline.nights.check import check_new_rows, check_table
from pipeline.nights.compare import comparable, compare
from pipeline.nights.costs import step, with_unusual_costs
from pipeline.nights.fetch import fetch_table
from pipeline.nights.night import FAILURES, Night, NightEnded, NightResult
from pipeline.nights.notify import notify_and_log
from pipeline.nights.one_at_a_time import only_one
from pipeline.nights.publish import publish
from pipeline.nights.readiness import check_ready
from pipeline.nights.record import NightOutcome
from pipeline.nights.retrain import retrain
from pipeline.nights.staleness import with_staleness
from pipeline.repository.project import DVC, Project
from pipeline.repository.upstream import catch_up
from pipeline.repository.workspace import Workspace, keep_leftover_clones
from pipeline.runtime import sections
from pipeline.runtime.errors import BusyError, CommandError
from pipeline.runtime.private import FOLDER, private_folder


def run_night(checkout: Project, *, date: datetime.date, force_reason: str | None = None) -> NightResult:
    """Spend a night in the project; leave its log in `runs/`, and tell who is to be told.

    Nobody is told, and no log is left, if the settings of nights are broken, if the project is busy, or if others may
    write to `runs/` or `.cache/`.
    """
    started = datetime.datetime.now(datetime.UTC)
    run = checkout.folder / "runs" / f"{started:%Y-%m-%dT%H%M%SZ}-{os.getpid()}"  # 2026-01-31T021700Z-4711
    try:
        settings = sections.load(
            params.Nightly, "nightly", file=checkout.folder / params.FILE
        )  # all else: `Night.begin`
    except ValueError as error:
        fix = f"git checkout -- {params.FILE} brings back the committed ones"
        return NightResult(NightOutcome.FAILED, f"{error}\nmend the settings, or {fix}")
    try:
        private_folder(run.parent)
        with only_one(checkout.folder):
            result = _run_in_fresh_clone(checkout, settings, run=run, date=date, force_reason=force_reason)
    except BusyError as error:
        return NightResult(NightOutcome.BUSY, str(error))
    except FAILURES as error:
        return NightResult(NightOutcome.FAILED, str(error))
    notify_and_log(result, settings.notify, checkout=checkout, run=run, date=date, started=started)
    return replace(result, folder=run if run.exists() else None)


def _run_in_fresh_clone(
    checkout: Project, settings: params.Nightly, *, run: Path, date: datetime.date, force_reason: str | None
) -> NightResult:
    """Get the checkout ready, and spend the night in a clone of it, whatever it ends with."""
    try:
        _remove_empty_folders(run.parent)
        run.mkdir(FOLDER)
        if keep_leftover_clones(run.parent):
            # the killed night may have moved the branch, and not have come to its outputs
            checkout.check_links()
            checkout.lines(*DVC, "checkout", "--allow-missing", seconds=settings.publish_seconds)
        catch_up(checkout, tries=settings.tries, seconds=settings.publish_seconds)
        return _run_in_clone(Workspace.of_head(checkout, run=run), run=run, date=date, force_reason=force_reason)
    except FAILURES as error:
        return NightResult(NightOutcome.FAILED, str(error))
    except KeyboardInterrupt:
        return NightResult(NightOutcome.INTERRUPTED, "interrupted; the next night begins anew")


def _remove_empty_folders(runs: Path) -> None:
    """Remove what nights that were killed in their first moments have left."""
    for folder in runs.iterdir():
        with suppress(OSError):  # it is a file, or there is something in it
            folder.rmdir()


def _run_in_clone(workspace: Workspace, *, run: Path, date: datetime.date, force_reason: str | None) -> NightResult:
    """Spend the night in the clone, then remove it: it stays if the night is interrupted, or could not be published."""
    try:
        night = Night.begin(workspace, folder=run, date=date, force_reason=force_reason)
        result = with_unusual_costs(night, with_staleness(night, _run_steps(night)))
    except FAILURES:
        workspace.remove()
        raise
    if result.outcome is not NightOutcome.FAILED:
        with suppress(CommandError, OSError):  # the night has ended as it has; the next one puts the clone aside
            workspace.remove()
    return result


def _run_steps(night: Night) -> NightResult:
    """Fetch, check, retrain, compare, publish. A step that ends the night early raises NightEnded."""
    try:
        with step(night.folder, "fetch"):
            fetched = fetch_table(night)
        with step(night.folder, "check"):
            check_ready(night, fetched)
            checked = check_table(night, fetched)
            champion = comparable(find_champion(night), checked.table)
            checked = check_new_rows(night, checked, champion)
        with step(night.folder, "retrain"):
            challenger = retrain(night, checked)
        with step(night.folder, "compare"):
            record = compare(night, checked, champion=champion, challenger=challenger)
            canary = Canary.of(checked.table, challenger)
    except NightEnded as ended:
        if ended.record is None:
            return NightResult(ended.outcome, ended.message, table_md5=ended.table_md5)
        record, canary = ended.record, None
    with step(night.folder, "publish"):
        return publish(night, record, canary)
