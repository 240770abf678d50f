"""The reference in git, and slow changes that no night's limit sees."""

import datetime
import json
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from pipeline import params
from pipeline.data.schema import COLUMNS, TARGET
from pipeline.nights import reference as reference_module
from pipeline.nights.check import CheckedTable
from pipeline.nights.drift import measures, measures_since, table_drift
from pipeline.nights.fetch import Fetched
from pipeline.nights.night import Night
from pipeline.nights.record_files import REFERENCE
from pipeline.nights.reference import Reference, Summary, read_reference
from tests.support.tables import row, rows
from tests.support.work_tree import ROOT

LIMITS = params.load(params.Nightly, "nightly", file=ROOT / "params.yaml").drift
FIRST = datetime.date(2026, 1, 1)


@pytest.fixture
def kept(tmp_path):
    """A project's reference, written and read."""

    def kept(one, night=FIRST):
        (tmp_path / "metrics").mkdir(exist_ok=True)
        Reference(night=night, table=Summary.of(one)).write(tmp_path)
        return read_reference(tmp_path)

    return kept


def raised(lines, *, draw):
    """The lines after a night in which one salary of five rises by a third."""
    cells = [dict(zip(COLUMNS, line.split(","), strict=True)) for line in lines]
    for chosen in draw.choice(len(cells), len(cells) // 5, replace=False):
        cells[chosen][TARGET] = str(round(int(cells[chosen][TARGET]) * 4 / 3))
    return [row(**line) for line in cells]


def test_what_a_summary_can_tell_is_measured_as_between_two_tables(read, kept):
    before, after = read(rows(300)), read([*rows(200), *(row(work_year="2024e", job_title="New") for _ in range(90))])
    found = {measure.title: measure.value for measure in measures_since(kept(before), after)}
    expected = {f"{one.title} since 2026-01-01": one.value for one in measures(before, after) if " of " in one.title}
    assert found == pytest.approx({title: expected[title] for title in found}, rel=1e-5)
    assert expected.keys() - found.keys() == {"estimated_values of work_year since 2026-01-01"}


def test_an_estimated_year_is_counted_with_the_same_year(read):
    summary = Summary.of(read([row(work_year="2021e"), row(work_year="2021"), row(work_year="2020")]))
    assert (summary.rows, summary.categories["work_year"]) == (3, {"2021": 2, "2020": 1})


def test_values_and_amounts_of_few_rows_are_not_kept_where_they_may_not_be_told(read):
    lines = [*rows(595), *(row(job_title=f"Captain {n}", salary_in_usd=70_701 + n) for n in range(5))]
    before = read(lines)
    summary = Summary.of(before, least_rows=10)
    assert [name for name in summary.categories["job_title"] if "Captain" in name] == []
    assert summary.categories["job_title"]["(rarer)"] == 5
    assert sum(summary.categories["job_title"].values()) == 600
    assert all(end == float(f"{end:.2g}") for end in summary.amounts[TARGET].ends)
    old, new = summary.counts_beside(before, "job_title")
    assert old.tolist() == new.tolist()


def test_salaries_that_rise_night_after_night_are_a_warning_within_seven_nights(read, kept):
    lines, draw = rows(600), np.random.default_rng(0)
    warned: set[str] = set()
    before = read(lines)
    reference = kept(before)
    for _ in range(7):
        lines = raised(lines, draw=draw)
        after = read(lines)
        drift = table_drift(before, after, limits=LIMITS, reference=reference)
        assert not drift.breaches
        warned |= {one.title for one in drift.warnings if one.since}
        assert not [one for one in drift.warnings if not one.since and one.name.startswith("target")]
        before = after
    assert f"target_mean of {TARGET} since 2026-01-01" in warned


def test_the_first_a_forced_and_a_far_table_are_the_reference_and_no_other(read, kept):
    far = read([row(work_year="2030") for _ in range(600)])
    near, reference = read(rows(610)), kept(read(rows(600)))
    assert next_reference(near, None) == next_reference(near, reference, force_reason="it is right")
    assert next_reference(near, reference) is None
    assert next_reference(far, reference) == Reference(night=FIRST, table=Summary.of(far))


def next_reference(tonight, reference, **night):
    """The reference that tonight's table begins, if it does."""
    drift = table_drift(tonight, tonight, limits=LIMITS, reference=reference)
    checked = CheckedTable(cast(Fetched, None), tonight, tonight, reference, drift, {})
    return checked.next_reference(cast(Night, SimpleNamespace(**({"date": FIRST, "force_reason": None} | night))))


def test_a_warning_comes_once_as_the_table_is_the_reference_from_then_on(read, kept):
    far = read([row(work_year="2030") for _ in range(600)])
    warned = [
        [measure.title for measure in table_drift(far, far, limits=LIMITS, reference=reference).warnings]
        for reference in (kept(read(rows(600))), kept(far, FIRST + datetime.timedelta(days=1)))
    ]
    assert "stability_index of work_year since 2026-01-01" in warned[0]
    assert warned[1] == []


def test_a_limit_that_stops_no_night_warns_of_no_slow_change(read, kept):
    far, reference = read([row(work_year="2030") for _ in range(600)]), kept(read(rows(600)))
    none = params.DriftLimits.model_validate(dict.fromkeys(params.DriftLimits.model_fields))
    assert not table_drift(far, far, limits=LIMITS.model_copy(update={"stop": none}), reference=reference).warnings


def test_a_reference_that_is_missing_damaged_or_of_other_columns_begins_anew(read, kept, tmp_path):
    assert read_reference(tmp_path) is None
    kept(read(rows(60)))
    sound = json.loads((tmp_path / REFERENCE).read_text())
    columns = {**sound["table"]["categories"]}
    del columns["job_title"]
    for damaged in ("{", "[]", json.dumps({**sound, "table": {**sound["table"], "categories": columns}})):
        (tmp_path / REFERENCE).write_text(damaged)
        assert read_reference(tmp_path) is None


def test_a_reference_that_is_too_large_or_no_file_is_not_read(read, kept, tmp_path, monkeypatch):
    kept(read(rows(60)))
    monkeypatch.setattr(reference_module, "LARGEST", 10)
    assert read_reference(tmp_path) is None
    monkeypatch.undo()
    assert read_reference(tmp_path)
    (tmp_path / REFERENCE).unlink()
    (tmp_path / REFERENCE).mkdir()
    assert read_reference(tmp_path) is None
