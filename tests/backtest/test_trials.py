import datetime
from types import SimpleNamespace

import numpy as np
import pytest
from tqdm import tqdm

from pipeline.backtest.trials import AS_IS, TRAINED_ON, ForwardValidation, kept
from tests.conftest import prepare_settings
from tests.support.recipes import make_recipe
from tests.support.tables import row, rows, table

FIRST, SECOND = datetime.date(2023, 1, 1), datetime.date(2023, 1, 8)
RECIPES = {AS_IS: [make_recipe(epochs=1)], 7: [make_recipe(epochs=7)]}
SALARIES = (100, 300)


@pytest.fixture
def snapshots(tmp_path):
    """Two weeks, of which the second has two rows more."""
    snapshots = {FIRST: tmp_path / "one.csv", SECOND: tmp_path / "two.csv"}
    snapshots[FIRST].write_bytes(table(rows(60)))
    snapshots[SECOND].write_bytes(table([*rows(60), *(row(salary_in_usd=salary) for salary in SALARIES)]))
    return snapshots


@pytest.fixture
def score(snapshots, tmp_path):
    """A scorer of recipes whose models predict their epochs; returns the score and the epochs of those trained."""

    def prepare(folder, table, *, settings):
        folder.mkdir(exist_ok=True)
        for name in TRAINED_ON:
            (folder / name).write_bytes(table.read_bytes())

    def score(recipes=None, **decided_by):
        trained = []

        def train(folder, recipe):
            trained.append(recipe.epochs)
            encoder = SimpleNamespace(encode=lambda rows: rows.num_rows)
            return SimpleNamespace(encoder=encoder, predict=lambda count: np.full(count, float(recipe.epochs)))

        forward = ForwardValidation(
            snapshots=snapshots,
            weeks=1,
            settings=prepare_settings(),
            prepare=prepare,
            train=train,
            folder=tmp_path / "trainings",
            decided_by=decided_by,
        )
        return forward.score(FIRST, recipes or RECIPES, tqdm(disable=True)), trained

    return score


def test_each_recipe_is_scored_on_the_rows_that_came(score):
    scored, trained = score()
    assert trained == [1, 7]
    for number, (recipe,) in RECIPES.items():
        assert scored.errors[number].tolist() == [(recipe.epochs - salary) ** 2 for salary in SALARIES]
    assert scored.cells.tolist() == [0, 0]
    assert scored.against_as_is(7).ratio == pytest.approx((93**2 + 293**2) / (99**2 + 299**2))


def test_of_several_seeds_the_errors_are_the_mean(score):
    scored, _ = score({AS_IS: [make_recipe(epochs=epochs) for epochs in (1, 3)]})
    assert scored.errors[AS_IS].tolist() == [(99**2 + 97**2) / 2, (299**2 + 297**2) / 2]


def test_what_is_finished_is_not_trained_again(score):
    before, _ = score({AS_IS: RECIPES[AS_IS]})
    after, trained = score()
    assert trained == [7]
    assert after.errors[AS_IS].tolist() == before.errors[AS_IS].tolist()


def test_other_code_another_recipe_and_other_tables_are_trained_on_anew(score, snapshots):
    score(code="one")
    assert score(code="one")[1] == []
    assert score(code="another")[1] == [1, 7]
    assert score({AS_IS: [make_recipe(epochs=1, seed=2)]}, code="one")[1] == [1]
    snapshots[FIRST].write_bytes(table(rows(59)))
    assert score(code="one")[1] == [1, 7]
    snapshots[SECOND].write_bytes(table(rows(62)))
    assert score(code="one")[1] == [1, 7]


def test_numbers_come_back_to_the_last_bit(tmp_path):
    numbers = np.random.default_rng(0).normal(size=99) * 1e5
    assert kept(tmp_path / "new", {"a": 1}, lambda: numbers).tolist() == numbers.tolist()
    assert kept(tmp_path / "new", {"a": 1}, lambda: pytest.fail("it is there")).tolist() == numbers.tolist()


def test_a_damaged_file_is_written_anew(tmp_path):
    kept(tmp_path, {"a": 1}, lambda: np.array([1.0, 2.0]))
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:-3])
    assert kept(tmp_path, {"a": 1}, lambda: np.array([1.0, 2.0])).tolist() == [1, 2]
    assert file.read_bytes() == whole


def test_what_is_interrupted_leaves_nothing(tmp_path):
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kept(tmp_path, {"a": 1}, interrupted)
    assert not list(tmp_path.iterdir())
