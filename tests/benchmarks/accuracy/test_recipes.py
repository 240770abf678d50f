import numpy as np
import pytest

from benchmarks.accuracy import recipes
from pipeline import params
from pipeline.backtest.forward import read_cut_off
from pipeline.backtest.run import dated_snapshots
from pipeline.backtest.space import with_settings
from pipeline.tune import prepare_in
from tests.conftest import prepare_settings
from tests.support.tables import rows, table

FULL = params.load(params.Recipe, "recipes", "full")


@pytest.mark.parametrize("path", recipes.SPACE)
def test_what_may_be_tuned_is_a_setting_of_full_and_can_be_drawn(path):
    value = recipes.SPACE[path](np.random.default_rng(0))
    changed = with_settings(FULL, {path: value}).model_dump(mode="json")
    for key in path.split("."):
        changed = changed[key]
    assert changed == value


def test_the_year_is_all_that_full_may_see_and_does_not():
    assert [*FULL.features] == recipes.WITHOUT_YEAR


def test_a_recipe_learns_from_the_training_rows_and_other_settings_give_another_network(tmp_path):
    for number, date in enumerate(["2023-01-01", "2023-01-08"]):
        (tmp_path / f"salaries_{date}.csv").write_bytes(table(rows(80 + number)))
    snapshots = dated_snapshots(tmp_path)
    cut_off = read_cut_off(
        snapshots, min(snapshots), weeks=1, settings=prepare_settings(), prepare=prepare_in, scratch=tmp_path / "files"
    )
    short = {"epochs": 2}
    ours, seeded = (recipes.full().fit(cut_off, short | {"seed": seed})(cut_off.future) for seed in (1, 2))
    assert np.isfinite([*ours, *seeded]).all()
    assert (ours != seeded).all()
