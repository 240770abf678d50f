import numpy as np
import pytest

from pipeline.data.encoding import Encoder, Scaling
from pipeline.data.schema import FEATURES, TARGET
from pipeline.evaluation.bootstrap import BLOCKS
from pipeline.evaluation.fairness import MIN_CELLS, Group, audit, groups_of

ENCODER = Encoder(dict.fromkeys(FEATURES, tuple("ABCDEFG")), (), Scaling("standard", 1e5, 5e4))
LIMITS = {"bias_share": 0.05, "error_ratio": 1.25}
ROWS = 2000


def make_test(rows=ROWS, *, target=100_000):
    """Rows of which each is a cell of its own, with targets of this amount."""
    columns = {name: np.ones(rows, np.int64) for name in FEATURES}
    return {**columns, "job_title": np.arange(rows), TARGET: np.full(rows, target)}


def noise(rows=ROWS, *, scale=10_000.0):
    return np.random.default_rng(1).normal(0, scale, rows)


def halves(rows=ROWS):
    return [Group("one", np.arange(rows // 2)), Group("other", np.arange(rows // 2, rows))]


def found(errors, *, test=None, groups=None, min_rows=30):
    test = make_test(len(errors)) if test is None else test
    groups = halves(len(errors)) if groups is None else groups
    return audit(test, errors, groups, limits=LIMITS, min_rows=min_rows).set_index("group")


def test_a_model_that_is_as_right_about_all_is_within_the_limits():
    table = found(noise())
    assert table["verdict"].tolist() == ["within", "within"]
    assert table["rows"].tolist() == [1000, 1000]


def test_a_bias_is_a_share_of_the_groups_own_mean_and_beyond_the_limit_on_either_side():
    errors = noise() + np.repeat([8_000.0, -8_000.0], ROWS // 2)
    table = found(errors)
    assert table["verdict"].tolist() == ["beyond by bias", "beyond by bias"]
    assert table["bias_usd"].tolist() == pytest.approx([errors[:1000].mean(), errors[1000:].mean()])
    assert table["bias_share"].tolist() == pytest.approx((table["bias_usd"] / 100_000).tolist())
    assert (table["bias_share_low"] < table["bias_share"]).all()
    assert (table["bias_share"] < table["bias_share_high"]).all()


def test_the_same_bias_weighs_more_where_the_targets_are_small():
    test = make_test()
    test[TARGET] = np.repeat([50_000, 150_000], ROWS // 2)
    table = found(noise(scale=1_000.0) + 4_000, test=test)
    assert table["verdict"].str.contains("bias").tolist() == [True, False]
    assert table["bias_share"].tolist() == pytest.approx([0.08, 4 / 150], abs=0.002)


def test_an_error_is_beyond_the_limit_if_it_is_so_many_times_that_of_all():
    errors = noise() * np.repeat([1.0, 3.0], ROWS // 2)
    table = found(errors)
    assert table["verdict"].tolist() == ["within", "beyond by error"]
    assert table.loc["other", "mae_usd"] == pytest.approx(np.abs(errors[1000:]).mean())
    assert table.loc["other", "error_ratio"] == pytest.approx(np.abs(errors[1000:]).mean() / np.abs(errors).mean())


def test_a_group_may_be_beyond_both():
    errors = np.concatenate([noise(ROWS - 100), noise(100) * 5 + 30_000])
    groups = [Group("few", np.arange(ROWS - 100, ROWS))]
    assert found(errors, groups=groups)["verdict"].tolist() == ["beyond by bias and error"]


def test_an_interval_with_the_limit_inside_tells_nothing():
    errors = noise(60, scale=30_000.0)
    errors += 5_000 - errors.mean()
    table = found(errors, groups=[Group("all", np.arange(60))])
    assert table["verdict"].tolist() == ["too few rows to tell"]
    assert (table["bias_share_low"] < 0.05).all()
    assert (table["bias_share_high"] > 0.05).all()


def test_fewer_rows_than_asked_for_tell_nothing_however_wrong_the_model_is():
    errors = np.full(ROWS, 90_000.0)
    assert found(errors, groups=[Group("few", np.arange(29))])["verdict"].tolist() == ["too few rows to tell"]
    assert found(errors, groups=[Group("few", np.arange(30))])["verdict"].tolist() == ["beyond by bias"]


def test_copies_of_a_few_rows_tell_nothing():
    test = make_test()
    test["job_title"] = np.arange(ROWS) % (MIN_CELLS - 1)
    table = found(np.full(ROWS, 90_000.0), test=test)
    assert table["verdict"].tolist() == ["too few rows to tell"] * 2


def test_equal_rows_are_drawn_together_so_copies_narrow_no_interval():
    errors, test = noise(100), make_test(100)
    copies = {name: np.repeat(column, 10) for name, column in test.items()}
    everyone = [Group("all", np.arange(1000))]
    alone = found(errors, groups=[Group("all", np.arange(100))])
    together = found(np.repeat(errors, 10), test=copies, groups=everyone)
    assert together["bias_share_low"].tolist() == pytest.approx(alone["bias_share_low"].tolist())


def test_many_cells_are_drawn_in_blocks_with_intervals_as_wide_as_theory_says():
    rows = 40 * BLOCKS
    table = found(noise(rows))
    half_width = (table["bias_share_high"] - table["bias_share_low"]).to_numpy() / 2
    assert half_width == pytest.approx(np.full(2, 1.96 * 0.1 / np.sqrt(rows / 2)), rel=0.1)


def test_without_groups_there_is_a_table_with_a_header_alone():
    table = audit(make_test(), noise(), [], limits=LIMITS, min_rows=30)
    assert not len(table)
    assert {"group", "bias_share_low", "error_ratio_limit", "verdict"} <= set(table)


def test_a_perfect_model_is_within_all_limits():
    assert found(np.zeros(ROWS))["verdict"].tolist() == ["within", "within"]


def test_rare_values_are_one_group_that_names_a_few_of_them():
    def names(codes):
        groups = groups_of("company_size", np.array(codes), encoder=ENCODER, min_rows=3)
        return {group.name: group.members.tolist() for group in groups}

    assert names([1, 1, 1, 2, 0]) == {"company_size=A": [0, 1, 2], "company_size=(unknown), B": [3, 4]}
    assert names([1, 1, 1, 2]) == {"company_size=A": [0, 1, 2], "company_size=B": [3]}
    assert names([1, 2, 3, 4, 4]) == {"company_size=(4 rarer)": [0, 1, 2, 3, 4]}


def test_it_is_the_same_every_time():
    assert found(noise()).equals(found(noise()))
