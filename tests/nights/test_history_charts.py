import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from pipeline.nights.history_charts import KINDS, decisions, over_nights


def night(date, **cells):
    return {"date": date, "decision": "promoted", **cells}


def chart(nights, **options):
    return over_nights(nights, {"error": "score"}, text="{:g}".format, title="errors", **options)


def dots(drawn):
    """The points of a chart, without its legend: where they are, and what they say."""
    found = ElementTree.fromstring(drawn).findall("circle")  # noqa: S314 (our own)
    titled = [(float(dot.attrib["cx"]), float(dot.attrib["cy"]), dot.findtext("title", "")) for dot in found]
    return [dot for dot in titled if re.match(r"\d{4}-", dot[2])]


def test_two_nights_of_one_date_are_two_points():
    nights = [night("2026-01-30", score="3"), night("2026-01-31", score="1"), night("2026-01-31", score="2")]
    points = dots(chart(nights))
    assert [said for _, _, said in points] == ["2026-01-30: 3", "2026-01-31: 1", "2026-01-31: 2"]
    across = [x for x, _, _ in points]
    assert across == sorted(set(across))
    assert len(dots(decisions(nights))) == 3


def test_a_night_without_a_number_has_no_point_and_the_others_stay_in_their_places():
    whole = chart([night("2026-01-01", score="1"), night("2026-01-02", score="2"), night("2026-01-03", score="3")])
    gap = chart([night("2026-01-01", score="1"), night("2026-01-02", score=""), night("2026-01-03", score="3")])
    assert [dots(gap)[0], dots(gap)[1]] == [dots(whole)[0], dots(whole)[2]]
    assert chart([night("2026-01-01", score=""), night("2026-01-02")]) is None


def test_a_number_above_the_top_is_drawn_there_and_said_as_it_is():
    (_, first, _), (_, second, said) = dots(
        chart([night("2026-01-01", score="2"), night("2026-01-02", score="9")], top=2)
    )
    assert (first, said) == (second, "2026-01-02: 9")


def test_a_number_above_the_top_makes_the_axis_say_so():
    assert ">≥ 2</text>" in chart([night("2026-01-01", score="0"), night("2026-01-02", score="9")], top=2)
    assert "≥" not in chart([night("2026-01-01", score="0"), night("2026-01-02", score="2")], top=2)


def test_the_second_night_of_a_date_has_its_number_below_the_chart():
    drawn = decisions([night("2026-01-31"), night("2026-01-31")])
    assert ">2026-01-31</text>" in drawn
    assert ">01-31 (2)</text>" in drawn


def test_the_limit_is_a_dashed_line_between_what_is_below_and_beyond_it():
    drawn = chart([night("2026-01-01", score="0.5"), night("2026-01-02", score="1.5")], limit=1.0)
    line = re.search(r'class="mark" d="M\S+ (\S+?)H', drawn)
    assert line
    (_, below, _), (_, beyond, _) = dots(drawn)
    assert beyond < float(line[1]) < below


def test_each_decision_is_a_row_and_the_legend_says_what_the_colours_are():
    nights = [
        night("2026-01-01"),
        night("2026-01-02") | {"decision": "kept"},
        night("2026-01-03") | {"decision": "rejected"},
        night("2026-01-04") | {"decision": "of another version"},
    ]
    drawn = decisions(nights)
    assert re.findall(r'<circle class="(\w+)"[^>]*><title>2026', drawn) == ["c0", "c1", "warning", "c1"]
    assert len({y for _, y, _ in dots(drawn)}) == 4
    assert all(f">{name}</text>" in drawn for name in (*KINDS.values(), "kept", "of another version"))


@pytest.mark.parametrize("count", range(1, 30))
def test_a_few_dates_stand_below_a_chart_that_of_the_last_night_always_and_none_touches_another(count):
    drawn = chart([night(f"2026-01-{day:02}", score="1") for day in range(1, count + 1)])
    written = re.findall(r'<text class="tick" x="(\S+)" y="\S+">(2026-\d\d-\d\d)</text>', drawn)
    assert f"2026-01-{count:02}" in {date for _, date in written}
    places = sorted(float(x) for x, _ in written)
    assert all(later - earlier >= 70 for earlier, later in pairwise(places))
