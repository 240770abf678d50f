from xml.parsers import expat

from benchmarks.speed import chart

PANEL: chart.Panel = {
    "textbook": {4: 1.0, 64: 20.0},
    "skorch": {4: "<none>", 64: "<none>"},
    "**ours, eager**": {4: 2.0, 64: 30.0},
}


def test_the_picture_is_well_formed_and_has_a_dot_for_each_speed():
    svg = chart.to_svg({"first": PANEL, "second": PANEL}, title="a < b")
    expat.ParserCreate().Parse(svg, True)
    in_a_panel, in_the_legend = 2 * 2, 2 * 2  # loops with speeds, batch sizes; groups of colours, batch sizes
    assert svg.count("<circle") == 2 * in_a_panel + in_the_legend


def test_the_picture_keeps_a_speed_off_the_scale_at_its_edge():
    assert chart.x_of(1e6) == chart.PANEL
    assert chart.x_of(1e-6) == 0
