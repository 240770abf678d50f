from pipeline.evaluation import fairness
from pipeline.reporting import verdicts
from tests.support.reports import GROUP, TABLES, make_result


def test_the_most_important_feature_comes_first_with_its_interval_and_its_costs(tmp_path):
    header, *rows = verdicts.features(make_result(tmp_path))
    assert dict(zip(header, rows[0], strict=True)) == {
        "feature": "job_title",
        "verdict": "earns its place",
        "squared error grows by": "30.0 %",
        "95 % interval": "25.0 % to 40.0 %",
        "codes": "1,062",
        "parameters": "5,779",
        "rows unseen": "25.0 %",
    }
    assert rows[1][:4] == ["company_size", "no gain shown", "-1.0 %", "-1.5 % to 0.5 %"]


def test_a_feature_whose_interval_reaches_zero_is_named_with_what_it_costs(tmp_path):
    assert verdicts.features_verdict(make_result(tmp_path)) == (
        "Not shown to earn their place, as their intervals reach zero: company_size (4 codes, 1,196 parameters, unseen"
        " values in 6.2 % of the test rows)."
    )


def test_zero_itself_is_no_gain_and_above_it_is_one(tmp_path):
    first, second = TABLES["importance"]
    at_zero = [first | {"mse_increase_low_usd2": 0.0}, second]
    assert "company_size" in verdicts.features_verdict(make_result(tmp_path / "0", importance=at_zero))
    above = [first | {"mse_increase_low_usd2": 1.0}, second]
    said = verdicts.features_verdict(make_result(tmp_path / "1", importance=above))
    assert said == "Every feature earns its place: no interval reaches zero."


def test_each_group_has_its_bias_its_error_and_a_verdict(tmp_path):
    header, *rows = verdicts.fairness(make_result(tmp_path))
    assert rows[0] == [
        "company_size=S", "beyond by bias", "41",
        "-$1,234", "-6.2 %", "-12.5 % to -5.0 %",
        "$31,313", "1.50", "1.25 to 1.75",
    ]  # fmt: skip
    assert [row[1] for row in rows] == ["beyond by bias", "within", "too few rows to tell"]
    assert len(header) == len(rows[0])


def test_the_groups_beyond_the_limits_are_named_and_the_others_counted(tmp_path):
    assert verdicts.fairness_verdict(make_result(tmp_path)) == (
        "Beyond the limits (a bias of 5.0 % of their mean salary, 1.25 times the error of all): 1 of 3 groups:"
        " company_size=S (bias). Within them: 1. Too few rows to tell: 1."
    )
    fair = [GROUP | {"group": "company_size=M", "rows": 299, "verdict": "within"}]
    said = verdicts.fairness_verdict(make_result(tmp_path / "fair", fairness=fair))
    assert said.endswith(" of all): 0 of 1 groups. Within them: 1. Too few rows to tell: 0.")


def test_a_contract_that_audits_nothing_is_told(tmp_path):
    assert verdicts.fairness_verdict(make_result(tmp_path, fairness=[])) == verdicts.NO_GROUPS


def test_the_words_of_a_verdict_are_those_that_evaluate_writes():
    assert (verdicts.WITHIN, verdicts.BEYOND) == (fairness.WITHIN, fairness.BEYOND)
