from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipeline.data.encoding import ROWS, fit
from pipeline.data.parts import Part
from pipeline.data.schema import FEATURES, HASH, TARGET
from pipeline.data.spills import HASHED, SCRATCH, Spill, encode_part, hashed, scratch_folder, write_spill
from pipeline.data.split import assign, row_hash
from tests.conftest import prepare_settings
from tests.support.tables import batch, rows

SPLIT = prepare_settings().split
PART = Part(0, Path("table.csv"), "", (), 0, None)


def spill(folder, lines):
    """The spill of these lines; and their clean rows with their hashes."""
    clean = batch(lines)
    kept = hashed(clean, row_hash(clean, salt=SPLIT.salt))
    return Spill(write_spill(folder / "0.arrow", kept), PART), kept


def never(part):
    raise AssertionError(f"{part} is at hand")


def encoder_of(kept):
    return fit({name: Counter(kept[name].to_pylist()) for name in (*FEATURES, TARGET)}, min_count=1, target="standard")


def test_a_spill_comes_back_as_it_was(tmp_path):
    found, kept = spill(tmp_path, rows(50))
    assert found.rows(again=never).equals(kept)
    assert kept.schema.equals(HASHED)


def test_a_spill_written_once_more_is_the_same_file(tmp_path):
    found, kept = spill(tmp_path, rows(50))
    before = found.place.read_bytes()
    assert write_spill(found.place, kept).read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["0.arrow"]


def test_a_lost_spill_is_written_once_more_from_its_part(tmp_path):
    found, kept = spill(tmp_path, rows(50))
    found.place.unlink()
    parts = []

    def again(part):
        parts.append(part)
        write_spill(found.place, kept)

    assert found.rows(again=again).equals(kept)
    assert parts == [PART]


@pytest.mark.parametrize("url", ["/shared/disk", "https://host/folder", "s3://me:secret@bucket"])
def test_a_scratch_that_is_no_place_to_write_to_is_refused(tmp_path, monkeypatch, url):
    monkeypatch.setenv(SCRATCH, url)
    message = "PREPARE_SCRATCH must be a place to write to, .*, found "
    with pytest.raises(ValueError, match=message) as error, scratch_folder(tmp_path / "parts"):
        pass
    assert "secret" not in str(error.value)


def test_a_folder_that_a_worker_does_not_see_is_told_as_such(tmp_path):
    with pytest.raises(ValueError, match="elsewhere: all workers must see the folder of spills, found none; give them"):
        write_spill(tmp_path / "elsewhere/0.arrow", spill(tmp_path, rows(3))[1])


def test_each_row_is_encoded_once_in_the_split_of_its_hash_and_in_order(tmp_path):
    found, kept = spill(tmp_path, rows(50))
    tables = encode_part(found, encoder_of(kept), SPLIT, never)
    hashes, splits = kept[HASH].to_numpy(), assign(kept[HASH].to_numpy(), SPLIT)
    assert [table[HASH].to_pylist() for table in tables] == [hashes[splits == place].tolist() for place in range(3)]
    expected = encoder_of(kept).encode(kept) | encoder_of(kept).encode_target(kept)
    for place, table in enumerate(tables):
        assert table.schema.equals(ROWS)
        for name, column in expected.items():
            assert np.array_equal(table[name].to_numpy(), column[splits == place])


def test_a_spill_without_rows_has_none_in_any_split(tmp_path):
    found, kept = spill(tmp_path, rows(50))
    write_spill(found.place, kept.slice(0, 0))
    tables = encode_part(found, encoder_of(kept), SPLIT, never)
    assert [table.num_rows for table in tables] == [0, 0, 0]
    assert pa.concat_tables(tables).schema.equals(ROWS)
