"""Trainings in shards: the same bits for any number of workers, and the eager engine's arithmetic up to rounding."""

import math
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.data.encoding import Encoder
from pipeline.model.network import build
from pipeline.model.reproducible import nn, torch
from pipeline.training import loader
from pipeline.training.engines import EagerLoop
from pipeline.training.fit import START, fit
from pipeline.training.optimizer import FlatAdamW
from pipeline.training.shards import ShardedLoop, shard_rows, share, training_rows
from pipeline.training.validation import validation_loss, validation_rows
from pipeline.training.workers import ALONE
from tests.support.recipes import EMBEDDING, make_network, make_recipe, make_rows, seeded
from tests.support.skips import in_soak


@pytest.fixture(scope="module")
def prepared(modelled, tmp_path_factory):
    """Splits of which that to train on has 146 rows, some of them equal, in small row groups."""
    folder = tmp_path_factory.mktemp("prepared")
    for name in ("encoder.json", "valid.parquet"):
        shutil.copyfile(modelled.out / name, folder / name)
    split = pq.read_table(modelled.out / "train.parquet")
    pq.write_table(pa.concat_tables([split[:130], split[:16]]), folder / "train.parquet", row_group_size=9)
    return folder


def recipe_of(**changes):
    return make_recipe(**{"shards": 8, "batch_size": 30, "epochs": 2} | changes)


def served(prepared, recipe, workers=ALONE):
    network = build(recipe, Encoder.read(prepared / "encoder.json"), generator=seeded(recipe.seed))
    order = seeded(recipe.seed)
    scratch = prepared / f"weights-{workers.rank}"
    shutil.rmtree(scratch, ignore_errors=True)
    train = prepared / "train.parquet"
    return network, training_rows(train, network, recipe, generator=order, scratch=scratch, workers=workers)


def states(prepared, recipe, workers=ALONE, start=START):
    """What the training is at the end of each epoch, for this worker."""
    network, own = served(prepared, recipe, workers)
    valid = validation_rows(prepared / "valid.parquet", network)
    return list(fit(network, loader=own, valid=valid, recipe=recipe, start=start, workers=workers))


def same(one, other):
    """True if both states are the same to the last bit."""
    tensors = ((*state.resume_from, state.kept_weights) for state in (one, other))
    return (one.history, one.kept_epoch) == (other.history, other.kept_epoch) and all(map(torch.equal, *tensors))


AVERAGED = {**EMBEDDING, "optimizer": {"ema_decay": 0.9, "clip_norm": 0.05}}
EARLY = {"epochs": 30, "patience": 1, "keep": "best", "optimizer": {"learning_rate": 0.2}}
RECIPES = [
    {"batch_size": 29, "optimizer": {"schedule": "cosine"}},  # which shards do not divide
    {**AVERAGED, "batch_size": 47, "equal_rows": "once"},  # the last batch has fewer rows than shards
    *in_soak({}, {"batch_size": 512}, AVERAGED, EARLY, {**EMBEDDING, "optimizer": {"weight_decay": 1.0}}),
]


@pytest.mark.parametrize("count", [2, 4, *in_soak(8)])
@pytest.mark.parametrize("limit", [1000, 10], ids=["in memory", "streamed"])
@pytest.mark.parametrize("changes", RECIPES)
def test_any_number_of_workers_trains_the_same_bits(prepared, changes, limit, count, together, monkeypatch):
    monkeypatch.setattr(loader, "ROWS_IN_MEMORY", limit)
    recipe = recipe_of(**changes)
    expected = states(prepared, recipe)
    for found in together(count, lambda workers: states(prepared, recipe, workers)):
        assert len(found) == len(expected)
        assert all(map(same, found, expected))


@pytest.mark.parametrize("changes", [AVERAGED, *in_soak(EARLY)])
def test_a_training_goes_on_with_another_number_of_workers_to_the_same_bits(prepared, changes, together):
    recipe = recipe_of(**changes)
    first, *expected = together(2, lambda workers: states(prepared, recipe, workers))[1]
    for count in (1, 4):
        for found in together(count, lambda workers: states(prepared, recipe, workers, start=first)):
            assert len(found) == len(expected)
            assert all(map(same, found, expected))


def test_other_shards_and_other_seeds_are_other_bits(prepared):
    found = [states(prepared, recipe_of(shards=shards, seed=seed))[-1] for shards, seed in ((8, 1), (4, 1), (8, 2))]
    assert not any(torch.equal(found[0].kept_weights, other.kept_weights) for other in found[1:])


