import json
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from pipeline import params
from pipeline.data.encoding import Encoder
from pipeline.data.raw_table import read_table
from pipeline.data.schema import TARGET
from pipeline.model.bundle import Bundle
from pipeline.nights.champion import Champion
from pipeline.nights.compare import comparable, compare_on_test_rows, fairness, ridge_in_words, ridge_mse
from pipeline.nights.night import Night
from pipeline.runtime.errors import RuleError
from tests.conftest import prepare_settings
from tests.support.models import overflowing
from tests.support.reports import write_numbers
from tests.support.splits import read_split
from tests.support.tables import rows, table
from tests.support.work_tree import ROOT


@pytest.fixture
def read(tmp_path):
    """Tonight's table."""
    (tmp_path / "table.csv").write_bytes(table(rows(600)))
    return read_table(tmp_path / "table.csv", settings=prepare_settings())


def test_both_sides_predict_what_evaluate_does_for_the_test_rows(modelled, read):
    bundle = Bundle.load(modelled.folder / "model")
    champion, anchor = Champion(bundle, "0.dir"), Champion(bundle, "1.dir")
    found = compare_on_test_rows(read, champion=champion, anchor=anchor, challenger=bundle)
    test = read_split(modelled.out / "test.parquet")
    dollars = Encoder.read(modelled.out / "encoder.json").scaling.denormalise(bundle.predict_normalised(test))
    assert found.champion is not None
    assert found.anchor is not None
    expected = sorted(zip(test[TARGET].tolist(), dollars.tolist(), strict=True))
    for predicted in (found.champion, found.anchor, found.challenger):
        assert sorted(zip(found.actual.tolist(), predicted.tolist(), strict=True)) == expected
    train = read_split(modelled.out / "train.parquet")
    assert found.train_mean == pytest.approx(train[TARGET].mean())


def test_a_champion_that_is_the_anchor_predicts_once(modelled, read):
    champion = Champion(Bundle.load(modelled.folder / "model"), "0.dir")
    assert champion.bundle is not None
    found = compare_on_test_rows(read, champion=champion, anchor=champion, challenger=champion.bundle)
    assert found.anchor is None


@pytest.mark.parametrize(
    ("ridge", "words"), [(900.0, "; ridge regression is better: RMSE 30 USD"), (1100.0, ""), (None, "")]
)
def test_ridge_regression_is_named_in_the_reason_if_it_is_better(tmp_path, ridge, words):
    settings = params.load(params.Nightly, "nightly", file=ROOT / "params.yaml")
    write_numbers(tmp_path / "metrics", "full", {"test_ridge_mse_usd2": ridge} if ridge else {})
    found = ridge_mse(cast(Night, SimpleNamespace(tree=tmp_path, settings=settings)))
    assert found == ridge
    numbers = {"challenger_mse_usd2": 1000.0} | ({"ridge_mse_usd2": found} if found else {})
    assert ridge_in_words(numbers) == words


def test_a_limit_of_ridge_regression_needs_its_error_and_says_so(tmp_path):
    gate = SimpleNamespace(max_over_ridge=1.0)
    night = SimpleNamespace(tree=tmp_path, settings=SimpleNamespace(recipe="full", gate=gate))
    told = "metrics/details/full.json must have test_ridge_mse_usd2, which has a limit, found none"
    with pytest.raises(RuleError, match=told):
        ridge_mse(cast(Night, night))


@pytest.mark.parametrize(
    ("metrics", "found"),
    [({"test_fairness_groups_beyond": 2}, {"fairness_groups_beyond": 2}), ({"test_rows": 5}, {}), (None, {})],
)
@pytest.mark.parametrize("part", ["details", "recipes"])  # all stood in recipes/ once
def test_the_groups_that_the_challenger_is_unfair_to_are_counted_if_the_pipeline_tells(tmp_path, part, metrics, found):
    settings = params.load(params.Nightly, "nightly", file=ROOT / "params.yaml")
    if metrics:
        for name, numbers in {"recipes": {}, "details": {}, part: metrics}.items():
            (tmp_path / f"metrics/{name}").mkdir(parents=True)
            (tmp_path / f"metrics/{name}/{settings.recipe}.json").write_text(json.dumps(numbers))
    assert fairness(cast(Night, SimpleNamespace(tree=tmp_path, settings=settings))) == found


def test_a_champion_without_a_finite_answer_cannot_be_compared(modelled, read):
    bundle = Bundle.load(modelled.folder / "model")
    champion = Champion(bundle, "0.dir")
    assert comparable(champion, read) is champion
    reason = "it must predict a finite number, found NaN or infinity for 600 of 600 rows"
    assert comparable(Champion(overflowing(bundle), "0.dir"), read) == Champion(None, "0.dir", reason)


def test_equal_features_are_one_group_and_slices_name_their_values(modelled, read):
    bundle = Bundle.load(modelled.folder / "model")
    lost = Champion(None, None, "lost")
    found = compare_on_test_rows(read, champion=lost, anchor=lost, challenger=bundle)
    assert (found.champion, found.incomparable) == (None, "lost")
    cells = {tuple(indices[row] for indices, _ in found.slices.values()) for row in range(len(found.actual))}
    assert len(cells) == len(np.unique(found.groups))
    assert set(found.slices["work_year"][1]) == {"2020", "2021", "2022", "2023"}
