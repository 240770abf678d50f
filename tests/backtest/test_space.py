import numpy as np
import pytest

from pipeline import params
from pipeline.backtest.space import SPACES, log_uniform, one_changed, trials_of, with_settings
from pipeline.data.schema import FEATURES
from tests.support.recipes import EMBEDDING, make_recipe
from tests.support.work_tree import ROOT

RECIPES = {
    name: params.load(params.Recipe, "recipes", name, file=ROOT / "params.yaml")
    for name in params.recipe_names(ROOT / "params.yaml")
}
KINDS = {"embedding": make_recipe(**EMBEDDING, max_steps=9), "mlp": make_recipe(max_steps=9)}


def value_at(path, recipe):
    facts = recipe.model_dump(mode="json")
    for key in path.split("."):
        facts = facts[key]
    return facts


@pytest.mark.parametrize(("kind", "path"), [(kind, path) for kind, space in SPACES.items() for path in space])
def test_what_may_be_tried_is_a_setting_and_can_be_drawn(kind, path):
    value = SPACES[kind][path](np.random.default_rng(0))
    assert value_at(path, with_settings(KINDS[kind], {path: value})) == value


@pytest.mark.parametrize("name", RECIPES)
def test_the_first_trial_is_the_recipe_as_it_is_and_the_others_are_not(name):
    first, *others = trials_of(RECIPES[name], count=20)
    assert (first.recipe, first.changes) == (RECIPES[name], {})
    assert len(others) == 20
    assert all(trial.recipe != RECIPES[name] for trial in others)


@pytest.mark.parametrize("name", RECIPES)
def test_a_trial_changes_what_it_says_and_nothing_else(name):
    for trial in trials_of(RECIPES[name], count=20):
        assert with_settings(RECIPES[name], trial.changes) == trial.recipe
        assert all(value_at(path, RECIPES[name]) != value for path, value in trial.changes.items())


def test_more_trials_are_the_same_ones_and_more():
    assert trials_of(RECIPES["full"], count=9)[:5] == trials_of(RECIPES["full"], count=4)


def test_what_a_recipe_does_not_set_is_not_tuned():
    trials = trials_of(make_recipe(), count=30)
    assert {trial.recipe.max_steps for trial in trials} == {None}
    assert len({trial.recipe.network for trial in trials}) > 1


def test_numbers_are_short_enough_to_be_read():
    rates = [trial.recipe.optimizer.learning_rate for trial in trials_of(RECIPES["full"], count=30)]
    assert len(set(rates)) > 25
    assert all(rate == float(f"{rate:.3g}") for rate in rates)


def test_numbers_stay_in_their_range_and_as_many_are_below_its_geometric_mean_as_above():
    rng = np.random.default_rng(1)
    drawn = np.array([log_uniform(0.01, 100)(rng) for _ in range(2000)])
    assert 0.01 <= drawn.min() < drawn.max() <= 100
    assert (drawn < 1).mean() == pytest.approx(0.5, abs=0.05)


def test_of_the_features_one_is_left_out_or_added_or_all_are_as_they_are():
    features, rng = FEATURES[2:5], np.random.default_rng(0)
    drawn = [tuple(one_changed(features)(rng)) for _ in range(400)]
    assert {len(set(names) ^ set(features)) for names in drawn} == {0, 1}
    assert len(set(drawn)) == len(FEATURES) + 1
    assert drawn.count(features) / 400 == pytest.approx(0.5, abs=0.1)


def test_a_recipe_keeps_a_feature():
    rng = np.random.default_rng(0)
    assert all(one_changed(FEATURES[:1])(rng) for _ in range(200))
