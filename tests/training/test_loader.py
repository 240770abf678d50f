"""Rows in memory and rows streamed from their file: each once per epoch, in an order that the generator decides.

`batches` is the loader's own iteration, made faster: the oracle is the DataLoader itself.
"""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.data.encoding import Encoder
from pipeline.data.schema import HASH
from pipeline.model.network import build
from pipeline.model.reproducible import DataLoader, TensorDataset, nn, torch
from pipeline.training import loader as module
from pipeline.training.loader import (
    StreamedRows,
    batches,
    blocks,
    loader_of,
    read_rows,
    rows_per_block,
)
from pipeline.training.row_range import RowRange
from tests.support.recipes import EMBEDDING, Training, make_network, make_recipe, make_rows, seeded
from tests.support.tables import row, rows, table

ROWS, GROUP, WINDOW = 103, 7, 3  # of the streamed file: 15 row groups, the last one shorter, in 5 windows


@pytest.fixture
def prepared(stage):
    stage.run(table([*rows(200), *rows(40)]))  # some rows are equal
    return stage.out


@pytest.fixture(params=[{}, EMBEDDING], ids=["course", "embedding"])
def changes(request):
    return request.param


@pytest.fixture
def few_rows_in_memory(monkeypatch):
    """All splits are too large for memory."""
    monkeypatch.setattr(module, "ROWS_IN_MEMORY", 10)


def network_of(prepared, recipe):
    return build(recipe, Encoder.read(prepared / "encoder.json"), generator=seeded(1))


def loader(prepared, recipe, *, seed=1):
    network, scratch = network_of(prepared, recipe), prepared / f"scratch-{len(list(prepared.iterdir()))}"
    return loader_of(prepared / "train.parquet", network, recipe, generator=seeded(seed), scratch=scratch)


def test_a_split_is_read_as_the_network_reads_its_codes_and_the_normalised_salary(prepared, changes):
    network = network_of(prepared, make_recipe(**changes))
    inputs, target = read_rows(prepared / "valid.parquet", network).tensors
    columns = pq.read_table(prepared / "valid.parquet").to_pydict()
    expected = np.stack([columns[name] for name in network.columns], axis=1)
    assert inputs.dtype == network.dtype
    assert inputs.tolist() == expected.tolist()
    assert target.squeeze(1).tolist() == columns["target"]
    assert target.dtype == torch.float32


def test_a_loader_serves_the_rows_that_a_split_has_in_batches_of_the_recipes_size(prepared, changes):
    recipe = make_recipe(**changes, batch_size=7)
    served = list(loader(prepared, recipe))
    assert {len(inputs) for inputs, _ in served[:-1]} == {7}
    inputs, target = read_rows(prepared / "train.parquet", network_of(prepared, recipe)).tensors
    assert in_order(served) == in_order([(inputs, target)])


def in_order(batches):
    """The rows of batches as sorted numbers."""
    rows = [torch.cat([column.double() for column in batch], dim=1) for batch in batches]
    return sorted(torch.cat(rows).tolist())


def test_up_to_so_many_rows_lie_in_memory_and_more_are_streamed(prepared, monkeypatch):
    count = pq.read_metadata(prepared / "train.parquet").num_rows
    for limit, kind in ((count, TensorDataset), (count - 1, StreamedRows)):
        monkeypatch.setattr(module, "ROWS_IN_MEMORY", limit)
        assert isinstance(loader(prepared, make_recipe()).dataset, kind)


@pytest.mark.parametrize("equal_rows", ["each", "once"])
def test_streamed_rows_are_those_in_memory(prepared, changes, equal_rows, monkeypatch):
    recipe = make_recipe(**changes, equal_rows=equal_rows)
    in_memory = in_order(loader(prepared, recipe))
    monkeypatch.setattr(module, "ROWS_IN_MEMORY", 10)
    streamed = list(loader(prepared, recipe))
    assert in_order(streamed) == in_memory
    assert len(streamed[0]) == (2 if equal_rows == "each" else 3)


