"""Streamed rows: each once per epoch, in an order that only the generator decides."""

from itertools import pairwise

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.model.reproducible import DataLoader, torch
from pipeline.training import batches as batches_module
from pipeline.training import streamed
from pipeline.training.batches import batches
from pipeline.training.streamed import StreamedRows
from tests.support.recipes import seeded

ROWS, GROUP, WINDOW = 103, 7, 3  # 15 row groups, the last one shorter, in 5 windows


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A Parquet file of several windows of several row groups."""
    monkeypatch.setattr(streamed, "GROUPS_PER_WINDOW", WINDOW)
    table = pa.table(
        {"number": list(range(ROWS)), "half": [place / 2 for place in range(ROWS)], "unread": ["x"] * ROWS}
    )
    pq.write_table(table, tmp_path / "rows.parquet", row_group_size=GROUP)
    return tmp_path / "rows.parquet"


def tensors(table):
    assert table.column_names == ["number", "half"]
    assert table.num_rows <= GROUP
    return [torch.tensor(table["number"].to_pylist()), torch.tensor(table["half"].to_pylist()).unsqueeze(1)]


def stream(file, *, generator):
    return StreamedRows(file, columns=["number", "half"], tensors=tensors, generator=generator)


def order(rows, *, size=10):
    """The numbers of one epoch's rows."""
    return torch.cat([numbers for numbers, _ in rows.blocks(size)]).tolist()


def test_every_row_comes_once_per_epoch(file):
    rows = stream(file, generator=seeded())
    for _ in range(3):
        assert sorted(order(rows)) == list(range(ROWS))


def test_a_row_stays_whole(file):
    for numbers, halves in stream(file, generator=seeded()).blocks(10):
        assert torch.equal(numbers / 2, halves.squeeze(1))


def test_the_order_is_anothers_each_epoch_and_the_same_for_the_same_seed(file):
    rows, again, other = (stream(file, generator=seeded(seed)) for seed in (1, 1, 2))
    first, second = order(rows), order(rows)
    assert first != second
    assert [order(again), order(again)] == [first, second]
    assert order(other) != first


def test_rows_do_not_follow_each_other_as_in_the_file(file):
    found = order(stream(file, generator=seeded()))
    assert sum(later == earlier + 1 for earlier, later in pairwise(found)) < 20


def test_row_groups_meet_others_each_epoch(file):
    rows = stream(file, generator=seeded())
    windows = {frozenset(number // GROUP for number in order(rows)[: (WINDOW - 1) * GROUP]) for _ in range(5)}
    assert len(windows) == 5


def test_a_row_meets_the_rows_of_its_windows_groups_only(file):
    found = order(stream(file, generator=seeded()))
    assert len({number // GROUP for number in found[: (WINDOW - 1) * GROUP]}) <= WINDOW


@pytest.mark.parametrize("size", [1, 7, 8, 21, 22, 50, ROWS, ROWS + 1])
def test_blocks_have_one_size_and_leave_the_order_as_it_is(file, size):
    rows = stream(file, generator=seeded())
    *whole, last = [len(numbers) for numbers, _ in rows.blocks(size)]
    assert set(whole) <= {size}
    assert 0 < last <= size
    first, second = (stream(file, generator=seeded(4)) for _ in range(2))
    assert order(first, size=size) == order(second, size=10)


def test_its_length_is_the_files(file):
    assert len(stream(file, generator=seeded())) == ROWS


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize(("size", "per_gather"), [(1, 8), (4, 8), (4, 8192), (10, 30), (ROWS, 8), (ROWS + 1, 8)])
def test_batches_are_the_loaders_own_and_leave_both_generators_alike(file, size, per_gather, drop_last, monkeypatch):
    monkeypatch.setattr(batches_module, "ROWS_PER_GATHER", per_gather)
    expected, expected_states = epochs(file, iter, batch_size=size, drop_last=drop_last)
    served, states = epochs(file, batches, batch_size=size, drop_last=drop_last)
    assert len(served) == len(expected)
    for batch, oracle in zip(served, expected, strict=True):
        assert type(batch) is type(oracle)
        assert all(map(torch.equal, batch, oracle))
        assert [column.dtype for column in batch] == [column.dtype for column in oracle]
    assert all(map(torch.equal, states, expected_states))


def epochs(file, serve, **options):
    """All batches of some epochs, and the state of both generators after each epoch."""
    torch.manual_seed(7)
    generator = seeded(3)
    loader = DataLoader(stream(file, generator=generator), generator=generator, **options)
    served, states = [], []
    for _ in range(3):
        served += list(serve(loader))
        states += [torch.get_rng_state(), generator.get_state()]
    return served, states


@pytest.mark.parametrize("drop_last", [False, True])
def test_a_loader_knows_how_many_batches_there_will_be(file, drop_last):
    loader = DataLoader(stream(file, generator=seeded()), batch_size=4, drop_last=drop_last)
    assert len(loader) == len(list(batches(loader)))
