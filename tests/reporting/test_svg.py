import datetime
import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.reporting.svg import Axis, Frame, histogram, legend, lines, round_ticks, scatter

NUMBERS = st.floats(-1e12, 1e12).map(lambda number: round(number, 3))
HOSTILE = "</text><script>alert('&\"')</script>"


def axis(*values, label="miles"):
    return Axis.over(values, label=label, text=lambda value: f"{value:g}")


FRAME = Frame(axis(0, 1), axis(0, 1))
LEFT, RIGHT, TOP, BOTTOM = FRAME.left, FRAME.width - FRAME.right, FRAME.top, FRAME.height - FRAME.bottom


def attributes(chart, path, name):
    return [float(mark.attrib[name]) for mark in ElementTree.fromstring(chart).findall(path)]  # noqa: S314 (our own)


@given(NUMBERS, NUMBERS)
def test_a_few_ticks_enclose_both_numbers_at_equal_distances(one, other):
    low, high = sorted((one, other))
    ticks = round_ticks(low, high)
    slack = 1e-6 * max(1, abs(low), abs(high))
    assert 2 <= len(ticks) <= 6
    assert ticks[0] <= low + slack
    assert high - slack <= ticks[-1]
    distances = [after - before for before, after in pairwise(ticks)]
    assert distances == pytest.approx([distances[0]] * len(distances))


@given(NUMBERS, NUMBERS)
def test_the_ticks_are_round(one, other):
    ticks = round_ticks(*sorted((one, other)))
    assert f"{ticks[1] - ticks[0]:e}"[0] in "125"


def test_one_number_alone_still_has_an_axis():
    assert axis(0).pixel(0, 10, 20) == 10
    assert 10 <= axis(7).pixel(7, 10, 20) <= 20


def test_an_axis_places_its_ends_at_the_given_pixels_and_the_middle_between():
    scale = axis(0, 100)
    assert [scale.pixel(value, 50, 250) for value in (0, 50, 100)] == [50, 150, 250]
    assert [scale.pixel(value, 250, 50) for value in (0, 50, 100)] == [250, 150, 50]


def test_an_axis_may_end_between_its_ticks_and_write_them_as_dates():
    dates = [datetime.date(2026, month, 1) for month in (2, 4, 7)]
    first, *ticks = [date.toordinal() for date in dates]
    x = Axis(first, first + 200, ticks, label="", text=lambda day: f"{datetime.date.fromordinal(int(day)):%Y-%m}")
    frame = Frame(x, axis(0, 10), width=300, left=50, right=50, tick_gap=70)
    assert frame.pixel((first + 50, 0)) == (100, frame.height - frame.bottom)
    written = [line for line in frame.grid() if 'class="tick"' in line]
    assert [re.sub("<.*?>", "", line) for line in written] == ["2026-04", "2026-07"]
    assert all(f'y="{frame.height - frame.bottom + 70}"' in line for line in written)


def test_the_grid_has_a_line_and_its_number_at_each_tick():
    frame = Frame(axis(0, 1), axis(0, 20))
    grid = ElementTree.fromstring(frame.chart([], title="grid"))  # noqa: S314 (our own)
    assert [line.attrib["d"].split(" ")[1].split("H")[0] for line in grid.findall("path")] == [
        f"{BOTTOM + (TOP - BOTTOM) * tick / 20:.1f}" for tick in (0, 5, 10, 15, 20)
    ]
    assert [text.text for text in grid.findall("text[@class='tick left']")] == ["0", "5", "10", "15", "20"]


def test_a_histogram_is_as_high_as_its_counts():
    chart = histogram([(-10, 5), (0, 20), (10, 10)], x=axis(-10, 10), y=axis(0, 20), title="residuals")
    heights = attributes(chart, "rect", "height")
    assert heights == pytest.approx([(BOTTOM - TOP) * part for part in (1 / 4, 1, 1 / 2)])
    assert [top + height for top, height in zip(attributes(chart, "rect", "y"), heights, strict=True)] == pytest.approx(
        [BOTTOM] * 3
    )


def test_dots_lie_where_both_axes_say():
    chart = scatter([(0, 0), (100, 100)], x=axis(0, 100), y=axis(0, 100), title="dots")
    dots = re.search(r'class="dots" d="M(\S+) (\S+)h0M(\S+) (\S+)h0"', chart)
    assert dots
    assert [float(pixel) for pixel in dots.groups()] == [LEFT, BOTTOM, RIGHT, TOP]


def test_each_line_has_its_colour_and_its_name():
    series = {"training": [(0, 0), (10, 10)], "validation": [(0, 10), (10, 0)]}
    chart = lines(series, x=axis(0, 10), y=axis(0, 10), title="losses")
    assert f'<polyline class="line c0" points="{LEFT},{BOTTOM} {RIGHT},{TOP}"/>' in chart
    assert f'<polyline class="line c1" points="{LEFT},{TOP} {RIGHT},{BOTTOM}"/>' in chart
    assert re.findall(r'<text class="(c\d)".*?>(\w+)</text>', chart) == [("c0", "training"), ("c1", "validation")]


@pytest.mark.parametrize(("heights", "side"), [((9, 1), "right"), ((1, 9), "left"), ((5, 5), "left"), ((5,), "left")])
def test_the_names_of_lines_stand_where_these_do_not_begin_or_end_at_the_top(heights, side):
    points = list(zip((0, 10), heights, strict=False))
    chart = lines({"one": points, "other": points}, x=axis(0, 10), y=axis(0, 10), title="losses")
    names = [x for kind in ("c0", "c1") for x in attributes(chart, f"text[@class='{kind}']", "x")]
    assert [LEFT < x < RIGHT for x in names] == [True, True]
    assert names[0] < names[1]
    assert (names[0] > LEFT + 50) == (side == "right")


def test_hostile_names_stay_text():
    axes = {"x": axis(0, 1, label=HOSTILE), "y": axis(0, 1)}
    charts = [
        lines({HOSTILE: [(0, 0), (1, 1)]}, **axes, title=HOSTILE),
        Frame(**axes).chart(legend({"c0": HOSTILE}, 0, 0), title=HOSTILE),
    ]
    for chart in charts:
        root = ElementTree.fromstring(chart)  # noqa: S314 (our own)
        assert root.attrib["aria-label"] == HOSTILE
        assert not root.findall(".//script")
        assert "<script" not in chart


def test_a_legend_has_a_dot_and_a_name_for_each_class():
    drawn = ElementTree.fromstring(f"<svg>{''.join(legend({'c0': 'one', 'warning': 'other'}, 10, 20, gap=50))}</svg>")  # noqa: S314
    assert [(dot.get("class"), dot.get("cx")) for dot in drawn.findall("circle")] == [
        ("c0", "10.0"),
        ("warning", "60.0"),
    ]
    assert [(text.text, text.get("x")) for text in drawn.findall("text")] == [("one", "18.0"), ("other", "68.0")]
