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
from pipeline.repository.dvc_lock import md5_of
from tests.support.sample import MD5, SEED

ROWS = 32_206  # as many as the real table had on 28 July 2024, whose figures are the published ones below
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
    """R² of least squares on a quarter of the table that shares no row with the rest: the mean of four quarters."""
    place = pd.util.hash_pandas_object(table, index=False).to_numpy() >> np.uint64(8)
    x, y = one_hot(table, columns).to_numpy(), table["salary_in_usd"].to_numpy(float)
    scores = []
    for split in range(4):
        held_out = (place >> np.uint64(2 * split)) % 4 == 0
        weights = least_squares(x[~held_out].T @ x[~held_out], x[~held_out].T @ y[~held_out])
        scores.append(1 - np.mean((y[held_out] - x[held_out] @ weights) ** 2) / np.var(y[held_out]))
    return float(np.mean(scores))


def among(table: pd.DataFrame, condition: str) -> pd.Series:
    """Which rows have this value, as `company_location=US`; `elsewhere` is no frequent country of companies."""
    if condition == "elsewhere":
        return ~table["company_location"].isin(["US", "CA", "GB"])
    column, value = condition.split("=")
    return table[column].astype(str) == value


def interactions(table: pd.DataFrame, products: list[str]) -> dict[str, float]:
    """The factor on the pay of each product of two conditions, as `remote_ratio=100*elsewhere`.

    By least squares of the logarithm of distinct rows' pay, on all eight features and on all the products.
    """
    distinct = table.drop_duplicates()
    both = {name: np.logical_and.reduce([among(distinct, part) for part in name.split("*")]) for name in products}
    x = np.column_stack([*both.values(), one_hot(distinct, EIGHT)]).astype(float)
    weights = least_squares(x.T @ x, x.T @ np.log(distinct["salary_in_usd"].to_numpy(float)))
    return dict(zip(products, np.exp(weights), strict=False))


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


def test_the_sample_that_ships_is_the_generators_output(sample_table: Path, tmp_path: Path) -> None:
    assert md5_of(sample_table) == MD5
    assert sample_table.read_bytes() == made(tmp_path, 4_000).read_bytes()


def test_blocks_differ_from_each_other() -> None:
    first, second = itertools.islice(sample.generate(10**6, seed=SEED), 2)
    assert not first.slice(0, 1_000).equals(second.slice(0, 1_000))


# ---- the real format


def test_the_header_names_the_eleven_columns_in_the_real_order(sample_table: Path) -> None:
    header = sample_table.read_bytes().split(b"\r\n", 1)[0]
    assert header == (
        b"work_year,experience_level,employment_type,job_title,salary,salary_currency,salary_in_usd,"
        b"employee_residence,remote_ratio,company_location,company_size"
    )


def test_every_line_ends_in_crlf_and_nothing_is_quoted(sample_table: Path) -> None:
    text = sample_table.read_bytes()
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


# ---- the figures of the real table: aggregates of the CC0 table of aijobs.net of 28 July 2024


def test_nearly_all_rows_are_tops_and_bottoms_of_pay_bands(like_real: pd.DataFrame) -> None:
    ratios = pairs(like_real)
    assert 2 * len(ratios) / ROWS == pytest.approx(0.974, abs=0.01)
    assert np.quantile(ratios, [0.25, 0.5, 0.75]) == pytest.approx([1.25, 1.47, 1.73], abs=0.06)


def test_half_of_the_rows_are_distinct_and_two_in_three_have_an_exact_copy(like_real: pd.DataFrame) -> None:
    assert like_real.duplicated().mean() == pytest.approx(1 - 0.520, abs=0.03)
    assert like_real.duplicated(keep=False).mean() == pytest.approx(0.641, abs=0.04)
    assert like_real.value_counts().iloc[0] == pytest.approx(54, rel=0.4)


@pytest.mark.parametrize(
    ("column", "real"),
    [("job_title", 203), ("company_location", 80), ("employee_residence", 91), ("salary_currency", 24)],
)
def test_vocabularies_have_a_long_tail(like_real: pd.DataFrame, column: str, real: int) -> None:
    counts = like_real[column].value_counts()
    assert 0.65 * real < len(counts) < 1.33 * real
    assert (counts < 10).mean() > 0.25


def test_the_number_of_titles_grows_with_the_years(like_real: pd.DataFrame) -> None:
    titles = like_real.groupby("work_year")["job_title"]
    assert titles.nunique().loc[2022:].tolist() == pytest.approx([64, 106, 162], rel=0.3)
    of_as_many_rows = [titles.get_group(year).sample(1_600, random_state=0).nunique() for year in (2022, 2023, 2024)]
    assert of_as_many_rows == pytest.approx([64, 67, 95], rel=0.2)


def test_one_row_in_six_of_the_last_year_has_a_title_that_no_year_before_had(like_real: pd.DataFrame) -> None:
    last = like_real["work_year"] == 2024
    known = like_real.loc[~last, "job_title"]
    assert (~like_real.loc[last, "job_title"].isin(known)).mean() == pytest.approx(0.160, abs=0.03)


def test_no_title_is_drawn_under_two_codes() -> None:
    labels = [row.label for row in sample.ROWS["job_title"]]
    assert len(labels) == len(set(labels))


