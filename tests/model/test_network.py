from dataclasses import replace

import numpy as np
import pytest

from pipeline.data.encoding import Scaling
from pipeline.model import code_columns
from pipeline.model.layers import initialise
from pipeline.model.network import BLOCK, CourseNet, EmbeddingNet, build
from pipeline.model.reproducible import nn, torch
from pipeline.params import Embedding, Mlp
from tests.support.recipes import EMBEDDING, ENCODER, SIZES, make_codes, make_recipe, seeded

FEATURES = ("work_year", "job_title", "company_size", "company_location")


def embedding_net(*, dropout=0.0, code_dropout=0.0, hidden=(7,), output="linear", seed=0):
    settings = Embedding(
        kind="embedding", width=5, hidden=hidden, dropout=dropout, code_dropout=code_dropout, output=output
    )
    generator = seeded(seed)
    network = EmbeddingNet(FEATURES, settings, ENCODER, generator=generator)
    initialise(network, generator=generator)
    return network


def some_inputs(network, *, rows=50):
    return network.inputs(make_codes(SIZES, rows=rows))


def head(network, seen):
    """What the layers make of what the first one sees."""
    for layer in network.hidden:
        seen = layer(seen).relu()
    return network.output(seen)[0]


def test_the_course_network_has_the_inputs_and_layers_of_the_course():
    network = CourseNet(("a", "b", "c", "d"), Mlp(kind="mlp", hidden=(16, 8)), generator=seeded())
    shapes = [tuple(layer.weight.shape) for layer in network.layers if isinstance(layer, nn.Linear)]
    assert shapes == [(16, 4), (8, 16), (1, 8)]
    assert [type(layer) for layer in network.layers] == [nn.Linear, nn.ReLU, nn.Linear, nn.ReLU, nn.Linear]


def test_the_course_network_takes_codes_as_floats():
    network = CourseNet(("work_year", "job_title"), Mlp(kind="mlp", hidden=(3,)), generator=seeded())
    inputs = network.inputs({"job_title": np.array([7, 8], np.int16), "work_year": np.array([1, 2], np.int16)})
    assert torch.equal(inputs, torch.tensor([[1.0, 7.0], [2.0, 8.0]]))


def test_the_embedding_network_takes_codes_as_small_integers():
    assert some_inputs(embedding_net()).dtype == torch.int16


def test_the_embedding_network_computes_what_its_parts_say():
    network = embedding_net().eval()
    row = {name: np.array([code], np.int16) for name, code in zip(SIZES, [3, 2, 1, 5, 4, 7, 0, 0, 0, 0], strict=True)}
    nn.init.uniform_(network.skip.weight, generator=seeded(1))
    title, location = network.embedding.weight[2], network.embedding.weight[9 + 5]
    first_word = 9 + 6 + 4 + 4
    words = network.embedding.weight[first_word + 4] + network.embedding.weight[first_word + 7]
    hidden = torch.cat([title, location, words, torch.tensor([1.0, -1.0])])
    shares = network.skip.weight[[2, 9 + 5, 9 + 6 + 3, 9 + 6 + 4 + 1, first_word + 4, first_word + 7]].sum()
    torch.testing.assert_close(network(network.inputs(row))[0, 0], head(network, hidden) + shares)


def test_an_unknown_ordinal_counts_as_the_middle_and_unknown_words_as_nothing():
    network = embedding_net().eval()
    row = dict.fromkeys(SIZES, np.zeros(1, np.int16))
    title, location = network.embedding.weight[0], network.embedding.weight[9]
    hidden = torch.cat([title, location, torch.zeros(5), torch.zeros(2)])
    torch.testing.assert_close(network(network.inputs(row))[0, 0], head(network, hidden))


def test_every_hidden_layer_is_used():
    network = embedding_net(hidden=(7, 6)).eval()
    before = network(some_inputs(network))
    for layer in network.hidden:
        nn.init.zeros_(layer.weight)
        assert not torch.equal(before, network(some_inputs(network)))
        before = network(some_inputs(network))


@pytest.mark.parametrize("rows", [1, 3, BLOCK - 1, BLOCK, BLOCK + 1])
def test_a_prediction_does_not_depend_on_the_rows_around_it(rows):
    network = embedding_net()
    inputs = some_inputs(network, rows=2 * BLOCK + 5)
    assert torch.equal(network.predict_normalised(inputs[:rows]), network.predict_normalised(inputs)[:rows])
    assert torch.equal(network.predict_normalised(inputs[-rows:]), network.predict_normalised(inputs)[-rows:])


@pytest.mark.parametrize("rates", [{"dropout": 0.5}, {"code_dropout": 0.5}])
def test_codes_and_units_are_dropped_in_training_only(rates):
    network = embedding_net(**rates)
    inputs = some_inputs(network)
    assert torch.equal(network.eval()(inputs), network(inputs))
    assert not torch.equal(network.train()(inputs), network(inputs))


def test_without_dropout_training_predicts_as_evaluation_does():
    network = embedding_net()
    inputs = some_inputs(network)
    assert torch.equal(network.train()(inputs), network.eval()(inputs))


def test_the_same_noise_drops_the_same():
    network = embedding_net(dropout=0.3, code_dropout=0.3).train()
    inputs, noise = some_inputs(network), network.noise(50)
    assert torch.equal(network(inputs, noise), network(inputs, noise))
    assert not torch.equal(network(inputs, noise), network(inputs, network.noise(50)))


