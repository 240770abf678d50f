import datetime
from xml.etree import ElementTree

from pipeline.backtest.chart import to_svg
from pipeline.nights.drift import Measure, TableDrift
from pipeline.nights.night import NightResult
from pipeline.nights.record import NightOutcome, Record

DATES = [datetime.date(2026, 1, 1) + datetime.timedelta(weeks=week) for week in range(20)]
DRIFT = TableDrift(warnings=[Measure("rows_added", "", 0.5)])
WARNED = Record(DATES[2], NightOutcome.PROMOTED, "better", "t", "p", drift=DRIFT)
NIGHTS = {
    **dict.fromkeys(DATES, NightResult(NightOutcome.PROMOTED, "better")),
    DATES[2]: NightResult(NightOutcome.PROMOTED, "better", WARNED),
    DATES[3]: NightResult(NightOutcome.KEPT, "worse"),
}
LINES = {name: [(date, 50_000.0 + number) for number, date in enumerate(DATES)] for name in ("a < b", "never")}


def picture():
    return ElementTree.fromstring(to_svg(NIGHTS, LINES, title="T & Co", label="RMSE"))  # noqa: S314 (our own)


def test_each_night_is_a_dot_with_its_decision_and_each_warning_another():
    dots = [dot.get("class") for dot in picture().findall(".//{*}circle")]
    assert (dots.count("accepted"), dots.count("other"), dots.count("warning")) == (19, 1, 1)


def test_the_lines_have_a_point_per_night_and_their_names():
    drawing = picture()
    assert [len((line.get("points") or "").split()) for line in drawing.findall(".//{*}polyline")] == [20, 20]
    texts = {text.text for text in drawing.findall(".//{*}text")}
    assert {"a < b", "never", "T & Co", "RMSE", "2026-04"} <= texts


def test_a_single_night_without_lines_is_a_picture_too():
    ElementTree.fromstring(to_svg(dict(list(NIGHTS.items())[:1]), {}, title="T", label=""))  # noqa: S314
