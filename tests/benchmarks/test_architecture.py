"""The picture of who imports whom is that of today's code, and the test of the architecture agrees with it."""

import re
from xml.parsers import expat

import pytest

from benchmarks import architecture
from tests.house.test_architecture import MAY_IMPORT
from tests.support.code import FILES, MODULES, imported_by, package_of
from tests.support.work_tree import ROOT

PICTURE = ROOT / "docs/pictures/architecture.svg"


def test_the_picture_is_that_of_todays_code(monkeypatch, tmp_path):
    monkeypatch.setattr("sys.argv", ["architecture", "--out", str(tmp_path)])
    architecture.main()
    drawn = (tmp_path / PICTURE.name).read_bytes()
    assert drawn == PICTURE.read_bytes(), "python -m benchmarks.architecture draws it anew"


def test_every_package_is_a_box_and_every_import_between_two_is_an_arrow():
    text = PICTURE.read_text(encoding="utf-8")
    expat.ParserCreate().Parse(text, True)
    assert set(re.findall(r'class="name"[^>]*>(\w+)<', text)) == MAY_IMPORT.keys()
    top = {name: name if name in MAY_IMPORT else architecture.TOP for name in map(package_of, MODULES)}
    pairs = {
        (top[package_of(name)], top[package_of(other)]) for name in MODULES for other in imported_by(MODULES[name])
    }
    assert text.count('class="tip"') == len({(one, other) for one, other in pairs if one != other})
    assert all(f"{name}," in text or f"{name}<" in text for name in FILES if "." not in name and name != "__init__")
    assert "prefers-color-scheme: dark" in text


def test_a_thick_arrow_is_one_that_does_not_follow_from_others():
    imports = {"a": {"b", "c"}, "b": {"c"}, "c": set()}
    assert [architecture.follows(imports, *pair) for pair in ("ab", "ac", "bc")] == [False, True, False]


def test_a_package_stands_below_all_that_import_it_and_a_circle_has_no_place():
    assert architecture.layers({"a": {"b", "c"}, "b": {"c"}, "c": set(), "d": {"c"}}) == [["a", "d"], ["b"], ["c"]]
    with pytest.raises(ValueError, match="import each other in a circle; found a, b"):
        architecture.layers({"a": {"b"}, "b": {"a"}})
