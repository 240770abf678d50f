import numpy as np
import pytest

from pipeline.network import BLOCK, CourseNet, Dropout, EmbeddingNet, build, initialise
from pipeline.params import Embedding, Mlp
from pipeline.reproducible import nn, torch
from tests.recipes import make_recipe

FEATURES = ("work_year", "job_title", "company_size", "company_location")
WORDS = tuple(f"title_word_{slot}" for slot in range(1, 7))
SIZES = {"work_year": 4, "job_title": 9, "company_size": 4, "company_location": 6} | dict.fromkeys(WORDS, 12)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def embedding_net(*, dropout=0.0, code_dropout=0.0, seed=0):
    settings = Embedding(kind="embedding", width=5, hidden=(7,), dropout=dropout, code_dropout=code_dropout)
    generator = seeded(seed)
    network = EmbeddingNet(FEATURES, settings, sizes=SIZES, generator=generator)
    initialise(network, generator=generator)
    return network


def codes(rows, seed=0):
    draw = np.random.default_rng(seed)
    return {name: draw.integers(0, size, rows).astype(np.int16) for name, size in SIZES.items()}


def test_the_course_network_has_the_inputs_and_layers_of_the_course():
    network = CourseNet(("a", "b", "c", "d"), Mlp(kind="mlp", hidden=(16, 8)))
    shapes = [tuple(layer.weight.shape) for layer in network.layers if isinstance(layer, nn.Linear)]
    assert shapes == [(16, 4), (8, 16), (1, 8)]
    assert [type(layer) for layer in network.layers] == [nn.Linear, nn.ReLU, nn.Linear, nn.ReLU, nn.Linear]


def test_the_course_network_takes_codes_as_floats():
    network = CourseNet(("work_year", "job_title"), Mlp(kind="mlp", hidden=(3,)))
    inputs = network.inputs({"job_title": np.array([7, 8], np.int16), "work_year": np.array([1, 2], np.int16)})
    assert torch.equal(inputs, torch.tensor([[1.0, 7.0], [2.0, 8.0]]))


def test_the_embedding_network_computes_what_its_parts_say():
    network = embedding_net().eval()
    row = {name: np.array([code], np.int16) for name, code in zip(SIZES, [3, 2, 1, 5, 4, 7, 0, 0, 0, 0], strict=True)}
    nn.init.uniform_(network.skip.weight, generator=seeded(1))
    title, location = network.embedding.weight[2], network.embedding.weight[9 + 5]
    first_word = 9 + 6 + 4 + 4
    words = network.embedding.weight[first_word + 4] + network.embedding.weight[first_word + 7]
    hidden = torch.cat([title, location, words, torch.tensor([1.0, -1.0])])
    shares = network.skip.weight[[2, 9 + 5, 9 + 6 + 3, 9 + 6 + 4 + 1, first_word + 4, first_word + 7]].sum()
    torch.testing.assert_close(network(network.inputs(row))[0, 0], network.layers(hidden)[0] + shares)


def test_an_unknown_ordinal_counts_as_the_middle_and_unknown_words_as_nothing():
    network = embedding_net().eval()
    row = dict.fromkeys(SIZES, np.zeros(1, np.int16))
    title, location = network.embedding.weight[0], network.embedding.weight[9]
    hidden = torch.cat([title, location, torch.zeros(5), torch.zeros(2)])
    torch.testing.assert_close(network(network.inputs(row))[0, 0], network.layers(hidden)[0])


@pytest.mark.parametrize("rows", [1, 3, BLOCK - 1, BLOCK, BLOCK + 1])
def test_a_prediction_does_not_depend_on_the_rows_around_it(rows):
    network = embedding_net()
    inputs = network.inputs(codes(2 * BLOCK + 5))
    assert torch.equal(network.predict(inputs[:rows]), network.predict(inputs)[:rows])
    assert torch.equal(network.predict(inputs[-rows:]), network.predict(inputs)[-rows:])


def test_codes_are_dropped_in_training_only():
    network = embedding_net(code_dropout=0.5)
    inputs = network.inputs(codes(50))
    assert torch.equal(network.eval()(inputs), network(inputs))
    assert not torch.equal(network.train()(inputs), network(inputs))


def test_dropout_drops_its_share_and_keeps_the_mean():
    dropout = Dropout(0.25, generator=seeded())
    values = dropout(torch.ones(100_000))
    assert values.unique().tolist() == pytest.approx([0.0, 4 / 3])
    assert float((values == 0).float().mean()) == pytest.approx(0.25, abs=0.01)
    assert float(values.mean()) == pytest.approx(1.0, abs=0.01)


def test_dropout_at_rate_zero_changes_and_draws_nothing():
    generator = seeded()
    before = generator.get_state()
    assert torch.equal(Dropout(0.0, generator=generator)(torch.ones(5)), torch.ones(5))
    assert torch.equal(generator.get_state(), before)


def test_linear_layers_start_within_torchs_default_bound():
    layer = nn.Linear(16, 200)
    initialise(layer, generator=seeded())
    assert float(layer.weight.detach().abs().max()) == pytest.approx(0.25, rel=0.01)
    assert float(layer.weight.detach().std()) == pytest.approx(0.25 / 3**0.5, rel=0.05)
    assert float(layer.bias.detach().abs().max()) <= 0.25


def test_embeddings_start_with_unit_length_and_linear_skips_at_zero():
    network = embedding_net()
    assert float((network.embedding.weight.detach() ** 2).sum(1).mean()) == pytest.approx(1.0, rel=0.2)
    assert not network.skip.weight.any()


def drawn(seed):
    """The weights of a network that was built with the seed."""
    network = build(make_recipe(features=FEATURES), sizes=SIZES, generator=seeded(seed))
    return torch.cat([parameter.flatten() for parameter in network.parameters()])


def test_the_same_seed_draws_the_same_weights_and_another_seed_others():
    assert torch.equal(drawn(1), drawn(1))
    assert not torch.equal(drawn(1), drawn(2))


def test_the_weights_do_not_depend_on_torchs_global_generator():
    torch.manual_seed(5)
    one = drawn(1)
    torch.manual_seed(6)
    assert torch.equal(one, drawn(1))