@pytest.mark.parametrize("limit", [10, 10_000])
def test_the_generator_draws_another_order_each_epoch(prepared, limit, monkeypatch):
    monkeypatch.setattr(module, "ROWS_IN_MEMORY", limit)
    one, same, other = (loader(prepared, make_recipe(), seed=seed) for seed in (1, 1, 2))
    first, second = served(one), served(one)
    assert first != second
    assert [served(same), served(same)] == [first, second]
    assert served(other) != first


def served(loader):
    return [target.tolist() for _, target in loader]


@pytest.mark.usefixtures("few_rows_in_memory")
def test_training_on_streamed_rows_learns(stage, changes):
    sizes = [
        row(company_size="SML"[number % 3], salary_in_usd=50_000 * (1 + number % 3) + 100 * number)
        for number in range(200)
    ]
    stage.run(table(sizes))
    prepared = stage.out
    recipe = make_recipe(**changes, epochs=20, optimizer={"learning_rate": 0.005})
    network = network_of(prepared, recipe)
    order = loader(prepared, recipe)
    last = Training(network, order, read_rows(prepared / "train.parquet", network), recipe).run()[-1]
    assert last.history[-1].valid_mse < 0.5 * last.history[0].valid_mse


@pytest.mark.usefixtures("few_rows_in_memory")
def test_a_training_on_streamed_rows_goes_on_to_the_same_bits(prepared):
    recipe = make_recipe(**EMBEDDING, epochs=3, equal_rows="once")
    trainings = []
    for seed in (1, 2):
        network, order = network_of(prepared, recipe), loader(prepared, recipe, seed=seed)
        trainings.append(Training(network, order, read_rows(prepared / "valid.parquet", network), recipe))
    uninterrupted, other = trainings
    first, *_, last = uninterrupted.run()
    resumed = other.run(start=first)[-1]
    assert resumed.history == last.history
    assert torch.equal(resumed.kept_weights, last.kept_weights)


@pytest.mark.parametrize("limit", [10, 10_000])
def test_the_largest_hashes_are_told_apart(prepared, limit, monkeypatch):
    monkeypatch.setattr(module, "ROWS_IN_MEMORY", limit)
    split = pq.read_table(prepared / "train.parquet")
    hashes = np.array([2**64 - 1] + [2**64 - 2] * (len(split) - 1), np.uint64)  # equal as floats
    index = split.column_names.index(HASH)
    pq.write_table(split.set_column(index, HASH, pa.array(hashes)), prepared / "train.parquet")
    weight = torch.cat([weight for _, _, weight in loader(prepared, make_recipe(equal_rows="once"))])
    assert weight.max() == len(split) / 2
    assert (weight == weight.max()).sum() == 1


def test_the_weighted_loss_of_all_rows_is_the_loss_of_the_distinct_ones(prepared):
    recipe = make_recipe(equal_rows="once", batch_size=10_000)
    network = network_of(prepared, recipe)
    ((inputs, target, weight),) = loader(prepared, recipe)
    distinct = np.unique(pq.read_table(prepared / "train.parquet")[HASH].to_numpy(), return_index=True)[1]
    assert len(distinct) < len(inputs)
    rows = read_rows(prepared / "train.parquet", network)[torch.from_numpy(distinct)]
    with torch.no_grad():
        expected = nn.functional.mse_loss(network(rows[0]), rows[1])
        torch.testing.assert_close((weight * (network(inputs) - target) ** 2).mean(), expected)


@pytest.mark.parametrize("equal_rows", ["each", "once"])
def test_a_split_without_rows_is_refused(prepared, equal_rows):
    empty = pq.read_table(prepared / "train.parquet").slice(0, 0)
    pq.write_table(empty, prepared / "train.parquet")
    with pytest.raises(ValueError, match=r"train\.parquet: the split must have rows, found none; run dvc repro"):
        loader(prepared, make_recipe(equal_rows=equal_rows))


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A Parquet file of several windows of several row groups."""
    monkeypatch.setattr(module, "GROUPS_PER_WINDOW", WINDOW)
    table = pa.table(
        {"number": list(range(ROWS)), "half": [number / 2 for number in range(ROWS)], "unread": ["x"] * ROWS}
    )
    pq.write_table(table, tmp_path / "rows.parquet", row_group_size=GROUP)
    return tmp_path / "rows.parquet"


def tensors_of(table):
    assert table.column_names == ["number", "half"]
    assert table.num_rows <= GROUP
    return [torch.tensor(table["number"].to_pylist()), torch.tensor(table["half"].to_pylist()).unsqueeze(1)]


def stream(file, *, generator):
    return StreamedRows(RowRange.whole(file), columns=["number", "half"], tensors=tensors_of, generator=generator)


def numbers_of(rows, *, size=10):
    """The numbers of one epoch's rows."""
    return torch.cat([numbers for numbers, _ in rows.blocks(size)]).tolist()


