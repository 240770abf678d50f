import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from pipeline.runtime.yaml_edit import patch, with_values

TEXT = """\
# settings
one:
  rate: 0.006   # steps
  sizes: [64, 64]  # wide
  names:
    - a
    - b

  'mode': "once"
two: {rate: 5, names: [a,
  b]}
three:
  limit:
  most:   # none
  sizes:  # as DVC writes a list
  - 64
  - 64
  last: 1
"""


@pytest.mark.parametrize(
    ("values", "before", "after"),
    [
        ({"one.rate": 0.00348}, "rate: 0.006   # steps", "rate: 0.00348   # steps"),
        ({"one.sizes": [8]}, "[64, 64]  # wide", "[8]  # wide"),
        ({"one.names": ["b", "null", "c"]}, "    - a\n    - b\n\n", "    - b\n    - 'null'\n    - c\n\n"),
        ({"one.mode": "each"}, "'mode': \"once\"", "'mode': each"),
        ({"two.names": ["a"]}, "[a,\n  b]", "[a]"),
        ({"three.limit": 8, "three.most": "a"}, "limit:\n  most:   #", "limit: 8\n  most: a   #"),
        ({"three.sizes": [8, 16, 32]}, "  - 64\n  - 64\n", "  - 8\n  - 16\n  - 32\n"),
        (
            {"three.sizes": []},
            "sizes:  # as DVC writes a list\n  - 64\n  - 64\n",
            "sizes: []  # as DVC writes a list\n",
        ),
        ({"one.rate": True, "two.rate": 1}, TEXT, TEXT.replace("0.006", "true").replace("rate: 5", "rate: 1")),
    ],
)
def test_a_value_changes_and_not_another_character(values, before, after):
    assert with_values(TEXT, values) == TEXT.replace(before, after)


@pytest.mark.parametrize("text", [TEXT, f"\ufeff{TEXT}", TEXT.replace("\n", "\r\n"), f"ä: 😀\n{TEXT}"])
def test_marks_and_line_ends_are_no_matter(text):
    assert with_values(text, {"two.rate": 77}) == text.replace("rate: 5", "rate: 77")


PATHS = ("one.names", "one.sizes", "three.limit", "three.most", "three.sizes")
ITEMS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53) | st.text("ab: -#'\"[,")


@settings(max_examples=20)
@given(st.lists(ITEMS, max_size=4))
def test_the_text_says_the_new_values(items):
    changed = YAML(typ="safe", pure=True).load(with_values(TEXT, dict.fromkeys(PATHS, items)))
    assert [changed[section][name] for section, name in (path.split(".") for path in PATHS)] == [items] * len(PATHS)


@pytest.mark.parametrize("path", ["one.speed", "four", "one.rate.much"])
def test_a_path_that_is_not_there_is_an_error(path):
    with pytest.raises(KeyError, match=path):
        with_values(TEXT, {path: 1})


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\nlast", "\x0bno line break\n"])
def test_git_applies_a_patch_whatever_the_file_ends_in(tmp_path, end):
    before, after = f"{TEXT}x: 1{end}", f"{TEXT}x: 2{end}"
    (tmp_path / "a.yaml").write_bytes(before.encode())
    (tmp_path / "change").write_bytes(patch(before, after, name="a.yaml").encode())
    subprocess.run(["git", "apply", "change"], cwd=tmp_path, check=True)
    assert (tmp_path / "a.yaml").read_bytes() == after.encode()


def test_no_change_is_no_patch():
    assert patch(TEXT, TEXT, name="a.yaml") == ""
