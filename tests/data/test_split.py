import numpy as np
import pandas as pd
import pytest

from pipeline import params
from pipeline.data.clean import clean
from pipeline.data.csv_rows import parse
from pipeline.data.schema import FEATURES, TARGET
from pipeline.data.split import SPLITS, assign, row_hash
from tests.support.tables import batch, one_part, row, rows

VALUES = [*FEATURES, TARGET]


def shares(*, valid, test):
    """The settings of a split."""
    return params.Split(salt="salaries", valid_fraction=valid, test_fraction=test)


def splits(lines, salt="salaries"):
    """The split of each line's row."""
    return [SPLITS[split] for split in assign(row_hash(batch(lines), salt=salt), shares(valid=0.2, test=0.2))]


def test_the_hash_of_a_row_is_pinned_because_another_hash_is_another_split():
    lines = [row(), row(job_title="Head of Données"), row(work_year="2021e", salary_in_usd=11)]
    assert row_hash(batch(lines), salt="salaries").tolist() == [
        0x8C42848A1898CCF7,
        0xA2DDE39EBBC78E9A,
        0x54158BC22DEAF8E0,
    ]


def test_the_order_of_rows_plays_no_part():
    lines = rows(200)
    assert splits(lines[::-1]) == splits(lines)[::-1]


def test_the_blocks_that_rows_come_in_play_no_part():
    lines = rows(200)
    assert [split for start in range(0, 200, 30) for split in splits(lines[start : start + 30])] == splits(lines)


def test_equal_rows_are_in_one_split():
    assert len(set(splits([row()] * 20))) == 1


def test_rows_that_differ_only_in_what_is_no_feature_are_in_one_split():
    assert len(set(splits([row(salary=salary, salary_currency="EUR") for salary in range(1, 30)]))) == 1


@pytest.mark.parametrize("column", [*FEATURES, TARGET])
def test_every_feature_and_the_target_change_the_hash(column):
    other = {
        "work_year": 2020, "experience_level": "EN", "employment_type": "PT", "job_title": "X",
        "employee_residence": "GB", "remote_ratio": 0, "company_location": "GB", "company_size": "S", TARGET: 1,
    }  # fmt: skip
    one, two = row_hash(batch([row(), row(**{column: other[column]})]), salt="salaries")
    assert one != two


def test_an_estimated_year_is_the_year():
    one, two = row_hash(batch([row(work_year="2021e"), row(work_year="2021")]), salt="salaries")
    assert one == two


def test_values_that_change_places_are_another_row():
    one, two = row_hash(batch([row(employee_residence="GB"), row(company_location="GB")]), salt="salaries")
    assert one != two


def test_another_salt_is_another_split():
    lines = rows(200)
    assert splits(lines, salt="a") != splits(lines, salt="b")


def test_the_fractions_hold():
    lines = [row(salary_in_usd=salary) for salary in range(100_000, 120_000)]
    hashes = row_hash(batch(lines), salt="salaries")
    sizes = np.bincount(assign(hashes, shares(valid=0.15, test=0.25))) / len(lines)
    np.testing.assert_allclose(sizes, [0.6, 0.15, 0.25], atol=0.01)  # three standard deviations


def test_hashes_fill_every_bit():
    hashes = row_hash(batch([row(salary_in_usd=salary) for salary in range(1, 4001)]), salt="salaries")
    ones = [np.mean((hashes >> np.uint64(bit)) & np.uint64(1)) for bit in range(64)]
    np.testing.assert_allclose(ones, 0.5, atol=0.04)  # five standard deviations
    assert len(np.unique(hashes)) == len(hashes)


def test_test_then_valid_then_train_as_the_hash_grows():
    hashes = np.array([0, 2**62 - 1, 2**62, 2**63 - 1, 2**63, 2**64 - 1], np.uint64)
    assert assign(hashes, shares(valid=0.25, test=0.25)).tolist() == [2, 2, 1, 1, 0, 0]


def test_a_larger_valid_share_leaves_the_test_rows_alone():
    hashes = row_hash(batch(rows(100)), salt="salaries")
    small, large = (assign(hashes, shares(valid=share, test=0.2)) for share in (0.1, 0.5))
    assert ((small == 2) == (large == 2)).all()


def test_no_rows_have_no_splits():
    assert splits(["a broken line"]) == []


def real_splits(path):
    """The distinct rows of a real table with their splits."""
    part = one_part(path)
    (block,) = part.blocks()
    rows = clean(parse(block, part.columns)).rows
    split = assign(row_hash(rows, salt="salaries"), shares(valid=0.15, test=0.15))
    return pd.DataFrame(rows.to_pylist()).assign(split=split)


@pytest.mark.soak
@pytest.mark.real
def test_a_row_keeps_its_split_from_week_to_week_of_the_real_table(real_tables):
    weeks = [path.stem.removeprefix("salaries_") for path in real_tables]
    relabelled = weeks.index("2022-02-06")
    chosen = [*range(1, 30, 4), relabelled, weeks.index("2022-05-22"), weeks.index("2023-01-15"), len(weeks) - 1]
    for week in chosen:
        before, after = (real_splits(path).drop_duplicates() for path in real_tables[week - 1 : week + 1])
        both = before.merge(after, on=VALUES, suffixes=("_before", "_after"))
        assert len(both) > len(before) / 2, weeks[week]
        assert (both["split_before"] == both["split_after"]).all(), weeks[week]


@pytest.mark.real
def test_no_test_row_of_the_real_table_equals_a_training_row(real_tables):
    rows = real_splits(real_tables[-1])
    assert rows[VALUES].duplicated().mean() > 0.3
    assert (rows.groupby(VALUES)["split"].nunique() == 1).all()
