import pytest

from benchmarks.accuracy import variants
from pipeline.data.encoding import Encoder, Scaling
from pipeline.model.layers import initialise
from pipeline.model.reproducible import torch
from pipeline.params import Embedding

SETTINGS = Embedding(kind="embedding", width=4, hidden=(8, 6), dropout=0.0, code_dropout=0.0, output="linear")
FEATURES = ("job_title", "experience_level", "company_size")
ENCODER = Encoder(
    vocabularies={"job_title": (1, 2, 3), "experience_level": (1, 2, 3, 4), "company_size": (1, 2, 3)},
    words=("data", "lead"),
    scaling=Scaling("standard", 1e5, 5e4),
)
CODES = torch.tensor([[1, 4, 1, 1, 0, 0, 0, 0, 0], [3, 0, 3, 2, 1, 0, 0, 0, 0]], dtype=torch.int16)  # in this order


def network(kind):
    generator = torch.Generator().manual_seed(1)
    built = kind(FEATURES, SETTINGS, ENCODER, generator=generator)
    initialise(built, generator=generator)
    return built


def test_without_skips_a_code_has_no_linear_share():
    built = network(variants.WithoutSkips)
    before = built.eval()(CODES)
    torch.nn.init.ones_(built.skip.weight)
    assert torch.equal(built(CODES), before)


def test_a_piecewise_linear_ordinal_has_a_one_for_each_value_it_has_reached():
    more = network(variants.PiecewiseLinearOrdinals).extra_inputs(CODES.int())
    assert more.tolist() == [[1, 1, 1, 1, 1, 0, 0, 0], [0, 0, 0, 0, 1, 1, 1, 0]]


@pytest.mark.parametrize("kind", [variants.EmbeddedOrdinals, variants.PeriodicOrdinals])
def test_what_else_is_seen_tells_the_values_of_an_ordinal_apart(kind):
    levels = CODES[:1].int().repeat(4, 1)
    levels[:, 1] = torch.arange(1, 5)
    more = network(kind).extra_inputs(levels)
    assert len(torch.unique(more.round(decimals=3), dim=0)) == 4


@pytest.mark.parametrize("kind", [variants.PackedHeads, variants.TabM])
def test_heads_train_apart_and_predict_their_mean(kind):
    built = network(kind)
    heads = built.train()(CODES)
    assert heads.shape == (variants.HEADS, 2, 1)
    assert len(torch.unique(heads[:, 0])) == variants.HEADS
    assert torch.allclose(built.eval()(CODES), heads.mean(0))


def test_tabm_shares_its_hidden_layers_and_packed_heads_do_not():
    tabm, packed = (
        sum(weight.numel() for weight in network(kind).hidden.parameters())
        for kind in (variants.TabM, variants.PackedHeads)
    )
    assert packed == variants.HEADS * tabm