def test_noise_that_is_not_given_is_drawn_from_the_networks_generator():
    network = embedding_net(dropout=0.3, code_dropout=0.3).train()
    inputs, state = some_inputs(network), network.generator.get_state()
    noise = network.noise(50)
    network.generator.set_state(state)
    assert torch.equal(network(inputs), network(inputs, noise))


def test_evaluation_draws_nothing():
    network = embedding_net(dropout=0.3, code_dropout=0.3).eval()
    state = network.generator.get_state()
    network(some_inputs(network))
    network.predict_normalised(some_inputs(network))
    assert torch.equal(network.generator.get_state(), state)


@pytest.mark.parametrize("rows", [[4, 4, 4], [1, 7, 4], [12]])
def test_the_noise_of_many_rows_is_that_of_a_few_at_a_time(rows):
    at_once, in_parts = embedding_net(), embedding_net()
    assert torch.equal(at_once.noise(12), torch.cat([in_parts.noise(count) for count in rows]))
    assert torch.equal(at_once.generator.get_state(), in_parts.generator.get_state())


def test_the_noise_has_a_number_per_code_and_per_hidden_unit():
    network = embedding_net(hidden=(7, 6))
    assert network.noise_width == len(network.columns) + 7 + 6
    assert network.noise(3).shape == (3, network.noise_width)


def test_a_dropped_code_is_the_unknown():
    network = embedding_net(code_dropout=0.5).train()
    inputs, noise = some_inputs(network), network.noise(50)
    kept = noise[:, : len(network.columns)] >= 0.5
    assert 0.4 < float(kept.float().mean()) < 0.6
    torch.testing.assert_close(network(inputs, noise), network.eval()(inputs * kept))


def test_a_network_that_is_where_it_should_be_keeps_its_generator():
    network = embedding_net()
    generator = network.generator
    network.move_to(torch.device("cpu"), seed=5)
    assert network.generator is generator


def test_embeddings_start_with_unit_length_and_linear_skips_at_zero():
    network = embedding_net()
    assert float((network.embedding.weight.detach() ** 2).sum(1).mean()) == pytest.approx(1.0, rel=0.2)
    assert not network.skip.weight.any()


def drawn(seed):
    """The weights of a network that was built with the seed."""
    network = build(make_recipe(features=FEATURES), ENCODER, generator=seeded(seed))
    return torch.cat([parameter.flatten() for parameter in network.parameters()])


def test_the_same_seed_draws_the_same_weights_and_another_seed_others():
    assert torch.equal(drawn(1), drawn(1))
    assert not torch.equal(drawn(1), drawn(2))


def test_the_weights_do_not_depend_on_torchs_global_generator():
    torch.manual_seed(5)
    one = drawn(1)
    torch.manual_seed(6)
    assert torch.equal(one, drawn(1))


def test_the_embedding_network_also_goes_without_titles():
    settings = Embedding(kind="embedding", width=5, hidden=(7,), dropout=0.1, code_dropout=0.1, output="linear")
    features = ("work_year", "company_location")
    network = EmbeddingNet(features, settings, ENCODER, generator=seeded())
    assert network.columns == ("company_location", "work_year")
    assert network(torch.ones(9, 2, dtype=torch.int16)).shape == (9, 1)


def test_a_contract_without_a_text_has_a_network_without_words(monkeypatch):
    monkeypatch.setattr(code_columns, "TEXT", "")
    monkeypatch.setattr(code_columns, "WORDS", ())
    settings = Embedding(kind="embedding", width=5, hidden=(7,), dropout=0.1, code_dropout=0.1, output="linear")
    network = EmbeddingNet(FEATURES, settings, ENCODER, generator=seeded())
    assert network.columns == ("job_title", "company_location", "work_year", "company_size")
    assert network(torch.ones(9, 4, dtype=torch.int16)).shape == (9, 1)


def test_a_positive_output_is_the_linear_one_bent_above_the_smallest_target():
    linear, bent = (embedding_net(output=output).eval() for output in ("linear", "positive"))
    inputs, floor = some_inputs(linear), ENCODER.scaling.floor
    assert floor == pytest.approx((1 - 130_000) / 60_000)
    height = linear(inputs).double() - floor  # Barron's squareplus, with b = 4
    expected = floor + (height + (height**2 + 4).sqrt()) / 2
    torch.testing.assert_close(bent(inputs).double(), expected, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("kind", ["standard", "log1p", "minmax"])
@pytest.mark.parametrize("shift", [-1e30, -1e4, -10.0, 10.0, 1e30])
def test_a_positive_output_never_falls_below_the_smallest_target(kind, shift):
    encoder = replace(ENCODER, scaling=Scaling(kind, 11.0, 0.7))
    recipe = make_recipe(**EMBEDDING)
    network = build(recipe, encoder, generator=seeded()).eval()
    *_, bias = network.parameters()
    nn.init.constant_(bias, shift)
    predicted = network(some_inputs(network))
    if abs(shift) < 1e20:
        assert (predicted >= np.float32(encoder.scaling.floor)).all()
    else:  # the square of 1e30 is infinite in single precision: no number, and so no answer
        assert not predicted.isfinite().any()


@pytest.mark.parametrize("features", [["salary"], ["salary_in_usd"], ["salary_currency"], ["title_word_1"], ["floor"]])
def test_what_is_no_feature_of_the_contract_is_refused(features):
    recipe = make_recipe(features=["company_size", *features])
    rule = "must be a feature of the data contract, one of work_year, experience_level, .*, company_size"
    with pytest.raises(ValueError, match=rf'^params.yaml: recipes.mine.features.1 {rule}; found "{features[0]}"$'):
        build(recipe, ENCODER, generator=seeded(), where="params.yaml: recipes.mine")
