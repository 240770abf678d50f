import datetime
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from pipeline.backtest.chart import KINDS, WINDOW, error_lines, picture
from pipeline.backtest.report import Replayed
from pipeline.nights.drift import Measure, TableDrift
from pipeline.nights.night import NightResult
from pipeline.nights.record import NightOutcome
from tests.backtest.test_report import START, replayed


def weeks():
    """Twenty nights, a week apart, of which the third has a warning and the fourth keeps the champion."""
    nights = [replayed(7 * week, rows=1.0, ours=50_000, first=60_000) for week in range(20)]
    record = replace(nights[2].result.record, drift=TableDrift(warnings=[Measure("rows_added", "", 0.5)]))
    nights[2] = replace(nights[2], result=replace(nights[2].result, record=record))
    nights[3] = replace(nights[3], result=replace(nights[3].result, outcome=NightOutcome.KEPT))
    return nights


@pytest.fixture(scope="module")
def drawing():
    return ElementTree.fromstring(picture(weeks()))  # noqa: S314 (our own)


def test_each_night_is_a_dot_with_its_decision_and_each_warning_another(drawing):
    dots = [dot.get("class") for dot in drawing.findall(".//{*}circle")]
    assert (dots.count("c0"), dots.count("c1"), dots.count("warning")) == (19 + 1, 1 + 1, 1 + 1)  # and the legend's
    titles = {title.text for title in drawing.findall(".//{*}circle/{*}title")}
    assert {"2026-01-22: kept", "2026-01-15"} <= titles


def test_the_legend_says_what_the_dots_mean_below_them(drawing):
    texts = {text.text: float(text.get("y") or 0) for text in drawing.findall(".//{*}text")}
    (warning,) = (dot for dot in drawing.findall(".//{*}circle") if dot.findtext("{*}title") == "2026-01-15")
    assert all(texts[said] > float(warning.get("cy") or 0) for said in KINDS.values())
    assert max(texts.values()) < int(drawing.get("viewBox").split()[-1])


def test_the_lines_have_a_point_per_night_and_their_names(drawing):
    assert [len((line.get("points") or "").split()) for line in drawing.findall(".//{*}polyline")] == [20, 20]
    texts = {text.text for text in drawing.findall(".//{*}text")}
    assert {"retrained nightly", "never retrained", "60,000", "2026-04", "decision", "warning"} <= texts


def test_dates_go_to_the_right_and_errors_up_within_the_panel(drawing):
    lines = [(line.get("points") or "").split() for line in drawing.findall(".//{*}polyline")]
    ours, never = ([tuple(map(float, point.split(","))) for point in line] for line in lines)
    assert [x for x, _ in ours] == sorted(x for x, _ in ours)
    assert (ours[0][0], ours[-1][0]) == (64.0, 842.0)
    assert 58 <= never[0][1] < ours[0][1] < 298


def test_a_single_night_without_lines_is_a_picture_too():
    first = Replayed(START, NightResult(NightOutcome.FIRST, "there was no champion yet"), {})
    dots = ElementTree.fromstring(picture([first])).findall(".//{*}circle")  # noqa: S314 (our own)
    assert len(dots) == 1 + len(KINDS)


def test_the_lines_are_means_of_the_last_nights():
    nights = [replayed(number, rows=1.0, ours=10_000, first=20_000) for number in range(WINDOW)]
    last = replayed(WINDOW, rows=1.0, ours=10_000 * (WINDOW + 1) ** 0.5, first=20_000)
    ours, first = ([error for _, error in points] for points in error_lines([*nights, last]).values())
    assert ours[:-1] == pytest.approx([10_000] * WINDOW)
    assert ours[-1] == pytest.approx(10_000 * 2**0.5)  # (11 + 13) / 12 of the first's square: the oldest has gone
    assert first == pytest.approx([20_000] * (WINDOW + 1))


def test_the_lines_stand_at_the_ordinals_of_the_dates():
    (points, _) = error_lines([replayed(0, rows=1.0, ours=1, first=1)]).values()
    assert [datetime.date.fromordinal(int(day)) for day, _ in points] == [START]
