import pytest

from pipeline.runtime import json_file


def loads(text):
    return json_file.loads(text if isinstance(text, bytes) else text.encode(), where="a.json")


def test_values_are_those_of_json():
    text = '{"a": [1, -2.5e3, "é", null, true], "b": {"a": 18446744073709551615}}'
    assert loads(text) == {"a": [1, -2500.0, "é", None, True], "b": {"a": 2**64 - 1}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("NaN", "NaN, which is no number"),
        ("[-Infinity]", "-Infinity, which is no number"),
        ("[1e999]", "1e999, which no 64 bits hold"),
        ("[-1e999]", "-1e999, which no 64 bits hold"),
        ("9" * 5000, "a whole number of 5,000 digits"),
        ('{"a": {"b": 1, "b": 1}}', "each key must be given once"),
        ("[" * 100_000, "recursion"),
        ("[" * 17 + "]" * 17, "more than 16 lists and objects in each other"),
        ('{"a":' * 900 + "1" + "}" * 900, "more than 16 lists and objects in each other"),
        ("", "Expecting value"),
        ("{} {}", "Extra data"),
        (b'"\xff"', "'utf-8' codec"),
        (b"\xef\xbb\xbf{}", "BOM"),
    ],
)
def test_what_other_readers_may_take_for_something_else_is_refused(text, message):
    with pytest.raises(ValueError, match=rf"^a\.json must be JSON, found .*{message}"):
        loads(text)


def test_some_nesting_is_read():
    assert loads("[" * 16 + "]" * 16)


def test_a_file_is_read_up_to_its_limit(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b"12345")
    assert json_file.read_bytes(path, largest=5) == b"12345"
    with pytest.raises(ValueError, match=r"a\.json must have at most 4 bytes, found 5$"):
        json_file.read_bytes(path, largest=4)


def test_what_is_no_file_is_not_read(tmp_path):
    with pytest.raises(ValueError, match=r"must be a file, found a folder or a device$"):
        json_file.read_bytes(tmp_path, largest=5)
    with pytest.raises(FileNotFoundError):
        json_file.read_bytes(tmp_path / "a.json", largest=5)
