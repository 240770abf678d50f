import numpy as np
import pytest

from pipeline.data.schema import FEATURES, HASH, TARGET, WORDS
from pipeline.evaluation.importance import REPEATS, ROWS, permutation_importance, with_costs
from tests.support.splits import in_cells


def split(rows, target=lambda columns: columns["work_year"] * 2.0):
    random = np.random.default_rng(1)
    columns = {name: random.integers(0, 5, rows).astype(np.int16) for name in (*FEATURES, *WORDS)}
    return {**columns, HASH: np.arange(rows, dtype=np.uint64), TARGET: target(columns)}


def years(given):
    return given["work_year"] * 2.0


def importance(predict, columns):
    table = permutation_importance(predict, columns, features=["work_year", "job_title"])
    return table.set_index("feature")


def test_a_feature_that_the_model_does_not_read_has_none():
    found = importance(years, split(300)).loc["job_title"]
    assert found.tolist() == [0.0, 0.0, 0.0]


def test_a_feature_that_tells_all_is_worth_twice_the_variance_and_the_interval_holds_it():
    rows = split(4000)
    found = importance(years, rows).loc["work_year"]
    worth = 2 * np.var(rows[TARGET])
    assert found["mse_increase_usd2"] == pytest.approx(worth, rel=0.02)
    assert found["mse_increase_low_usd2"] < worth < found["mse_increase_high_usd2"]


def test_the_increase_is_that_of_the_mean_squared_error_over_the_permutations():
    rows = split(200, lambda columns: columns["job_title"] * 3.0 + columns["work_year"])
    errors = []

    def predict(given):
        errors.append(np.mean((years(given) - rows[TARGET]) ** 2))
        return years(given)

    found = importance(predict, rows).loc["work_year", "mse_increase_usd2"]
    before, *after = errors
    assert len(after) == 2 * REPEATS
    assert found == pytest.approx(np.mean(after[:REPEATS]) - before)


def test_a_feature_that_the_model_reads_in_vain_has_an_interval_around_zero():
    rows = split(1000, lambda columns: np.random.default_rng(2).normal(0, 10, 1000))
    found = importance(years, rows).loc["work_year"]
    assert found["mse_increase_low_usd2"] < 0 < found["mse_increase_high_usd2"]


def test_fewer_rows_make_a_wider_interval_and_so_do_copies_of_them():
    def width(rows):
        found = importance(lambda given: given["work_year"] * 1.0, rows).loc["work_year"]
        return found["mse_increase_high_usd2"] - found["mse_increase_low_usd2"]

    few, many = split(200), split(800)
    copies = {name: np.repeat(column, 4) for name, column in few.items()}
    assert width(few) > 1.5 * width(many)
    assert width(copies) > 1.5 * width(many)


def test_a_title_moves_with_its_words():
    rows = split(300)
    rows |= dict.fromkeys(WORDS, rows["job_title"])
    rows[TARGET] = rows["job_title"] * 10.0

    def predict(given):
        assert all((given[word] == given["job_title"]).all() for word in WORDS)
        return given["title_word_3"] * 10.0

    assert importance(predict, rows).loc["job_title", "mse_increase_usd2"] > 100


def test_the_model_sees_each_code_as_often_as_before():
    rows = split(200)

    def predict(given):
        assert all((np.sort(given[name]) == np.sort(rows[name])).all() for name in FEATURES)
        return years(given)

    importance(predict, rows)


def test_many_rows_are_judged_by_those_of_the_smallest_hashes_wherever_they_stand():
    rows = split(ROWS + 10)
    backwards = {name: column[::-1] for name, column in rows.items()}
    seen = set()

    def predict(given):
        seen.add((len(given[HASH]), given[HASH].max()))
        return years(given)

    importance(predict, backwards)
    assert seen == {(ROWS, ROWS - 1)}


def test_it_is_the_same_every_time():
    first, second = (importance(lambda given: given["job_title"] * 3.0, split(100)) for _ in range(2))
    assert first.equals(second)


def test_what_a_feature_costs_stands_beside_it():
    rows = split(100)
    table = permutation_importance(years, rows, features=["work_year", "job_title"])
    found = with_costs(
        table,
        in_cells(rows, FEATURES, into="cell")[1],
        codes={"work_year": 5, "job_title": 9},
        parameters={"work_year": 7, "job_title": 11},
    ).set_index("feature")
    unseen = float((rows["job_title"] == 0).mean())
    assert found[["codes", "parameters", "unseen_share"]].to_numpy()[1].tolist() == [9, 11, unseen]
    assert 0 < unseen < 1
