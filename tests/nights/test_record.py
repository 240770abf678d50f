import csv
import datetime
import json
import re
from dataclasses import replace

import pytest

from pipeline import params
from pipeline.nights.drift import Measure, TableDrift, judge
from pipeline.nights.new_rows import BIAS
from pipeline.nights.record import COLUMNS, NightOutcome, Record, accepted_nights, finite, last_decision, read_history
from pipeline.nights.record_files import HISTORY, JSON
from pipeline.repository.dvc_lock import md5_of
from tests.support.work_tree import ROOT, run

MEASURES = [Measure("rows_gone", "", 0.25), Measure("stability_index", "work_year", 0.3041234567)]
RECORD = Record(
    datetime.date(2026, 1, 31),
    NightOutcome.PROMOTED,
    "its error is fine",
    table_md5="t" * 32,
    settings_md5="p" * 32,
    champion_md5="c.dir",
    challenger_md5="d.dir",
    drift=TableDrift(measures=MEASURES, warnings=MEASURES[1:]),
    numbers={"rows": 1557, "test_rows": 299.0, "challenger_mse_usd2": 2_500_000_123.4, "worse_share": 0.5225},
)


def test_the_json_has_all_but_the_clock(tmp_path):
    RECORD.write(tmp_path)
    facts = json.loads((tmp_path / JSON).read_text())
    assert (facts["decision"], facts["table_md5"], facts["champion_md5"]) == ("promoted", "t" * 32, "c.dir")
    assert facts["measures"] == {"rows_gone": 0.25, "stability_index of work_year": 0.304123}
    assert facts["numbers"]["challenger_mse_usd2"] == 2_500_000_000
    assert facts["warnings"] == ["stability_index of work_year: 0.304"]
    assert "2026" not in (tmp_path / JSON).read_text()


def test_the_history_gets_one_line_a_night_under_one_header(tmp_path):
    for _ in range(2):
        RECORD.write(tmp_path)
    first, second = csv.DictReader((tmp_path / HISTORY).read_text().splitlines())
    assert first == second
    assert first["challenger_rmse_usd"] == "50000"
    assert (first["champion_rmse_usd"], first["worse_share"]) == ("", "0.522")
    assert first["beyond_limits"] == "stability_index of work_year: 0.304"
    assert (first["challenger_md5"], first["tag"], first["limit_used"]) == ("d.dir", "", "")


def test_the_history_knows_the_tag_and_the_measure_nearest_to_its_limit(tmp_path):
    limits = params.load(params.Nightly, "nightly", file=ROOT / "params.yaml").drift
    replace(RECORD, tag="nightly-2026-01-31", drift=judge(MEASURES, limits=limits)).write(tmp_path)
    (line,) = read_history(tmp_path)
    assert (line["tag"], line["limit_used"], line["nearest_limit"]) == (  # rows_gone warns above 0.02
        "nightly-2026-01-31",
        "10.000",
        "rows_gone",
    )


def test_lines_of_before_stay_when_the_history_gets_other_columns(tmp_path):
    (tmp_path / HISTORY).parent.mkdir()
    (tmp_path / HISTORY).write_text("date,decision,of_another_version\n2025-01-31,kept,x\n")
    RECORD.write(tmp_path)
    first, second = read_history(tmp_path)
    assert (first["date"], first["decision"], first["of_another_version"], first[BIAS]) == (
        "2025-01-31",
        "kept",
        "x",
        "",
    )
    assert (second["date"], second["of_another_version"]) == ("2026-01-31", "")


def test_a_line_that_somebody_has_edited_loses_no_night(tmp_path):
    RECORD.write(tmp_path)
    lines = (tmp_path / HISTORY).read_text().splitlines()
    (tmp_path / HISTORY).write_text("\n".join([*lines, f"{lines[1]},a cell too many", "2026-02-01,kept"]) + "\n")
    RECORD.write(tmp_path)
    found = read_history(tmp_path)
    assert [(line["date"], line["decision"]) for line in found] == [
        *[("2026-01-31", "promoted")] * 2,
        ("2026-02-01", "kept"),
        ("2026-01-31", "promoted"),
    ]
    assert {text for line in found for text in line.values()} >= {"", "50000"}


