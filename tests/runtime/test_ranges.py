import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.runtime.ranges import Ranges

DATA = bytes(range(256)) * 3
STEPS = st.lists(st.tuples(st.integers(0, 800), st.integers(0, 300)))


@given(STEPS, st.sampled_from([1, 16, 1024]))
def test_it_reads_as_a_file_of_these_bytes_does(steps, buffer):
    file, expected = io.BufferedReader(Ranges(lambda start, end: DATA[start:end], len(DATA)), buffer), io.BytesIO(DATA)
    for offset, size in steps:
        assert file.seek(offset) == expected.seek(offset)
        assert file.read(size) == expected.read(size)
        assert file.readline() == expected.readline()


@pytest.mark.parametrize("whence", [io.SEEK_SET, io.SEEK_CUR, io.SEEK_END])
def test_it_is_searched_from_anywhere(whence):
    file, expected = Ranges(lambda start, end: DATA[start:end], len(DATA)), io.BytesIO(DATA)
    for each in (file, expected):
        each.seek(10)
    assert file.seek(5, whence) == expected.seek(5, whence)
    assert file.read(4) == expected.read(4)
    assert file.tell() == expected.tell()
