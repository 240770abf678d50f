"""Charts of horizontal bars, with whole names beside them."""

import textwrap
from collections.abc import Mapping, Sequence

from pipeline.reporting.svg import WIDTH, Axis, Format, legend, picture, rectangle, text_at
from pipeline.runtime.escape import html

NAMES, VALUES = 148.0, 68.0  # pixels: the room for names and for values
BAR, LINE = 22, 11  # pixels: a name's bar with its gap, and each further line of its name
NAME, LINES = 26, 4  # letters of a line of a name, and so many lines are shown


def bars(
    values: Mapping[str, float], *, text: Format, title: str, line: float | None = None, own: str | None = None
) -> str:
    """One bar per name, to the left of zero where negative, with its value; and a dashed line through all at `line`.

    The bar of the name `own` has a colour of its own.
    """
    low, high = min([0.0, *values.values()]), max([0.0, line or 0.0, *values.values()])
    axis = Axis(low, high if high > low else low + 1, (), label="", text=text)
    left, right = NAMES + 8, WIDTH - VALUES + 8
    zero = axis.pixel(0, left, right)
    marks, height = [], 0
    for name, value in values.items():
        lines, top, end = _lines(name), height + 4, axis.pixel(value, left, right)
        marks.append(_name(name, lines, top + 12))
        kind = "c1" if name == own else "c0"
        marks.append(rectangle(min(zero, end), top, abs(end - zero), BAR - 6, kind=kind))
        marks.append(text_at(max(zero, end) + 4, top + 12, text(value)))
        height += BAR + LINE * (len(lines) - 1)
    height += 6
    if line is not None:
        marks.append(f'<path class="mark" d="M{axis.pixel(line, left, right):.1f} 0V{height}"/>')
    return picture(marks, height, title)


def pairs(values: Mapping[str, tuple[float, float]], *, text: Format, title: str, names: tuple[str, str]) -> str:
    """Two bars per name, one below the other, with their values; above them what each of the two is."""
    axis = Axis(0.0, max(max(pair) for pair in values.values()) or 1.0, (), label="", text=text)
    left, right = NAMES + 8, WIDTH - VALUES + 8
    kinds = ("c1", "c0")
    marks, height = legend(dict(zip(kinds, names, strict=True)), left + 4, 12), BAR
    for name, pair in values.items():
        lines, top = _lines(name), height + 4
        marks.append(_name(name, lines, top + 12))
        for number, (kind, value) in enumerate(zip(kinds, pair, strict=True)):
            end = axis.pixel(value, left, right)
            marks.append(rectangle(left, top + 11 * number, end - left, 10, kind=kind))
            marks.append(text_at(end + 4, top + 9 + 11 * number, text(value)))
        height += max(BAR + LINE, BAR + LINE * (len(lines) - 1)) - 3
    return picture(marks, height + 6, title)


def _lines(name: str) -> Sequence[str]:
    """The name in lines that have room; of a very long one the last is cut."""
    return textwrap.wrap(name, NAME, max_lines=LINES, placeholder="…") or [""]


def _name(name: str, lines: Sequence[str], y: float) -> str:
    """The lines of a name, the first at this height; under the pointer it is shown whole."""
    spans = "".join(
        f'<tspan x="{NAMES:g}" y="{y + LINE * number:g}">{html(line)}</tspan>' for number, line in enumerate(lines)
    )
    return f'<text class="name"><title>{html(name)}</title>{spans}</text>'
