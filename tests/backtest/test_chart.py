import datetime
from xml.etree import ElementTree

from pipeline.backtest.chart import Mark, to_svg

START = datetime.date(2026, 1, 1)
MARKS = [
    Mark(
        START + datetime.timedelta(weeks=week),
        "kept" if week == 3 else "promoted",
        accepted=week != 3,
        warned=week == 2,
    )
    for week in range(20)
]
LINES = {name: [(mark.date, 50_000.0 + number) for number, mark in enumerate(MARKS)] for name in ("a < b", "never")}


def picture():
    return ElementTree.fromstring(to_svg(MARKS, LINES, title="T & Co", label="RMSE"))  # noqa: S314 (our own)


def test_each_night_is_a_dot_with_its_decision_and_each_warning_another():
    dots = [dot.get("class") for dot in picture().findall(".//{*}circle")]
    assert (dots.count("accepted"), dots.count("other"), dots.count("warning")) == (19, 1, 1)


def test_the_lines_have_a_point_per_night_and_their_names():
    drawing = picture()
    assert [len((line.get("points") or "").split()) for line in drawing.findall(".//{*}polyline")] == [20, 20]
    texts = {text.text for text in drawing.findall(".//{*}text")}
    assert {"a < b", "never", "T & Co", "RMSE", "2026-04"} <= texts


def test_a_single_night_without_lines_is_a_picture_too():
    ElementTree.fromstring(to_svg(MARKS[:1], {}, title="T", label=""))  # noqa: S314
