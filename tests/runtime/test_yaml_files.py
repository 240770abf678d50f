import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.runtime import escape
from pipeline.runtime.yaml_files import LARGEST, dump, read

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 12)
)
"""Half a kilobyte that would be 10¹² values."""


@pytest.fixture
def write(tmp_path):
    """A writer of a YAML file; returns its path."""

    def write(text):
        path = tmp_path / "a.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_a_file_is_read_as_json_can_say_it(write):
    assert read(write("\ufeffa: [1, 1e-3, yes, 0o17, null]\nb: 2026-01-31")) == {
        "a": [1, 0.001, "yes", 15, None],
        "b": {"date": "2026-01-31"},
    }


FACTS = st.recursive(
    st.text() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.booleans(),
    lambda facts: st.lists(facts, max_size=3) | st.dictionaries(st.from_regex("[a-z]{1,5}", fullmatch=True), facts),
    max_leaves=8,
)


@given(st.dictionaries(st.from_regex("[a-z]{1,5}", fullmatch=True), FACTS, min_size=1))
def test_what_is_written_is_read_back_with_what_cannot_be_seen_made_visible(tmp_path_factory, facts):
    def visible(value):
        if isinstance(value, dict):
            return {key: visible(each) for key, each in value.items()}
        return [visible(each) for each in value] if isinstance(value, list) else shown(value)

    def shown(value):
        return escape.visible(value) if isinstance(value, str) else value

    text = dump(facts)
    file = tmp_path_factory.getbasetemp() / "facts.yaml"
    file.write_text(text, encoding="utf-8")
    assert read(file) == visible(facts)
    assert not re.search(f"(?!\n)[{escape.INVISIBLE}]", text)


def test_an_anchor_that_nothing_refers_to_does_no_harm(write):
    assert read(write("a: &name 1")) == {"a": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            BOMB,
            r"must be YAML 1.2: line 2: \*a0 stands for another part of the file; write that part out in its place$",
        ),
        ("a: &a [*a]", r"must be YAML 1.2: line 1: \*a stands for"),
        ("a: &a {b: 1}\nc: {<<: *a}", r"must be YAML 1.2: line 2: \*a stands for"),
        ("a: *b", r"must be YAML 1.2: line 1: \*b stands for"),
        ("[" * 1000, "must be YAML 1.2 of a few levels, found hundreds, one in the other$"),
        ("#" * LARGEST + "\na: 1", r"must be 1 MiB or less, found more; shorten it, or bring back .* -- a\.yaml$"),
        (b"a: \xff", "must be YAML 1.2: .*utf-8"),
        ("a: 1\n\tb: 2", "must be YAML 1.2: line 2: .*; indent with spaces, not with tabs$"),
    ],
    ids=["bomb", "in itself", "merged", "undefined", "deep", "long", "latin", "tab"],
)
def test_what_cannot_be_read_or_would_take_too_much_is_refused(write, text, message):
    with pytest.raises(ValueError, match=message):
        read(write(text))


def test_a_file_as_long_as_may_be_is_read(write):
    assert read(write("a: 1\n".ljust(LARGEST, "#"))) == {"a": 1}
