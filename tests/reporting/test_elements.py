import re

import pytest

from pipeline.reporting import elements
from tests.support.html import Structure, schemes

HOSTILE = "</td></figcaption><script>alert('&\"')</script>"


def luminance(colour: str) -> float:
    """Source: WCAG 2.2, relative luminance."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[start : start + 2], 16) / 255 for start in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_the_dark_scheme_has_every_colour_of_the_light_one():
    light, dark = schemes().values()
    assert "prefers-color-scheme: dark" in elements.STYLE
    assert set(light) == set(dark) >= set(re.findall(r"var\(--(\w+)\)", elements.STYLE))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("ink", ["ink", "soft"])
@pytest.mark.parametrize("paper", ["paper", "card"])
def test_text_stands_out(scheme, ink, paper):
    found = schemes()[scheme]
    dim, bright = sorted((luminance(found[ink]), luminance(found[paper])))
    assert (bright + 0.05) / (dim + 0.05) >= 4.5  # WCAG 2.2, level AA


def test_whatever_a_text_holds_stays_text():
    parts = [
        elements.figure(HOSTILE, HOSTILE, ""),
        elements.paragraph(HOSTILE),
        elements.bullets([HOSTILE]),
        elements.details(HOSTILE, ""),
        elements.table([[HOSTILE], [HOSTILE]]),
    ]
    found = Structure(elements.document(HOSTILE, parts))
    assert found.open == []
    assert "script" not in found.tags
    assert "alert" in found.text


def test_a_table_has_its_header_and_scrolls_by_itself():
    assert elements.table([["a", "b"], ["1", "2"]]) == (
        '<div class="scroll"><table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table></div>'
    )
