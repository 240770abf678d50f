import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from pipeline.reporting.bars import bars, pairs
from pipeline.reporting.svg import WIDTH
from tests.reporting.test_svg import HOSTILE, attributes

LONG = "job_title=Machine Learning Engineer"


def names(chart):
    """Each name under the pointer, and its lines as they are seen."""
    texts = ElementTree.fromstring(chart).findall("text[@class='name']")  # noqa: S314 (our own)
    return {text.findtext("title"): [span.text for span in text.findall("tspan")] for text in texts}


def test_bars_are_as_long_as_their_values_and_negative_ones_go_left():
    chart = bars({"up": 2.0, "down": -1.0, "nothing": 0.0}, text="{:g}".format, title="bars")
    up, down, nothing = attributes(chart, "rect", "width")
    starts = attributes(chart, "rect", "x")
    assert (up, nothing) == (pytest.approx(2 * down, abs=0.2), 0)
    assert starts[1] + down == pytest.approx(starts[0], abs=0.2)
    assert re.findall(r">(-?\d)</text>", chart) == ["2", "-1", "0"]


def test_the_dashed_line_of_bars_is_on_their_scale():
    chart = bars({"ours": 4.0, "theirs": 8.0}, text="{:g}".format, title="bars", line=4.0)
    line = re.search(r'class="mark" d="M(\S+) 0V', chart)
    assert line
    end = attributes(chart, "rect", "x")[0] + attributes(chart, "rect", "width")[0]
    assert float(line[1]) == pytest.approx(end, abs=0.2)


@pytest.mark.parametrize("values", [{"only": 0.0}, {"a": -1.0, "b": -2.0}, {"a": 1e9}])
def test_bars_of_any_sign_stay_inside_the_chart(values):
    chart = bars(values, text="{:g}".format, title="bars")
    for start, width in zip(attributes(chart, "rect", "x"), attributes(chart, "rect", "width"), strict=True):
        assert 0 <= start <= start + width <= WIDTH


def test_no_bars_are_an_empty_chart():
    assert "<rect" not in bars({}, text="{:g}".format, title="bars")


def test_a_long_name_is_shown_whole_in_lines_and_the_bars_below_make_room():
    chart = bars({LONG: 1.0, "short": 2.0}, text="{:g}".format, title="bars")
    assert names(chart) == {LONG: ["job_title=Machine Learning", "Engineer"], "short": ["short"]}
    assert attributes(chart, "rect", "y") == [4.0, 37.0]
    height = re.search(r'viewBox="0 0 360 (\d+)"', chart)
    assert height
    assert int(height[1]) == 22 + 11 + 22 + 6


def test_a_name_without_end_is_cut_and_whole_under_the_pointer():
    ((whole, lines),) = names(bars({"x" * 1000: 1.0}, text="{:g}".format, title="bars")).items()
    assert whole == "x" * 1000
    assert len(lines) == 4
    assert lines[-1].endswith("…")


def test_the_bar_of_the_recipe_has_a_colour_of_its_own():
    chart = bars({"ridge": 1.0, "mine": 2.0}, text="{:g}".format, title="bars", own="mine")
    assert re.findall(r'<rect class="(c\d)"', chart) == ["c0", "c1"]


def test_pairs_are_two_bars_a_name_on_one_scale_with_a_legend():
    chart = pairs({"SE": (0.5, 0.25), LONG: (0.0, 0.125)}, text="{:.0%}".format, title="pairs", names=("old", "new"))
    widths = attributes(chart, "rect", "width")
    assert widths == pytest.approx([widths[0], widths[0] / 2, 0, widths[0] / 4], abs=0.1)
    assert re.findall(r'<rect class="(c\d)"', chart) == ["c1", "c0"] * 2
    assert re.findall(r">([a-z]+|\d+%)</text>", chart) == ["old", "new", "50%", "25%", "0%", "12%"]
    assert re.findall(r'<circle class="(\w+)"', chart) == ["c1", "c0"]
    tops = attributes(chart, "rect", "y")
    assert all(later > earlier for earlier, later in pairwise(tops))


def test_hostile_names_of_bars_stay_text():
    charts = [
        bars({HOSTILE: 1.0}, text=lambda _: HOSTILE, title=HOSTILE),
        pairs({HOSTILE: (1.0, 1.0)}, text=lambda _: HOSTILE, title=HOSTILE, names=(HOSTILE, HOSTILE)),
    ]
    for chart in charts:
        assert ElementTree.fromstring(chart).attrib["aria-label"] == HOSTILE  # noqa: S314 (our own)
        assert HOSTILE in names(chart)
        assert "<script" not in chart
