import numpy as np
import pytest

from pipeline.data.encoding import Encoder, Scaling
from pipeline.data.schema import FEATURES, TARGET
from pipeline.evaluation.bootstrap import BLOCKS
from pipeline.evaluation.fairness import MIN_CELLS, Group, audit, groups_of
from tests.support.splits import in_blocks, in_cells

ENCODER = Encoder(dict.fromkeys(FEATURES, tuple("ABCDEFG")), (), Scaling("standard", 1e5, 5e4))
LIMITS = {"bias_share": 0.05, "error_ratio": 1.25}
ROWS = 2000


def make_test(rows=ROWS, *, target=100_000):
    """Rows of which each is a cell of its own, with targets of this amount; the first half of another size."""
    columns = {name: np.ones(rows, np.int64) for name in FEATURES}
    sizes = 1 + (np.arange(rows) >= rows // 2)
    titles, places = np.divmod(np.arange(rows), 1000)
    return {
        **columns,
        "job_title": titles,
        "employee_residence": places,
        "company_size": sizes,
        TARGET: np.full(rows, target),
    }


def noise(rows=ROWS, *, scale=10_000.0):
    return np.random.default_rng(1).normal(0, scale, rows)


HALVES = [Group("one", "company_size", np.array([1])), Group("other", "company_size", np.array([2]))]


def audited(errors, *, test=None, groups=HALVES, min_rows=30, size=700):
    """The audit of rows that are so much too high."""
    test = make_test(len(errors)) if test is None else test
    rows, cells = in_cells(test, FEATURES, into="feature_cell")
    blocks = in_blocks(rows | {"predicted": test[TARGET] + errors}, size)
    return audit(blocks, cells, groups, limits=LIMITS, min_rows=min_rows)


def found(errors, **options):
    return audited(errors, **options).set_index("group")


def found_of(errors, *, few):
    """The audit of the last few rows alone."""
    test = make_test(len(errors))
    test["company_size"] = 2 - (np.arange(len(errors)) >= len(errors) - few)
    return found(errors, test=test, groups=HALVES[:1])


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
    assert found_of(errors, few=100)["verdict"].tolist() == ["beyond by bias and error"]


def test_an_interval_with_the_limit_inside_tells_nothing():
    errors = noise(60, scale=30_000.0)
    errors += 5_000 - errors.mean()
    table = found_of(errors, few=60)
    assert table["verdict"].tolist() == ["too few rows to tell"]
    assert (table["bias_share_low"] < 0.05).all()
    assert (table["bias_share_high"] > 0.05).all()


def test_fewer_rows_than_asked_for_tell_nothing_however_wrong_the_model_is():
    errors = np.full(ROWS, 90_000.0)
    assert found_of(errors, few=29)["verdict"].tolist() == ["too few rows to tell"]
    assert found_of(errors, few=30)["verdict"].tolist() == ["beyond by bias"]


def test_copies_of_a_few_rows_tell_nothing():
    test = make_test()
    test |= {"job_title": np.arange(ROWS) % (MIN_CELLS - 1), "employee_residence": np.ones(ROWS)}
    table = found(np.full(ROWS, 90_000.0), test=test)
    assert table["verdict"].tolist() == ["too few rows to tell"] * 2


def test_equal_rows_are_drawn_together_so_copies_narrow_no_interval():
    errors, test = noise(100), make_test(100)
    copies = {name: np.repeat(column, 10) for name, column in test.items()}
    alone, together = found(errors, min_rows=1), found(np.repeat(errors, 10), test=copies)
    assert together["bias_share_low"].tolist() == pytest.approx(alone["bias_share_low"].tolist())


def test_many_cells_are_drawn_in_blocks_with_intervals_as_wide_as_theory_says():
    rows = 40 * BLOCKS
    table = found(noise(rows))
    half_width = (table["bias_share_high"] - table["bias_share_low"]).to_numpy() / 2
    assert half_width == pytest.approx(np.full(2, 1.96 * 0.1 / np.sqrt(rows / 2)), rel=0.1)


def test_without_groups_there_is_a_table_with_a_header_alone():
    table = audited(noise(), groups=[])
    assert not len(table)
    assert {"group", "bias_share_low", "error_ratio_limit", "verdict"} <= set(table)


def test_a_perfect_model_is_within_all_limits():
    assert found(np.zeros(ROWS))["verdict"].tolist() == ["within", "within"]


def test_rare_values_are_one_group_that_names_a_few_of_them():
    def names(codes):
        _, cells = in_cells({"company_size": np.array(codes)}, ["company_size"], into="feature_cell")
        groups = groups_of("company_size", cells, encoder=ENCODER, min_rows=3)
        return {group.name: (group.codes.tolist(), group.rows(cells)) for group in groups}

    assert names([1, 1, 1, 2, 0]) == {"company_size=A": ([1], 3), "company_size=(unknown), B": ([0, 2], 2)}
    assert names([1, 1, 1, 2]) == {"company_size=A": ([1], 3), "company_size=B": ([2], 1)}
    assert names([1, 2, 3, 4, 4]) == {"company_size=(4 rarer)": ([1, 2, 3, 4], 5)}


def test_blocks_of_any_size_give_the_same_bytes():
    first, *others = (found(noise(), size=size) for size in (1, 333, ROWS))
    assert all(first.equals(other) for other in others)


def test_it_is_the_same_every_time():
    assert found(noise()).equals(found(noise()))