@pytest.mark.parametrize(("text", "value"), [("1.5", 1.5), ("", None), ("x", None), ("nan", None), ("inf", None)])
def test_a_cell_that_is_no_number_is_none(text, value):
    assert finite(text) == value


def test_only_accepted_nights_are_found_as_such(tmp_path):
    assert accepted_nights(tmp_path) == []
    for outcome in (NightOutcome.PROMOTED, NightOutcome.KEPT, NightOutcome.FIRST):
        replace(RECORD, decision=outcome).write(tmp_path)
    assert [line["decision"] for line in accepted_nights(tmp_path)] == ["promoted", "first"]


def test_the_history_that_ships_begins_with_the_header(trained):
    assert (trained / HISTORY).read_text().splitlines()[0] == ",".join(COLUMNS)


def test_dvc_draws_the_nights_over_time(clone):
    for day in (30, 31):
        replace(RECORD, date=datetime.date(2026, 1, day)).write(clone)
    replace(RECORD, date=datetime.date(2026, 2, 1), numbers={}).write(clone)
    run(clone, "dvc", "plots", "show", "--out", "drawn")
    specs = re.findall(r"var spec = ({.*});", (clone / "drawn/index.html").read_text(encoding="utf-8"))
    (nights,) = [json.loads(spec) for spec in specs if '"Nights"' in spec]
    assert {nights["encoding"]["x"]["field"], nights["encoding"]["x"]["type"]} == {"date", "temporal"}
    assert {row["date"] for row in nights["data"]["values"]} == {"2026-01-30", "2026-01-31", "2026-02-01"}
    y = nights["encoding"]["y"]["field"]
    assert nights["transform"] == [{"filter": {"not": {"field": y, "equal": ""}}}]
    assert {row[y] for row in nights["data"]["values"] if row["date"] == "2026-02-01"} == {""}


@pytest.mark.parametrize(
    ("table", "settings", "expected"), [("t", "p", True), ("other", "p", False), ("t", "other", False)]
)
def test_a_table_is_judged_once_under_the_same_settings(tmp_path, table, settings, expected):
    assert not last_decision(tmp_path, table_md5="t" * 32, settings_md5="p" * 32)
    RECORD.write(tmp_path)
    known = {"t": "t" * 32, "p": "p" * 32, "other": "o" * 32}
    found = last_decision(tmp_path, table_md5=known[table], settings_md5=known[settings])
    assert found == ((NightOutcome.PROMOTED, "its error is fine") if expected else None)


def test_a_record_with_the_md5_of_params_yaml_instead_of_its_settings_is_still_read(tmp_path):
    (tmp_path / "params.yaml").write_text("a: 1\n")
    RECORD.write(tmp_path)
    record = json.loads((tmp_path / JSON).read_text())
    del record["settings_md5"]
    (tmp_path / JSON).write_text(json.dumps({**record, "params_md5": md5_of(tmp_path / "params.yaml")}))
    assert last_decision(tmp_path, table_md5="t" * 32, settings_md5="of any form")
    (tmp_path / "params.yaml").write_text("a: 2\n")
    assert not last_decision(tmp_path, table_md5="t" * 32, settings_md5="of any form")


def test_a_damaged_record_judges_nothing(tmp_path):
    RECORD.write(tmp_path)
    for text in ("{", "[]", "{}", RECORD.to_json().replace("promoted", "applauded")):
        (tmp_path / JSON).write_text(text)
        assert not last_decision(tmp_path, table_md5="t" * 32, settings_md5="p" * 32)


def test_the_page_has_every_exit_code_and_no_other():
    page = (ROOT / "docs/nights.md").read_text(encoding="utf-8")
    section = page.split("## How a night ends")[1].split("\n## ")[0]
    documented = dict(re.findall(r"^\| (\d+) \| (\w+)", section, flags=re.MULTILINE))
    assert documented == {str(outcome.exit_code): outcome for outcome in NightOutcome}


def test_the_accepted_outcomes_are_those_with_a_new_champion():
    assert {outcome for outcome in NightOutcome if outcome.accepted} == {"promoted", "first", "incomparable", "forced"}


@pytest.mark.parametrize("outcome", NightOutcome)
def test_somebody_should_look_at_nights_that_did_not_come_to_their_end(outcome):
    assert outcome.needs_somebody == (outcome in ("rejected", "failed", "busy", "stale", "interrupted"))
