import numpy as np
import pytest

from pipeline.data.schema import WORDS
from pipeline.evaluation.importance import ROWS, permutation_importance


def codes(rows):
    random = np.random.default_rng(1)
    return {name: random.integers(0, 5, rows).astype(np.int16) for name in ("work_year", "job_title", *WORDS)}


def importance(predict, columns, actual):
    table = permutation_importance(predict, columns, actual, features=["work_year", "job_title"])
    return dict(zip(table["feature"], table["mse_increase_usd2"], strict=True))


def test_a_feature_that_the_model_does_not_read_has_none():
    columns = codes(300)
    found = importance(lambda given: given["work_year"] * 2.0, columns, columns["work_year"] * 2.0)
    assert found["job_title"] == 0.0


def test_a_feature_that_tells_all_is_worth_twice_the_variance():
    columns = codes(4000)
    found = importance(lambda given: given["work_year"] * 2.0, columns, columns["work_year"] * 2.0)
    assert found["work_year"] == pytest.approx(2 * np.var(columns["work_year"] * 2.0), rel=0.05)


def test_a_title_moves_with_its_words():
    columns = codes(300)
    columns |= dict.fromkeys(WORDS, columns["job_title"])

    def predict(given):
        assert all((given[word] == given["job_title"]).all() for word in WORDS)
        return given["title_word_3"] * 10.0

    assert importance(predict, columns, columns["job_title"] * 10.0)["job_title"] > 100


def test_the_model_sees_each_code_as_often_as_before():
    columns = codes(200)

    def predict(given):
        assert all((np.sort(given[name]) == np.sort(columns[name])).all() for name in columns)
        return given["work_year"] * 1.0

    importance(predict, columns, columns["work_year"] * 1.0)


def test_many_rows_are_judged_by_the_first_of_them():
    columns = codes(ROWS + 10)
    seen = set()

    def predict(given):
        seen.add(len(given["work_year"]))
        return given["work_year"] * 1.0

    importance(predict, columns, columns["work_year"] * 1.0)
    assert seen == {ROWS}


def test_it_is_the_same_every_time():
    columns = codes(100)
    first, second = (importance(lambda g: g["job_title"] * 3.0, columns, columns["work_year"] * 1.0) for _ in range(2))
    assert first == second
