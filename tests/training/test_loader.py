"""Rows in memory and rows streamed from their file: each once per epoch, in an order that the generator decides."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.data.encoding import Encoder
from pipeline.data.schema import HASH
from pipeline.model.network import build
from pipeline.model.reproducible import DataLoader, TensorDataset, nn, torch
from pipeline.training import batches as batches_module
from pipeline.training import loader as module
from pipeline.training.batches import batches
from pipeline.training.loader import StreamedRows, loader_of, read_rows, weights
from tests.support.recipes import EMBEDDING, Training, make_recipe, seeded
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
    return build(recipe, sizes=Encoder.read(prepared / "encoder.json").sizes(), generator=seeded(1))


def loader(prepared, recipe, *, seed=1):
    return loader_of(prepared / "train.parquet", network_of(prepared, recipe), recipe, generator=seeded(seed))


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
    order = loader_of(prepared / "train.parquet", network, recipe, generator=seeded(1))
    last = Training(network, order, read_rows(prepared / "train.parquet", network), recipe).run()[-1]
    assert last.history[-1].valid_mse < 0.5 * last.history[0].valid_mse


@pytest.mark.usefixtures("few_rows_in_memory")
def test_a_training_on_streamed_rows_goes_on_to_the_same_bits(prepared):
    recipe = make_recipe(**EMBEDDING, epochs=3, equal_rows="once")
    trainings = []
    for seed in (1, 2):
        network = network_of(prepared, recipe)
        order = loader_of(prepared / "train.parquet", network, recipe, generator=seeded(seed))
        trainings.append(Training(network, order, read_rows(prepared / "valid.parquet", network), recipe))
    uninterrupted, other = trainings
    first, *_, last = uninterrupted.run()
    resumed = other.run(start=first)[-1]
    assert resumed.history == last.history
    assert torch.equal(resumed.kept_weights, last.kept_weights)


def test_equal_rows_weigh_as_much_as_one_and_all_have_a_mean_of_one():
    hashes = np.array([5, 9, 5, 7, 5, 9], np.uint64)
    found = weights(hashes, sorted_hashes=np.sort(hashes))
    assert found.mean() == pytest.approx(1)
    assert {float(found[hashes == value].sum()) for value in (5, 7, 9)} == {2.0}


def test_a_row_alone_in_its_batch_weighs_what_it_weighs_among_all():
    hashes = np.array([5, 9, 5, 7, 5, 9], np.uint64)
    whole = weights(hashes, sorted_hashes=np.sort(hashes))
    single = [weights(hashes[index : index + 1], sorted_hashes=np.sort(hashes))[0] for index in range(6)]
    assert whole.tolist() == single


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
    return StreamedRows(file, columns=["number", "half"], tensors=tensors_of, generator=generator)


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
