"""Tonight's table: fetched, checked against the contract and against yesterday's, before it replaces anything."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline import params
from pipeline.data.raw_table import Table, read_table
from pipeline.nights.drift import beyond, measures
from pipeline.nights.fetch import Fetched, fetch
from pipeline.nights.night import Night
from pipeline.nights.record import Record, last_word
from pipeline.repository.dvc_lock import Stage, inputs, md5_of
from pipeline.runtime.errors import CommandError, RuleError

REJECTED = "rejected"


@dataclass(frozen=True)
class Intake:
    """Tonight's table in its file, yesterday's if there is a sound one, and the record so far."""

    file: Path
    table: Table
    before: Table | None
    record: Record


@dataclass(frozen=True)
class Known:
    """A table that needs nothing to be done: it is in use, or was judged last. Why it was rejected, if it was."""

    rejected: str | None = None


def fetch_table(night: Night, stages: Mapping[str, Stage]) -> Fetched | Known:
    """Fetch tonight's table, unless it is that of the last accepted commit, or was judged last under these settings.

    A night that is forced takes it in any case.

    Raises: RuleError if no source is named, or if it cannot be read.
    """
    settings, file = night.settings, night.tree / params.FILE
    if settings.source is None:
        rule, fix = "must say where tonight's table comes from", "name a URL or a path in params.yaml, and commit it"
        raise RuleError("nightly.source", rule=rule, found="null", fix=fix)
    fetched = fetch(
        settings.source,
        project=night.workspace.user,
        target=night.tree / night.table,
        tries=settings.tries,
        seconds=settings.fetch_seconds,
    )
    if night.forced is not None:
        return fetched
    if fetched.md5 == inputs(stages).get(night.table):
        return Known()
    last = last_word(night.tree, table_md5=fetched.md5, params_md5=md5_of(file))
    if last is None:
        return fetched
    decision, reason = last
    return Known(rejected=reason if decision == REJECTED else None)


def check_table(night: Night, stages: Mapping[str, Stage], fetched: Fetched) -> Intake | Record:
    """Check the fetched table; returns what the night goes on with, or the record of its rejection.

    Limits that stop a night do not stop an operator who forces it; the contract does.
    Raises: RuleError if the last accepted commit's outputs cannot be brought.
    """
    try:
        night.workspace.bring_outputs(seconds=night.settings.publish_seconds)
    except CommandError as error:
        rule, fix = "must be at hand", "make dvc pull work in the project's folder"
        raise RuleError("the last accepted outputs", rule=rule, found=f"that {error}", fix=fix) from None
    record = Record(night.date, REJECTED, "", table_md5=fetched.md5, params_md5=md5_of(night.tree / params.FILE))
    try:
        table = read_table(fetched.file, settings=night.prepare)
    except ValueError as error:
        return replace(record, reason=str(error).replace(str(fetched.file), "tonight's table"))
    numbers = {"rows": len(table.hashes), "rows_quarantined": table.contract_report.quarantined}
    before = _yesterday(night, md5=inputs(stages).get(night.table))
    record = _compared(replace(record, numbers=numbers), before, table, limits=night.settings.drift)
    return Intake(fetched.file, table, before, record) if not record.breaches or night.forced is not None else record


def _yesterday(night: Night, *, md5: str | None) -> Table | None:
    """The last accepted commit's table; None if there is none yet, or if it cannot be read and the night is forced.

    Raises: RuleError if it is not as dvc.lock records it, or breaks the contract of today: what cannot be compared
    may have lost half of its rows.
    """
    if md5 is None:
        return None
    file = night.tree / night.table
    try:
        if not file.is_file() or md5_of(file) != md5:
            raise ValueError(f"{'another table' if file.exists() else 'none'} in its place")
        return read_table(file, settings=night.prepare)
    except ValueError as error:
        if night.forced is not None:
            return None
        rule = "must be the one that dvc.lock records, and keep the contract"
        fix = "dvc repro, commit and push; or look at tonight's and --force it"
        raise RuleError("yesterday's table", rule=rule, found=night.plain(error), fix=fix) from None


def _compared(record: Record, before: Table | None, table: Table, *, limits: params.Drift) -> Record:
    """The record with how far the table is from yesterday's, if there is one."""
    if before is None:
        return record
    found = measures(before, table)
    breaches = beyond(found, limits.stop)
    warnings = [measure for measure in beyond(found, limits.warn) if measure not in breaches]
    listed = "; ".join(map(str, breaches))
    reason = f"beyond nightly.drift.stop: {listed}; if the table is right, --force it with a reason" if breaches else ""
    return replace(record, reason=reason, measures=found, breaches=breaches, warnings=warnings)
