import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import save

from pipeline.reproduction.difference import describe_difference


def parquet(**columns):
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


def encoded(kind, numbers):
    """The numbers, and a text or a truth value beside them where the kind of file can hold one."""
    if kind == "json":
        return json.dumps({"name": "x", "good": True, "scores": numbers}).encode()
    if kind == "csv":
        return "\n".join(["name,scores", *(f"x,{number}" for number in numbers)]).encode()
    if kind == "parquet":
        return parquet(name=["x"] * len(numbers), scores=np.array(numbers))
    return save({"scores": np.array(numbers)})


@pytest.mark.parametrize(
    ("kind", "where"),
    [("json", "scores.1"), ("csv", "scores"), ("parquet", "scores"), ("safetensors", "scores")],
)
def test_the_largest_difference_is_found_in_every_kind_of_file(kind, where):
    recorded, found = encoded(kind, [1.0, 2.0, 3.0]), encoded(kind, [1.125, 1.5, 3.0])
    assert describe_difference(f"a.{kind}", recorded, found) == f"largest difference 0.5, in {where}"


def test_the_column_with_the_largest_difference_is_named():
    assert describe_difference("a.csv", b"a,b\n1,1\n", b"a,b\n2,3\n") == "largest difference 2, in b"


def test_large_integers_are_compared_exactly():
    recorded, found = (parquet(row_hash=np.array([number], dtype=np.uint64)) for number in (2**63, 2**63 + 1))
    assert describe_difference("a.parquet", recorded, found) == "largest difference 1, in row_hash"


def test_equal_numbers_in_different_bytes_are_said_to_be_equal():
    assert describe_difference("a.json", b'{"a": 1}', b'{"a":  1}') == "the bytes differ, no number does"


def test_what_is_no_number_on_both_sides_is_equal():
    assert describe_difference("a.json", b'{"a": NaN}', b'{"a":  NaN}') == "the bytes differ, no number does"


@pytest.mark.parametrize("lost", [b"NaN", b"Infinity"])
def test_a_number_that_was_lost_differs_without_bound(lost):
    assert describe_difference("a.json", b'{"a": 1}', b'{"a": ' + lost + b"}") == "largest difference inf, in a"


def test_another_number_of_rows_is_reported_as_such():
    assert describe_difference("a.csv", b"a\n1\n", b"a\n1\n2\n") == "a has shape (1,) recorded, (2,) retrained"


@pytest.mark.parametrize(("recorded", "found", "where"), [("a", "b", "recorded"), ("b", "a", "retrained")])
def test_a_name_on_one_side_only_is_reported(recorded, found, where):
    files = (json.dumps({"c": 1, name: 1}).encode() for name in (recorded, found))
    assert describe_difference("a.json", *files) == f"a is only in what was {where}"


def test_files_without_numbers_are_said_to_have_none():
    assert describe_difference("a.txt", b"a", b"b") == "holds no numbers that could be compared"
