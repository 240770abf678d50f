"""The synthetic table: its bytes are reproducible, its format is the real one, its figures are near the real ones."""

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pipeline import sample

COMMITTED = Path(__file__).parents[2] / "data" / "raw" / "salaries.csv"
SEED = 20240128
ROWS = 11_734  # as many as the real table had on 28 January 2024, whose figures are the published ones below
FOUR = ["experience_level", "employment_type", "remote_ratio", "company_size"]
EIGHT = [*FOUR, "work_year", "job_title", "employee_residence", "company_location"]


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, keep_default_na=False)


def made(folder: Path, rows: int, *, seed: int = SEED) -> Path:
    path = folder / f"{rows}-{seed}.csv"
    sample.main(["--rows", str(rows), "--seed", str(seed), "--out", str(path)])
    return path


@pytest.fixture(scope="module")
def like_real(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """A table of the real one's size."""
    return read(made(tmp_path_factory.mktemp("like_real"), ROWS))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """A table of several blocks, for figures that must not hang on chance."""
    return read(made(tmp_path_factory.mktemp("large"), 200_000))


def one_hot(table: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """A column of ones, and one per value that occurs at least 30 times, named `column=value`."""
    hot = pd.get_dummies(table[columns].astype("category"), prefix_sep="=", dtype=float)
    return hot.loc[:, hot.sum() >= 30].assign(one=1.0)


def least_squares(gram: np.ndarray, moment: np.ndarray) -> np.ndarray:
    """Weights from the normal equations X'X w = X'y; the columns may depend on each other."""
    return np.asarray(np.linalg.pinv(gram, hermitian=True) @ moment)


def held_out_r2(table: pd.DataFrame, columns: list[str]) -> float:
    """R² of least squares on a quarter of the table that shares no row with the rest."""
    held_out = pd.util.hash_pandas_object(table, index=False).to_numpy() % 4 == 0
    x, y = one_hot(table, columns).to_numpy(), table["salary_in_usd"].to_numpy(float)
    weights = least_squares(x[~held_out].T @ x[~held_out], x[~held_out].T @ y[~held_out])
    return float(1 - np.mean((y[held_out] - x[held_out] @ weights) ** 2) / np.var(y[held_out]))


def pairs(table: pd.DataFrame) -> np.ndarray:
    """The ratio top / bottom of each pay band: adjacent rows alike in all but the salary, the higher one first."""
    kind = table.drop(columns=["salary", "salary_in_usd"]).apply(tuple, axis=1).tolist()
    pay = table["salary_in_usd"].tolist()
    ratios, row = [], 1
    while row < len(table):
        is_pair = kind[row] == kind[row - 1] and pay[row - 1] >= pay[row]
        if is_pair:
            ratios.append(pay[row - 1] / pay[row])
        row += 1 + is_pair
    return np.array(ratios)


# ---- reproducible bytes


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    first = made(tmp_path, 500).read_bytes()
    assert made(tmp_path, 500).read_bytes() == first


def test_another_seed_gives_other_rows(tmp_path: Path) -> None:
    assert made(tmp_path, 500, seed=1).read_bytes() != made(tmp_path, 500, seed=2).read_bytes()


@pytest.mark.parametrize("rows", [1, 2, 4_000, 62_000, 130_000])
def test_a_shorter_table_is_the_beginning_of_a_longer_one(tmp_path: Path, rows: int) -> None:
    assert made(tmp_path, 130_001).read_bytes().startswith(made(tmp_path, rows).read_bytes())


def test_the_committed_table_is_the_generators_output(tmp_path: Path) -> None:
    assert COMMITTED.read_bytes() == made(tmp_path, 4_000).read_bytes()


def test_blocks_differ_from_each_other() -> None:
    first, second = itertools.islice(sample.generate(10**6, seed=SEED), 2)
    assert not first.slice(0, 1_000).equals(second.slice(0, 1_000))


# ---- the real format


def test_the_header_names_the_eleven_columns_in_the_real_order() -> None:
    header = COMMITTED.read_bytes().split(b"\r\n", 1)[0]
    assert header == (
        b"work_year,experience_level,employment_type,job_title,salary,salary_currency,salary_in_usd,"
        b"employee_residence,remote_ratio,company_location,company_size"
    )


def test_every_line_ends_in_crlf_and_nothing_is_quoted() -> None:
    text = COMMITTED.read_bytes()
    assert text.endswith(b"\r\n")
    assert text.count(b"\r\n") == text.count(b"\n") == text.count(b"\r") == 4_001
    assert b'"' not in text


def test_a_salary_in_dollars_is_the_salary(large: pd.DataFrame) -> None:
    dollars = large[large["salary_currency"] == "USD"]
    assert (dollars["salary"] == dollars["salary_in_usd"]).all()


def test_one_exchange_rate_per_year_and_currency_explains_every_dollar(large: pd.DataFrame) -> None:
    salary, dollars = large["salary"], large["salary_in_usd"]
    rates = pd.DataFrame({"lowest": (dollars - 0.5) / salary, "highest": (dollars + 0.5) / salary})
    groups = rates.groupby([large["salary_currency"], large["work_year"]])
    assert (groups["lowest"].max() <= groups["highest"].min() * (1 + 1e-12)).all()
    assert groups.ngroups > 50


def test_salaries_lie_in_the_range_of_the_real_table(large: pd.DataFrame) -> None:
    assert large["salary_in_usd"].between(14_990, 750_010).all()


# ---- the figures of the real table


def test_nearly_all_rows_are_tops_and_bottoms_of_pay_bands(like_real: pd.DataFrame) -> None:
    ratios = pairs(like_real)
    assert 2 * len(ratios) / ROWS == pytest.approx(0.936, abs=0.02)
    assert np.median(ratios) == pytest.approx(1.43, abs=0.05)


def test_over_half_of_the_rows_have_an_exact_copy(like_real: pd.DataFrame) -> None:
    assert like_real.duplicated(keep=False).mean() == pytest.approx(0.54, abs=0.04)
    assert like_real.duplicated().mean() == pytest.approx(0.40, abs=0.04)


def test_no_row_is_repeated_more_often_than_in_the_real_table(like_real: pd.DataFrame) -> None:
    assert like_real.value_counts().iloc[0] <= 54


@pytest.mark.parametrize(
    ("column", "real"),
    [("job_title", 137), ("company_location", 76), ("employee_residence", 87), ("salary_currency", 22)],
)
def test_vocabularies_have_a_long_tail(like_real: pd.DataFrame, column: str, real: int) -> None:
    counts = like_real[column].value_counts()
    assert 0.65 * real < len(counts) < 1.5 * real
    assert (counts < 10).mean() > 0.4


@pytest.mark.parametrize(
    ("column", "value", "share", "median"),
    [
        ("work_year", 2022, 0.141, 132_000),
        ("work_year", 2023, 0.726, 145_000),
        ("work_year", 2024, 0.109, 140_000),
        ("experience_level", "EN", 0.064, 80_000),
        ("experience_level", "MI", 0.223, 110_000),
        ("experience_level", "SE", 0.684, 154_918),
        ("experience_level", "EX", 0.029, 185_000),
        ("employment_type", "FT", 0.996, 142_200),
        ("job_title", "Data Engineer", 0.224, 140_000),
        ("job_title", "Data Scientist", 0.206, 151_605),
        ("job_title", "Data Analyst", 0.147, 104_000),
        ("job_title", "Machine Learning Engineer", 0.108, 184_800),
        ("remote_ratio", 0, 0.640, 145_000),
        ("remote_ratio", 50, 0.020, 66_192),
        ("remote_ratio", 100, 0.340, 140_000),
        ("company_location", "US", 0.871, 149_600),
        ("company_location", "GB", 0.045, 86_128),
        ("company_location", "CA", 0.025, 140_000),
        ("company_location", "ES", 0.010, 48_585),
        ("company_size", "S", 0.015, 74_500),
        ("company_size", "M", 0.911, 144_200),
        ("company_size", "L", 0.074, 134_500),
    ],
)
def test_shares_and_medians_are_near_the_published_ones(
    large: pd.DataFrame, column: str, value: str | int, share: float, median: float
) -> None:
    pay = large.loc[large[column] == value, "salary_in_usd"]
    assert len(pay) / len(large) == pytest.approx(share, rel=0.05, abs=0.003)
    assert pay.median() == pytest.approx(median, rel=0.12)


@pytest.mark.parametrize(
    ("quantile", "real"), [(0.05, 55_000), (0.25, 104_000), (0.5, 142_000), (0.75, 185_900), (0.95, 260_888)]
)
def test_the_spread_of_salaries_is_near_the_published_one(large: pd.DataFrame, quantile: float, real: float) -> None:
    assert large["salary_in_usd"].quantile(quantile) == pytest.approx(real, rel=0.12)


@pytest.mark.parametrize(("columns", "real"), [(FOUR, 0.12), (EIGHT, 0.32)])
def test_features_explain_about_as_much_as_in_the_real_table(
    like_real: pd.DataFrame, columns: list[str], real: float
) -> None:
    assert held_out_r2(like_real, columns) == pytest.approx(real, abs=0.04)


def test_leaving_out_any_feature_makes_the_fit_worse_than_chance_would(large: pd.DataFrame) -> None:
    distinct = large.head(60_000).drop_duplicates()
    y = np.log(distinct["salary_in_usd"].to_numpy(float))
    x = one_hot(distinct, EIGHT)
    gram, moment = x.T.to_numpy() @ x.to_numpy(), x.T.to_numpy() @ (y - y.mean())

    def fit(left_out: str) -> tuple[float, int]:
        """What a fit without this feature explains of the sum of squares, and its degrees of freedom."""
        kept = ~x.columns.str.startswith(f"{left_out}=")
        part = gram[np.ix_(kept, kept)]
        explained = moment[kept] @ least_squares(part, moment[kept])
        return float(explained), int(np.linalg.matrix_rank(part, hermitian=True))

    explained, freedom = fit("nothing")
    noise = (((y - y.mean()) ** 2).sum() - explained) / (len(y) - freedom)
    for column in EIGHT:
        without, fewer = fit(column)
        f_statistic = (explained - without) / (freedom - fewer) / noise
        assert f_statistic > 4, column  # about 1, or 2 as bands come in two rows, for a feature without effect


# ---- streaming


def test_blocks_are_bounded_and_add_up_to_the_rows_asked_for() -> None:
    sizes = [block.num_rows for block in sample.generate(200_000, seed=SEED)]
    assert max(sizes) <= 2 * sample.EVENTS
    assert sum(sizes) == 200_000


def test_the_first_block_of_any_table_comes_without_the_rest() -> None:
    assert next(sample.generate(10**15, seed=SEED)).num_rows <= 2 * sample.EVENTS


# ---- the command


def test_a_file_that_fails_half_way_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = made(tmp_path, 10)
    text = old.read_bytes()

    def broken(rows: int, *, seed: int) -> Iterator[pa.Table]:
        yield next(generate(rows, seed=seed))
        raise OSError("No space left on device")

    generate = sample.generate
    monkeypatch.setattr(sample, "generate", broken)
    with pytest.raises(OSError, match="No space left"):
        sample.write(old, rows=20, seed=1)
    assert old.read_bytes() == text
    assert list(tmp_path.iterdir()) == [old]


@pytest.mark.parametrize(
    ("rows", "seed", "folder", "message"),
    [
        ("0", "1", ".", "argument --rows: must be a whole number of 1 or more, such as 10, found '0'"),
        ("5", "-1", ".", "argument --seed: must be a whole number of 0 or more, such as 10, found '-1'"),
        ("5", "1", "missing", "^sample: the folder of --out must exist, got .*missing: create it first"),
        ("many", "1", ".", "error: argument --rows: must be a whole number of 1 or more, such as 10, found 'many'"),
    ],
)
def test_a_bad_argument_ends_in_one_clear_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rows: str, seed: str, folder: str, message: str
) -> None:
    with pytest.raises(SystemExit, match=r"^[12]$"):
        sample.main(["--rows", rows, "--seed", seed, "--out", str(tmp_path / folder / "out.csv")])
    last_line = capsys.readouterr().err.splitlines()[-1]
    assert re.search(f"{message}$", last_line)
    assert list(tmp_path.iterdir()) == []


def test_no_progress_bar_is_drawn_away_from_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made(tmp_path, 10)
    assert capsys.readouterr() == ("", "")
