import numpy as np
import pytest
import sklearn.linear_model

from pipeline.data.schema import TARGET, WORDS
from pipeline.evaluation import ridge
from pipeline.evaluation.metrics import mean_squared_error

SIZES = {"level": 5, "size": 4} | dict.fromkeys(WORDS, 6)
COLUMNS = ("level", "size", *WORDS)


def rows(count, *, seed):
    """Codes of two features and six title words, and salaries that follow them, with noise."""
    random = np.random.default_rng(seed)
    codes = {name: random.integers(0, SIZES[name], count).astype(np.int16) for name in COLUMNS}
    codes["level"][codes["level"] == 4] = 3  # one code that no row has
    usd = 5e4 * codes["level"] + 9e3 * codes["title_word_1"] + random.normal(0, 20_000, count) + 60_000
    return codes | {TARGET: usd.round().astype(np.int32)}


def features(split):
    return {name: split[name] for name in COLUMNS}


def fitted(train, penalty, *, target=None):
    """The regression of the rows, each counted as a cell of its own."""
    target = train[TARGET] if target is None else target
    return ridge.fit(features(train), target, rows=np.ones(len(target)), sizes=SIZES, penalty=penalty)


def one_hot(split):
    """The same codes as a dense matrix: a column per code, the words' counted over their slots."""
    words = sum(np.eye(SIZES[name])[split[name]] for name in WORDS)
    return np.hstack([*(np.eye(SIZES[name])[split[name]] for name in ("level", "size")), words])


@pytest.mark.parametrize("penalty", [1.0, 30.0])
def test_it_predicts_what_scikit_learn_predicts(penalty):
    train, test = rows(300, seed=1), rows(50, seed=2)
    oracle = sklearn.linear_model.Ridge(alpha=penalty).fit(one_hot(train), train[TARGET])
    ours = fitted(train, penalty)
    assert ours.predict(features(test)) == pytest.approx(oracle.predict(one_hot(test)), abs=0.01)


def test_it_is_the_least_squares_solution_of_the_rows_and_the_penalty():
    train, penalty = rows(80, seed=3), 5.0
    matrix = one_hot(train)
    center, mean = matrix.mean(axis=0), train[TARGET].mean()
    stacked = np.vstack([matrix - center, np.sqrt(penalty) * np.eye(matrix.shape[1])])
    target = np.concatenate([train[TARGET] - mean, np.zeros(matrix.shape[1])])
    coefficients = np.linalg.lstsq(stacked, target)[0]
    ours = fitted(train, penalty)
    assert ours.coefficients == pytest.approx(coefficients, abs=0.01)
    assert ours.intercept == pytest.approx(mean - center @ coefficients, abs=0.01)


def test_a_feature_alone_is_the_shrunken_mean_by_hand():
    codes = {"level": np.array([0, 0, 1, 1], np.int16)}
    target = np.array([10, 20, 50, 60])
    ours = ridge.fit(codes, target, rows=np.ones(4), sizes={"level": 2}, penalty=2.0)
    assert ours.intercept == pytest.approx(35.0)
    assert ours.predict({"level": np.array([0, 1], np.int16)}) == pytest.approx([25.0, 45.0])  # half way: 2 rows of 4


def test_the_penalty_is_the_one_that_is_best_on_the_validation_rows():
    train, valid = rows(60, seed=4), rows(200, seed=5)

    def error(model):
        return mean_squared_error(model.predict(features(valid)), valid[TARGET])

    chosen = ridge.fit_best_penalty(features(train), train[TARGET], rows=np.ones(60), sizes=SIZES, error=error)
    errors = {}
    for penalty in ridge.PENALTIES:
        oracle = sklearn.linear_model.Ridge(alpha=penalty).fit(one_hot(train), train[TARGET])
        errors[penalty] = mean_squared_error(oracle.predict(one_hot(valid)), valid[TARGET])
    assert chosen.penalty == min(errors, key=lambda penalty: errors[penalty])


def test_a_stronger_penalty_is_closer_to_the_mean():
    train = rows(100, seed=6)
    spread = [np.ptp(fitted(train, penalty).predict(features(train))) for penalty in (1.0, 100.0, 1e9)]
    assert spread[0] > spread[1] > spread[2]
    assert spread[2] < 1


def test_a_code_that_no_training_row_has_makes_no_difference():
    train = rows(100, seed=7)
    ours = fitted(train, 1.0)
    assert ours.coefficients[4] == 0.0


@pytest.mark.parametrize("value", [1, 123_457])
def test_a_constant_salary_is_predicted_as_it_is(value):
    train = rows(30, seed=8)
    ours = fitted(train, 1.0, target=np.full(30, value))
    assert ours.predict(features(train)) == pytest.approx(np.full(30, value), rel=1e-9)


def test_doubling_all_salaries_doubles_the_predictions():
    train = rows(100, seed=9)
    one, two = (fitted(train, 3.0, target=train[TARGET] * k) for k in (1, 2))
    assert (two.predict(features(train)) == 2 * one.predict(features(train))).all()


def test_a_cell_of_many_rows_counts_as_all_of_them():
    train = rows(40, seed=10)
    copies = np.arange(40) % 4 + 1
    cells = ridge.fit(features(train), train[TARGET], rows=copies, sizes=SIZES, penalty=3.0)
    each = fitted({name: np.repeat(column, copies) for name, column in train.items()}, 3.0)
    assert cells.predict(features(train)) == pytest.approx(each.predict(features(train)), rel=1e-6)


@pytest.mark.parametrize("penalty", [1.0, 300.0])
def test_many_cells_give_the_same_predictions_up_to_rounding(penalty, monkeypatch):
    train = rows(200, seed=11)
    few = fitted(train, penalty)
    monkeypatch.setattr(ridge, "MANY_CELLS", 199)
    many = fitted(train, penalty)
    assert many.predict(features(train)) == pytest.approx(few.predict(features(train)), rel=1e-7)
    assert (many.coefficients != few.coefficients).any()  # it went another way
