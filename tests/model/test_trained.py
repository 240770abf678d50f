import subprocess
import sys

import numpy as np
import pytest

from pipeline.data.encoding import Encoder, Scaling
from pipeline.model.code_columns import CodeColumns
from pipeline.model.reproducible import nn
from pipeline.model.trained import BLOCK, trained
from tests.support.recipes import EMBEDDING, ENCODER, SIZES, make_codes, make_network, make_recipe, seeded
from tests.support.work_tree import ROOT

NETWORK = EMBEDDING["network"]
RECIPES = {
    "course": {},
    "no hidden layers": {"network": {"kind": "mlp", "hidden": []}},
    "wide": {"network": {"kind": "mlp", "hidden": [300, 200]}},
    "embedding": EMBEDDING,
    "linear output": {**EMBEDDING, "network": {**NETWORK, "output": "linear"}},
    "embedding without layers": {**EMBEDDING, "network": {**NETWORK, "hidden": []}},
    "no text": {**EMBEDDING, "features": ["work_year", "company_location"]},
    "ordinals alone": {**EMBEDDING, "features": ["work_year", "company_size"]},
}


def both(changes, *, encoder=ENCODER):
    """A network with torch, with no weight at its start, and without."""
    recipe = make_recipe(**{"features": ["work_year", "job_title", "company_size", "company_location"], **changes})
    network = make_network(recipe, seed=3, encoder=encoder).eval()
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.5, generator=seeded(4))
    return network, trained(recipe, encoder, network.weights())


@pytest.mark.parametrize("kind", ["standard", "log1p", "minmax"])
@pytest.mark.parametrize("changes", RECIPES.values(), ids=RECIPES)
def test_it_predicts_what_the_network_of_the_training_does(changes, kind):
    scaling = Scaling(kind, *{"standard": (1.3e5, 6e4), "log1p": (11.6, 0.6), "minmax": (5e3, 8e5)}[kind])
    network, found = both(changes, encoder=Encoder(ENCODER.vocabularies, ENCODER.words, scaling))
    codes = make_codes(SIZES, rows=500)  # with unknown ones, and empty slots of words
    inputs = network.inputs(codes)
    expected = network.double()(inputs.double() if inputs.is_floating_point() else inputs)
    assert found.columns == network.columns
    predicted = found.predict_normalised(codes)
    assert predicted.dtype == np.float32
    np.testing.assert_allclose(predicted, expected.detach().numpy()[:, 0], rtol=3e-6, atol=3e-6)
    assert np.ptp(predicted) > 0.1


@pytest.mark.parametrize("changes", [{}, EMBEDDING])
@pytest.mark.parametrize("rows", [0, 1, 3, BLOCK - 1, BLOCK, BLOCK + 1])
def test_a_prediction_does_not_depend_on_the_rows_around_it(changes, rows):
    _, network = both(changes)
    codes = make_codes(SIZES, rows=2 * BLOCK + 5)
    every = network.predict_normalised(codes)
    for part in (slice(rows), slice(len(every) - rows, None)):
        assert network.predict_normalised({name: column[part] for name, column in codes.items()}).tobytes() == (
            every[part].tobytes()
        )


def test_an_empty_slot_of_a_word_counts_as_nothing():
    _, network = both(EMBEDDING)
    codes = make_codes(SIZES, rows=50)
    expected = network.predict_normalised(codes)
    unknown = CodeColumns.of(EMBEDDING["features"], ENCODER).starts[-1]
    for name in ("embedding.weight", "skip.weight"):
        network.weights[name][unknown] = 7.0
    assert trained(make_recipe(**EMBEDDING), ENCODER, network.weights).predict_normalised(codes).tobytes() == (
        expected.tobytes()
    )


def test_weights_too_large_give_no_finite_number_and_no_warning():
    _, network = both(EMBEDDING)
    huge = {name: np.full_like(weight, 1e38) for name, weight in network.weights.items()}
    lost = trained(make_recipe(**EMBEDDING), ENCODER, huge).predict_normalised(make_codes(SIZES, rows=9))
    assert not np.isfinite(lost).any()


def test_predictions_need_no_torch():
    code = "import sys, pipeline.model.bundle, pipeline.inference.model; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