@pytest.mark.parametrize("equal_rows", ["each", "once"])
def test_each_row_comes_once_per_epoch_in_the_shares_of_its_batch(prepared, equal_rows):
    recipe = recipe_of(equal_rows=equal_rows)
    _, own = served(prepared, recipe)
    plain = served(prepared, make_recipe(equal_rows=equal_rows))[1]
    expected = sorted(torch.cat([torch.cat([x.float(), *y], dim=1) for x, *y in plain]).tolist())
    epochs = [list(own.batches()) for _ in range(2)]
    for epoch in epochs:
        sizes = [size for size, _ in epoch]
        assert sizes == [30] * (own.rows // 30) + [own.rows % 30]
        assert len(sizes) == len(own)
        assert [[len(shard[0]) for shard in batch if shard] for _, batch in epoch] == [
            [share(size, shard, 8) for shard in range(8) if share(size, shard, 8)] for size in sizes
        ]
        found = [torch.cat([x.float(), *y], dim=1) for _, batch in epoch for x, *y in filter(None, batch)]
        assert sorted(torch.cat(found).tolist()) == expected
    first, second = (torch.cat([shard[0] for _, batch in epoch for shard in batch if shard]) for epoch in epochs)
    assert not torch.equal(first, second)


def test_no_two_shards_have_the_same_noise_and_no_shard_the_same_twice(prepared):
    _, own = served(prepared, recipe_of(**EMBEDDING))
    noises = [shard[1][0] for _ in range(2) for _, batch in own.batches() for shard in batch if shard]
    assert len({tuple(noise.tolist()) for noise in noises}) == len(noises)


@pytest.mark.parametrize("size", [8, 29, 30])
def test_a_step_is_the_eager_one_up_to_rounding(size):
    network, eager = (make_network(make_recipe()) for _ in range(2))
    inputs, target = make_rows(network, rows=size).tensors
    shards = [[inputs[shard::8], target[shard::8]] for shard in range(8)]
    ours, theirs = (
        FlatAdamW(one, learning_rate=0.1, weight_decay=0.1, clip_norm=0.5, ema_decay=0.5) for one in (network, eager)
    )
    loss = ShardedLoop(network, nn.functional.mse_loss, ours, ALONE).step(shards, 0.01, size=size)
    total = EagerLoop(eager, nn.functional.mse_loss, theirs).step([inputs, target], 0.01)
    assert loss * size == pytest.approx(total, rel=1e-5)
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-6)
    for one, other in zip(ours.state(), theirs.state(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)


def test_an_epoch_takes_a_rate_per_batch_and_returns_the_mean_loss_over_all_rows(prepared):
    network, own = served(prepared, recipe_of())
    optimizer = FlatAdamW(network, learning_rate=1.0, weight_decay=0.0)
    rates = iter([1e-30] * len(own) + [0.5])
    loss = ShardedLoop(network, nn.functional.mse_loss, optimizer, ALONE).epoch(own, rates)
    assert loss == pytest.approx(
        validation_loss(network, validation_rows(prepared / "train.parquet", network)), rel=1e-5
    )
    assert list(rates) == [0.5]


@pytest.mark.parametrize(("rows", "size", "count"), [(100, 30, 8), (100, 29, 4), (8, 512, 8), (61, 8, 8), (64, 32, 2)])
def test_shards_follow_each_other_and_have_as_many_batches(rows, size, count):
    parts = shard_rows(rows, batch_size=size, shards=count)
    assert [row for part in parts for row in part] == list(range(rows))
    whole = [math.ceil(len(part) / share(size, shard, count)) for shard, part in enumerate(parts)]
    assert max(whole) == math.ceil(rows / size)


def test_a_worker_reads_its_own_rows_alone(prepared, together):
    found = together(
        4, lambda workers: [len(shard.dataset) for shard in served(prepared, recipe_of(), workers)[1].shards]
    )
    assert [len(own) for own in found] == [2] * 4
    assert sum(map(sum, found)) == pq.read_metadata(prepared / "train.parquet").num_rows


def test_fewer_rows_than_shards_are_refused(prepared):
    pq.write_table(pq.read_table(prepared / "train.parquet").slice(0, 5), prepared / "few.parquet")
    network = make_network(recipe_of())
    with pytest.raises(ValueError, match=r"few\.parquet: the split must have a row for each of 8 shards, found 5"):
        training_rows(prepared / "few.parquet", network, recipe_of(), generator=seeded(), scratch=prepared / "none")
