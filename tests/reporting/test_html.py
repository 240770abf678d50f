import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from pipeline.reporting import html, summary, verdicts
from pipeline.reporting.run_results import RunResults
from tests.support.browsers import CHROMIUM, Browser
from tests.support.html import Structure, asked_of_the_network, schemes
from tests.support.reports import TABLES, make_result, write_metrics
from tests.support.skips import reason

WIDTHS = (390, 1200)  # of a phone and of a screen, in pixels
HOSTILE = "job_title=</td></svg></style><script>alert('&\"')</script><img src=x onerror=alert(1)>"
SLICE = {"rows": 30, "mse_usd2": 1e9, "bias_usd": 9e9}
LONG = "company_location=" + "Llanfairpwllgwyngyll" * 5


def make_page(folder, *, names=("full", "course"), **changes):
    return html.page(write_metrics(folder, **dict.fromkeys(names, changes)).results())


def test_groups_that_are_all_too_small_leave_a_page(tmp_path):
    assert summary.TOO_FEW in make_page(tmp_path, slices=[], coverage=[])


def test_a_contract_that_audits_nothing_leaves_a_page_that_says_so(tmp_path):
    text = make_page(tmp_path, fairness=[])
    assert text.count(verdicts.NO_GROUPS) == 2
    assert verdicts.FAIRNESS_NOTE not in text


def test_every_tag_is_closed(tmp_path):
    assert Structure(make_page(tmp_path)).open == []


def test_it_asks_the_network_for_nothing(tmp_path):
    assert asked_of_the_network(make_page(tmp_path)) == []


def test_its_pictures_are_inside_and_have_names_for_those_who_do_not_see_them(tmp_path):
    pictures = re.findall(r"<svg.*?</svg>", make_page(tmp_path), flags=re.DOTALL)
    assert len(pictures) == 2 * 7
    assert all(ElementTree.fromstring(picture).attrib["aria-label"] for picture in pictures)  # noqa: S314 (our own)


def test_hostile_names_and_values_stay_text(tmp_path):
    tables = {
        "slices": [{"slice": HOSTILE, **SLICE}],
        "importance": [TABLES["importance"][0] | {"feature": HOSTILE}],
        "fairness": [TABLES["fairness"][0] | {"group": HOSTILE}],
        "coverage": [TABLES["coverage"][0] | {"experience_level": HOSTILE}],
    }
    result = replace(make_result(tmp_path, **tables), name=HOSTILE)
    results = RunResults((result,), data={HOSTILE: 1}, hashes={HOSTILE: "0" * 64})
    found = Structure(html.page(results))
    assert not {"script", "img"} & set(found.tags)
    assert not [name for name, _ in found.attributes if name.startswith("on")]
    assert found.open == []


def test_it_shows_the_numbers_of_the_metrics(tmp_path):
    text = make_page(tmp_path)
    for number in ("$29,017", "$25,023", "$22,041", "$20,000", "$15,000", "0.525", "52.5 %", "340"):
        assert number in text, number
    for number in ("81.1 %", "$51,111", "95.7 %", "$92,222", "$30,000", "-$1,234", "30.0 %", "-1.0 %", "1,987"):
        assert number in text, number


def test_a_recipe_worse_than_ridge_regression_is_marked(tmp_path):
    assert "<td>full (worse than ridge)</td>" in make_page(tmp_path, test_mse_over_ridge_low=1.01)
    assert "worse than ridge" not in make_page(tmp_path / "better", test_mse_over_ridge=1.01)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if not CHROMIUM:
        pytest.skip(reason("no Chromium is installed", to_run="apt-get install chromium"))
    return Browser(tmp_path_factory.mktemp("browser"))


@pytest.mark.parametrize("width", WIDTHS)
def test_a_browser_needs_no_scrolling_sideways(browser, tmp_path, width):
    slices = [{"slice": LONG, **SLICE}]
    text = make_page(tmp_path, names=("full", "a-very-" + "long" * 20 + "-name"), slices=slices)
    assert browser.measure(text, width=width) == (width, width)


@pytest.mark.parametrize(("width", "scheme"), list(zip(WIDTHS, ["light", "dark"], strict=True)))
def test_a_browser_draws_it_in_the_scheme_that_the_reader_prefers(browser, tmp_path, width, scheme):
    picture = browser.draw(make_page(tmp_path), width=width, dark=scheme == "dark")
    found = schemes()[scheme]
    assert picture.width == width
    assert picture.share(found["paper"]) + picture.share(found["card"]) > 0.5
    for colour in ("c0", "ink"):
        assert picture.share(found[colour]) > 0.0005, colour
