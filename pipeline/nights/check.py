"""Tonight's table is checked against the contract, yesterday's, the reference, and what the champion expects."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.data.raw_table import Table, read_table
from pipeline.nights.champion import Champion
from pipeline.nights.drift import TableDrift, judge, table_drift
from pipeline.nights.fetch import Fetched
from pipeline.nights.histograms import Histogram, histograms
from pipeline.nights.limits import limited
from pipeline.nights.new_rows import BIAS, measure_new_rows
from pipeline.nights.night import Night, NightEnded
from pipeline.nights.record import NightOutcome, Record, accepted_nights, finite
from pipeline.nights.reference import Reference, Summary, read_reference
from pipeline.repository.dvc_lock import inputs, md5_of
from pipeline.runtime.errors import CommandError, RuleError, as_rule_error
from pipeline.runtime.private import FILE

KEPT_BYTES = 1 << 26
"""A rejected table that is larger is not kept."""


@dataclass(frozen=True)
class CheckedTable:
    """Tonight's table, yesterday's and the reference if sound, how far the one is from the others, and numbers."""

    fetched: Fetched
    table: Table
    before: Table | None
    reference: Reference | None
    drift: TableDrift
    numbers: Mapping[str, float]
    least_rows: int = 1  # that anything may be told of

    @property
    def histograms(self) -> Mapping[str, Histogram]:
        """Of the columns that are beyond a limit."""
        if self.before is None or self.least_rows > 1:  # a bar may be one row
            return {}
        return histograms(self.before, self.table, self.drift)

    def next_reference(self, night: Night) -> Reference | None:
        """Tonight's table, if it is to be the reference from now on: the first, a forced one, or one far away."""
        stays = self.reference and not night.force_reason and not any(warning.since for warning in self.drift.warnings)
        return None if stays else Reference(night=night.date, table=Summary.of(self.table, least_rows=self.least_rows))


def check_table(night: Night, fetched: Fetched) -> CheckedTable:
    """Check the fetched table. Limits that stop a night do not stop an operator who forces it; the contract does.

    Raises: NightEnded if the table is rejected, with the record that says why; RuleError if yesterday's is not at hand.
    """
    fix = "make dvc pull work in the project's folder"
    with as_rule_error(CommandError, "the last accepted outputs", rule="must be at hand", fix=fix):
        night.workspace.checkout_outputs(seconds=night.settings.publish_seconds)
    try:
        table = read_table(fetched.file, settings=night.prepare, max_bytes=night.max_bytes)
    except ValueError as error:
        what = ValueError(str(error).replace(str(fetched.file), "tonight's table"))
        raise _rejection(night, fetched, night.told_of_table(what)) from None
    before = _yesterdays_table(night, md5=inputs(night.accepted).get(night.table))
    reference = read_reference(night.tree)
    drift = table_drift(before, table, limits=night.settings.drift, reference=reference)
    numbers = {"rows": len(table.hashes), "rows_quarantined": table.contract_report.quarantined}
    return _within_limits(night, CheckedTable(fetched, table, before, reference, drift, numbers, night.least_rows))


def check_new_rows(night: Night, checked: CheckedTable, champion: Champion) -> CheckedTable:
    """Check the rows that yesterday's table has not, if there are enough; adds what they say to the checked table.

    Raises: NightEnded, as `check_table`.
    """
    if checked.before is None:
        return checked
    limits = night.settings.drift
    earlier = [bias for line in accepted_nights(night.tree) if (bias := finite(line[BIAS])) is not None]
    found, numbers = measure_new_rows(
        checked.before,
        checked.table,
        champion.bundle,
        limits=limits,
        earlier_bias=earlier,
        least_rows=checked.least_rows,
    )
    drift = judge([*checked.drift.measures, *found], limits=limits)
    return _within_limits(night, replace(checked, drift=drift, numbers={**checked.numbers, **numbers}))


def _within_limits(night: Night, checked: CheckedTable) -> CheckedTable:
    """The checked table, if it is within the limits that stop a night, or if the night is forced."""
    if checked.drift.breaches and night.force_reason is None:
        beyond = [one for one in limited(checked.drift) if one.measure in checked.drift.breaches]
        told = [f"{one.measure.title} {one.text(one.measure.value)} (limit {one.text(one.stop)})" for one in beyond]
        fix = 'if the table is right: python -m pipeline.nightly --force "why"'
        reason = f"beyond nightly.drift.stop: {'; '.join(told)}; {fix}"
        raise _rejection(night, checked.fetched, reason, checked)
    return checked


def _rejection(night: Night, fetched: Fetched, reason: str, checked: CheckedTable | None = None) -> NightEnded:
    """The end of the night. Its folder keeps the table: by the morning the source may have another.

    One that is large is not kept, as a source may have another every night.
    """
    if fetched.file.stat().st_size <= KEPT_BYTES:
        fetched.file.chmod(FILE)
        fetched.file.replace(night.folder / f"rejected{''.join(Path(night.table).suffixes)}")
    else:
        fetched.file.unlink()
        reason = f"{reason}; the table is not kept: it has more than {KEPT_BYTES:,} bytes"
    record = Record(
        date=night.date,
        decision=NightOutcome.REJECTED,
        reason=reason,
        table_md5=fetched.md5,
        settings_md5=night.settings_md5,
        drift=checked.drift if checked else TableDrift(),
        numbers=checked.numbers if checked else {},
        histograms=checked.histograms if checked else {},
    )
    return NightEnded(record.decision, reason, record)


def _yesterdays_table(night: Night, *, md5: str | None) -> Table | None:
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
        if night.force_reason is not None:
            return None
        rule = "must be the one that dvc.lock records, and keep the contract"
        mend = "dvc repro, commit and push" if file.exists() else f"bring {night.table} back into git or DVC's remote"
        fix = f"{mend}; or look at tonight's and --force it"
        raise RuleError("yesterday's table", rule=rule, found=night.told_of_table(error), fix=fix) from None