@pytest.mark.parametrize(
    ("column", "value", "share", "median"),
    [
        ("work_year", 2020, 0.002, 79_833),
        ("work_year", 2021, 0.007, 83_872),
        ("work_year", 2022, 0.051, 131_526),
        ("work_year", 2023, 0.265, 145_000),
        ("work_year", 2024, 0.675, 150_200),
        ("employment_type", "FT", 0.997, 149_000),
        ("job_title", "Data Scientist", 0.213, 156_450),
        ("job_title", "Data Engineer", 0.175, 141_000),
        ("job_title", "Data Analyst", 0.125, 103_300),
        ("job_title", "Machine Learning Engineer", 0.114, 190_000),
        ("job_title", "Software Engineer", 0.064, 188_000),
        ("job_title", "Research Scientist", 0.043, 187_040),
        ("job_title", "Data Architect", 0.023, 153_000),
        ("remote_ratio", 0, 0.751, 150_000),
        ("remote_ratio", 50, 0.008, 66_022),
        ("remote_ratio", 100, 0.241, 144_300),
        ("company_location", "US", 0.904, 153_000),
        ("company_location", "GB", 0.032, 73_824),
        ("company_location", "CA", 0.030, 136_000),
        ("company_location", "ES", 0.004, 48_585),
        ("company_location", "DE", 0.004, 84_053),
        ("company_size", "S", 0.006, 75_648),
        ("company_size", "M", 0.952, 150_000),
        ("company_size", "L", 0.042, 136_000),
    ],
)
def test_shares_and_medians_are_near_the_published_ones(
    large: pd.DataFrame, column: str, value: str | int, share: float, median: float
) -> None:
    pay = large.loc[large[column] == value, "salary_in_usd"]
    assert len(pay) / len(large) == pytest.approx(share, rel=0.05, abs=0.005)
    assert pay.median() == pytest.approx(median, rel=0.06 if share > 0.05 else 0.2)


@pytest.mark.parametrize(
    ("level", "share", "quantiles"),
    [
        ("EN", 0.086, [47_500, 65_000, 92_160, 135_000, 177_000]),
        ("MI", 0.281, [68_405, 92_280, 130_800, 175_000, 224_000]),
        ("SE", 0.611, [95_000, 125_700, 163_200, 209_700, 258_539]),
        ("EX", 0.023, [110_000, 145_500, 192_018, 236_000, 296_550]),
    ],
)
def test_each_levels_quantiles_are_near_the_published_ones(
    large: pd.DataFrame, level: str, share: float, quantiles: list[float]
) -> None:
    pay = large.loc[large["experience_level"] == level, "salary_in_usd"]
    assert len(pay) / len(large) == pytest.approx(share, abs=0.015)
    assert pay.quantile([0.1, 0.25, 0.5, 0.75, 0.9]).tolist() == pytest.approx(quantiles, rel=0.1)


def test_the_spread_of_salaries_is_near_the_published_one(large: pd.DataFrame) -> None:
    quantiles = large["salary_in_usd"].quantile([0.05, 0.25, 0.5, 0.75, 0.95]).tolist()
    assert quantiles == pytest.approx([61_300, 109_000, 148_880, 199_800, 283_780], rel=0.04)


def test_the_noise_in_dollars_grows_with_the_pay(like_real: pd.DataFrame) -> None:
    cells = like_real.drop_duplicates().groupby(EIGHT)["salary_in_usd"].agg(["mean", "std", "size"]).query("size >= 20")
    by_quarter = cells.groupby(pd.qcut(cells["mean"], 4, labels=False)).median()
    assert by_quarter["mean"].tolist() == pytest.approx([110_130, 146_215, 174_399, 206_657], rel=0.07)
    assert by_quarter["std"].tolist() == pytest.approx([40_951, 51_641, 66_360, 72_685], rel=0.15)


@pytest.mark.parametrize(
    ("where", "real"),
    [("US", 0.558), ("CA", 0.598), ("GB", 0.717), ("elsewhere", 0.879)],
)
def test_pay_is_less_certain_outside_north_america(large: pd.DataFrame, where: str, real: float) -> None:
    condition = where if where == "elsewhere" else f"company_location={where}"
    low, middle, high = large.loc[among(large, condition), "salary_in_usd"].quantile([0.25, 0.5, 0.75])
    assert (high - low) / middle == pytest.approx(real, rel=0.18)


PUBLISHED_INTERACTIONS = {
    # what a level is worth differs by title and by country
    "experience_level=EN*job_title=Data Analyst": 1.085,
    "experience_level=EN*job_title=Data Scientist": 0.869,
    "experience_level=MI*job_title=Research Scientist": 1.098,
    "experience_level=EX*job_title=Data Scientist": 1.073,
    "experience_level=EN*company_location=GB": 0.874,
    "experience_level=MI*company_location=GB": 0.882,
    "experience_level=EN*elsewhere": 0.819,
    "experience_level=MI*elsewhere": 0.862,
    # what remote work costs differs by country and by level
    "remote_ratio=100*company_location=CA": 1.086,
    "remote_ratio=100*company_location=GB": 0.937,
    "remote_ratio=100*elsewhere": 0.981,
    "remote_ratio=100*experience_level=EN": 0.918,
    "remote_ratio=100*experience_level=EX": 1.102,
    # and so does what a year is worth
    "work_year=2024*company_location=GB": 0.788,
    "work_year=2024*elsewhere": 1.135,
}
"""Factors that `interactions` finds in the real table; 1 would be no interaction."""


def test_features_interact_as_in_the_real_table(large: pd.DataFrame) -> None:
    found = interactions(large.head(100_000), list(PUBLISHED_INTERACTIONS))
    assert found == pytest.approx(PUBLISHED_INTERACTIONS, abs=0.08)


@pytest.mark.parametrize(("columns", "real"), [(FOUR, 0.114), (EIGHT, 0.294)])
def test_features_explain_about_as_much_as_in_the_real_table(
    like_real: pd.DataFrame, columns: list[str], real: float
) -> None:
    assert held_out_r2(like_real, columns) == pytest.approx(real, abs=0.03)


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