def test_every_row_comes_once_per_epoch(file):
    rows = stream(file, generator=seeded())
    for _ in range(3):
        assert sorted(numbers_of(rows)) == list(range(ROWS))


def test_a_row_stays_whole(file):
    for numbers, halves in stream(file, generator=seeded()).blocks(10):
        assert torch.equal(numbers / 2, halves.squeeze(1))


def test_the_order_is_anothers_each_epoch_and_the_same_for_the_same_seed(file):
    rows, again, other = (stream(file, generator=seeded(seed)) for seed in (1, 1, 2))
    first, second = numbers_of(rows), numbers_of(rows)
    assert first != second
    assert [numbers_of(again), numbers_of(again)] == [first, second]
    assert numbers_of(other) != first


def test_rows_do_not_follow_each_other_as_in_the_file(file):
    found = numbers_of(stream(file, generator=seeded()))
    assert sum(later == earlier + 1 for earlier, later in pairwise(found)) < 20


def test_row_groups_meet_others_each_epoch(file):
    rows = stream(file, generator=seeded())
    windows = {frozenset(number // GROUP for number in numbers_of(rows)[: (WINDOW - 1) * GROUP]) for _ in range(5)}
    assert len(windows) == 5


def test_a_row_meets_the_rows_of_its_windows_groups_only(file):
    found = numbers_of(stream(file, generator=seeded()))
    assert len({number // GROUP for number in found[: (WINDOW - 1) * GROUP]}) <= WINDOW


@pytest.mark.parametrize("size", [1, 7, 8, 21, 22, 50, ROWS, ROWS + 1])
def test_blocks_have_one_size_and_leave_the_order_as_it_is(file, size):
    rows = stream(file, generator=seeded())
    *whole, last = [len(numbers) for numbers, _ in rows.blocks(size)]
    assert set(whole) <= {size}
    assert 0 < last <= size
    first, second = (stream(file, generator=seeded(4)) for _ in range(2))
    assert numbers_of(first, size=size) == numbers_of(second, size=10)


def test_its_length_is_the_files(file):
    assert len(stream(file, generator=seeded())) == ROWS


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize(("size", "per_gather"), [(1, 8), (4, 8), (4, 8192), (10, 30), (ROWS, 8), (ROWS + 1, 8)])
def test_batches_are_the_loaders_own_and_leave_both_generators_alike(file, size, per_gather, drop_last, monkeypatch):
    monkeypatch.setattr(module, "ROWS_PER_GATHER", per_gather)
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


samplers, EPOCHS = torch.utils.data, 3


def rows_in_memory(count=ROWS):
    g = torch.Generator().manual_seed(1)
    return TensorDataset(
        torch.rand(count, 4, generator=g), torch.randint(9, (count, 2, 3), generator=g), torch.rand(count, generator=g)
    )


LOADERS = {
    "shuffled": lambda d, g: DataLoader(d, batch_size=4, shuffle=True, generator=g),
    "shuffled, one row": lambda d, g: DataLoader(d, shuffle=True, generator=g),
    "shuffled, last batch dropped": lambda d, g: DataLoader(d, batch_size=4, shuffle=True, drop_last=True, generator=g),
    "sequential": lambda d, g: DataLoader(d, batch_size=4, generator=g),
    "sequential, last batch dropped": lambda d, g: DataLoader(d, batch_size=25, drop_last=True, generator=g),
    "batches divide the rows": lambda d, g: DataLoader(rows_in_memory(100), batch_size=10, shuffle=True, generator=g),
    "one batch of all": lambda d, g: DataLoader(d, batch_size=ROWS, shuffle=True, generator=g),
    "fewer rows than a batch": lambda d, g: DataLoader(d, batch_size=ROWS + 1, shuffle=True, generator=g),
    "fewer rows than a batch, dropped": lambda d, g: DataLoader(d, batch_size=ROWS + 1, drop_last=True, generator=g),
    "weighted": lambda d, g: DataLoader(
        d, batch_size=4, sampler=samplers.WeightedRandomSampler(list(range(ROWS)), 70, generator=g), generator=g
    ),
    "subset": lambda d, g: DataLoader(
        d, batch_size=4, sampler=samplers.SubsetRandomSampler(range(5, 50), generator=g), generator=g
    ),
    "with replacement": lambda d, g: DataLoader(
        d, batch_size=4, sampler=samplers.RandomSampler(d, replacement=True, num_samples=77, generator=g)
    ),
    "more samples than rows": lambda d, g: DataLoader(
        d, batch_size=4, sampler=samplers.RandomSampler(d, num_samples=250, generator=g)
    ),
}


def epochs_of(make, seed, serve):
    """All batches of some epochs, and the state of both generators after each epoch."""
    torch.manual_seed(7)
    g = None if seed is None else torch.Generator().manual_seed(seed)
    loader, served, states = make(rows_in_memory(), g), [], []
    for _ in range(EPOCHS):
        served += list(serve(loader))
        states += [torch.get_rng_state()] + ([] if g is None else [g.get_state()])
    return served, states


@pytest.mark.parametrize("rows_per_gather", [1, 8, 8192])
@pytest.mark.parametrize("seed", [None, 3], ids=["no generator", "generator"])
@pytest.mark.parametrize("make", LOADERS.values(), ids=LOADERS.keys())
def test_batches_from_memory_are_the_loaders_own_and_leave_both_generators_alike(
    make, seed, rows_per_gather, monkeypatch
):
    monkeypatch.setattr(module, "ROWS_PER_GATHER", rows_per_gather)
    expected, expected_states = epochs_of(make, seed, iter)
    served, states = epochs_of(make, seed, batches)
    assert len(served) == len(expected)
    for batch, oracle in zip(served, expected, strict=True):
        assert type(batch) is type(oracle)
        for column, oracle_column in zip(batch, oracle, strict=True):
            assert column.dtype == oracle_column.dtype
            assert column.is_contiguous()
            assert torch.equal(column, oracle_column)
    assert all(map(torch.equal, states, expected_states))


@pytest.mark.parametrize(("size", "per_gather", "expected"), [(4, 16, 16), (4, 18, 16), (4, 1, 4), (200, 16, 200)])
def test_blocks_hold_as_many_whole_batches_as_a_gather_may(size, per_gather, expected, monkeypatch):
    monkeypatch.setattr(module, "ROWS_PER_GATHER", per_gather)
    loader = DataLoader(rows_in_memory(), batch_size=size)
    assert rows_per_block(loader) == expected
    *whole, last = [len(block[0]) for block in blocks(loader)]
    assert set(whole) <= {expected}
    assert sum(whole) + last == ROWS


def sgd_trained(serve):
    """The weights after some epochs of the textbook loop over what `serve` makes of the loader."""
    network = make_network(make_recipe())
    loader = DataLoader(make_rows(network, rows=ROWS), batch_size=4, shuffle=True, generator=seeded(3))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)
    for _ in range(EPOCHS):
        for inputs, target in serve(loader):
            optimizer.zero_grad()
            nn.functional.mse_loss(network(inputs), target).backward()
            optimizer.step()
    return nn.utils.parameters_to_vector(network.parameters())


def test_training_on_them_gives_the_weights_of_the_textbook_loop_to_the_last_bit():
    assert torch.equal(sgd_trained(batches), sgd_trained(iter))


def test_a_dataset_that_is_not_tensors_is_refused():
    with pytest.raises(TypeError, match="serves rows of tensors, found Subset"):
        next(batches(DataLoader(samplers.Subset(rows_in_memory(), [1, 2]), batch_size=2)))


@pytest.mark.parametrize("options", [{"batch_size": None}, {"batch_sampler": [[0, 1]]}, {"collate_fn": list}])
def test_a_loader_that_collates_its_own_way_is_refused(options):
    with pytest.raises(ValueError, match="needs batch_size and the default collate_fn"):
        next(batches(DataLoader(rows_in_memory(), **options)))
