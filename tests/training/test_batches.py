"""`batches` is the loader's own iteration, made faster: every test's oracle is the DataLoader itself."""

import pytest

from pipeline.model.reproducible import DataLoader, TensorDataset, nn, torch
from pipeline.training import batches as module
from pipeline.training.batches import batches, blocks, rows_per_block
from tests.support.recipes import make_network, make_recipe, make_rows, seeded

samplers = torch.utils.data

ROWS, EPOCHS = 103, 3


def rows(count=ROWS):
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
    "batches divide the rows": lambda d, g: DataLoader(rows(100), batch_size=10, shuffle=True, generator=g),
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


def epochs(make, seed, serve):
    """All batches of some epochs, and the state of both generators after each epoch."""
    torch.manual_seed(7)
    g = None if seed is None else torch.Generator().manual_seed(seed)
    loader, served, states = make(rows(), g), [], []
    for _ in range(EPOCHS):
        served += list(serve(loader))
        states += [torch.get_rng_state()] + ([] if g is None else [g.get_state()])
    return served, states


@pytest.mark.parametrize("rows_per_gather", [1, 8, 8192])
@pytest.mark.parametrize("seed", [None, 3], ids=["no generator", "generator"])
@pytest.mark.parametrize("make", LOADERS.values(), ids=LOADERS.keys())
def test_batches_are_the_loaders_own_and_leave_both_generators_alike(make, seed, rows_per_gather, monkeypatch):
    monkeypatch.setattr(module, "ROWS_PER_GATHER", rows_per_gather)
    expected, expected_states = epochs(make, seed, iter)
    served, states = epochs(make, seed, batches)
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
    loader = DataLoader(rows(), batch_size=size)
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
        next(batches(DataLoader(samplers.Subset(rows(), [1, 2]), batch_size=2)))


@pytest.mark.parametrize("options", [{"batch_size": None}, {"batch_sampler": [[0, 1]]}, {"collate_fn": list}])
def test_a_loader_that_collates_its_own_way_is_refused(options):
    with pytest.raises(ValueError, match="needs batch_size and the default collate_fn"):
        next(batches(DataLoader(rows(), **options)))
