import re
from dataclasses import replace

import pytest

from pipeline.nights.page import NO_BREAK, SHOWN, rollback_page
from pipeline.nights.page import night_page as page
from pipeline.nights.record import COLUMNS
from pipeline.nights.report import PUBLISHED, changes, lead
from tests.nights.test_report import NEAR, RECORD, WARNS
from tests.reporting.test_elements import HOSTILE
from tests.support.browsers import CHROMIUM, Browser
from tests.support.html import Structure, asked_of_the_network
from tests.support.skips import reason

MOVED = replace(RECORD, histograms={"work_year": {"2025": (0.9, 0.5), "2026": (0.1, 0.5)}}, tag="nightly-2026-01-31")


def history(record, *before):
    return [dict.fromkeys(COLUMNS, "") | line for line in (*before, record.line())]


def test_the_same_history_and_record_give_the_same_bytes():
    assert page(history(MOVED, RECORD.line()), MOVED) == page(history(MOVED, RECORD.line()), MOVED)


def test_it_is_whole_by_itself_and_every_tag_is_closed():
    text = page(history(MOVED, RECORD.line()), MOVED)
    assert Structure(text).open == []
    assert asked_of_the_network(text) == []


def test_on_top_is_what_happened_and_what_changed_then_what_is_near_a_limit():
    text = Structure(page(history(MOVED), MOVED)).text
    said = [
        lead(MOVED),
        *changes(MOVED),
        WARNS.title,
        NEAR.title,
        "Measures far from their limits: 2",
        "What has moved",
    ]
    places = [text.index(each.replace(" %", f"{NO_BREAK}%")) for each in said]
    assert places == sorted(places)


def test_each_night_is_a_row_with_its_tag_and_hashes_the_last_one_first():
    first = replace(MOVED, table_md5="0123456789abcdef" * 2, tag="nightly-2026-01-30").line() | {"date": "2026-01-30"}
    rows = re.findall(r"<tr>(<td>2026.*?)</tr>", page(history(MOVED, first), MOVED))
    cells = [re.findall(r"<td>(.*?)</td>", row) for row in rows]
    assert [row[:4] for row in cells] == [
        ["2026-01-31", "promoted", "nightly-2026-01-31", "1,557"],
        ["2026-01-30", "promoted", "nightly-2026-01-30", "1,557"],
    ]
    assert cells[1][-4:] == [f"124{NO_BREAK}%", "stability_index of work_year", "01234567", "d.dir"]


def test_two_nights_of_one_date_are_two_rows_and_two_points():
    text = page(history(MOVED, RECORD.line()), MOVED)
    assert text.count("<tr><td>2026-01-31</td>") == 2
    assert text.count("<title>2026-01-31: $49k</title>") == 2
    assert text.count("<title>2026-01-31: promoted</title>") == 2


@pytest.mark.parametrize("column", ["decision", "tag", "nearest_limit", "date", "challenger_md5"])
def test_whatever_the_history_holds_stays_text(column):
    text = page(history(MOVED, RECORD.line() | {column: HOSTILE}), MOVED)
    found = Structure(text)
    assert found.open == []
    assert "script" not in found.tags


def test_whatever_the_table_holds_stays_text():
    record = replace(MOVED, reason=HOSTILE, histograms={HOSTILE: {HOSTILE: (0.5, 0.5)}})
    found = Structure(page(history(record), record))
    assert (found.open, "script" in found.tags) == ([], False)


def test_no_more_than_a_year_of_nights_is_shown():
    text = page(history(MOVED, *[RECORD.line()] * (SHOWN + 1)), MOVED)
    assert text.count("<tr><td>2026-01-31</td>") == SHOWN
    assert f"The last {SHOWN} nights" in text
    assert "All nights" in page(history(MOVED), MOVED)


def test_after_a_rollback_it_says_where_the_operator_went_and_shows_the_nights():
    tag = "nightly-2026-01-30"
    back = dict.fromkeys(COLUMNS, "") | {"date": "2026-02-01", "decision": "rollback", "tag": tag}
    text = rollback_page([*history(MOVED), back], tag=tag)
    assert f">2026-02-01: An operator went back to {tag}, and nothing else is needed.</p>" in text
    assert f"<td>rollback</td><td>{tag}</td>" in text
    assert lead(MOVED) not in Structure(text).text
    assert Structure(text).open == []


def test_what_uses_more_of_a_limit_than_is_told_is_said_to():
    text = page(history(MOVED, RECORD.line() | {"limit_used": "10.000"}), MOVED)
    assert f"<td>≥ 1000{NO_BREAK}%</td>" in text
    assert f">≥ 200{NO_BREAK}%</text>" in text
    assert "≥" not in page(history(MOVED, RECORD.line()), MOVED)


def test_no_number_is_parted_from_its_percent_and_the_note_tells_of_later_nights():
    text = page(history(MOVED), replace(MOVED, reason="90 % interval"))
    assert f"90{NO_BREAK}% interval" in text
    assert " %" not in text
    assert PUBLISHED.replace("`", "") in text


def test_a_first_night_has_a_page_without_what_it_does_not_know():
    record = replace(RECORD, drift=type(RECORD.drift)(), numbers={})
    text = page(history(record), record)
    assert "Decisions" in text
    assert "Error on new rows" not in text
    assert "Nearest limit" not in text


@pytest.mark.skipif(not CHROMIUM, reason=reason("no Chromium is installed", to_run="apt-get install chromium"))
def test_on_a_phone_only_tables_scroll_sideways(tmp_path):
    record = replace(MOVED, reason="x" * 500, histograms={"job_title": {"Engineer of " * 20: (0.5, 0.5)}})
    assert Browser(tmp_path).measure(page(history(record, RECORD.line()), record), width=390) == (390, 390)
