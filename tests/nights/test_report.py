import datetime
import re
from dataclasses import replace

import pytest

from pipeline import params
from pipeline.nights.drift import Measure, judge
from pipeline.nights.limits import limited
from pipeline.nights.record import NightOutcome
from pipeline.nights.report import (
    FAIRNESS,
    PUBLISHED,
    SENTENCES,
    changes,
    lead,
    markdown,
    measure_rows,
    rollback_markdown,
)
from tests.nights.test_record import RECORD as PLAIN
from tests.support.work_tree import ROOT

LIMITS = params.load(params.Nightly, "nightly", file=ROOT / "params.yaml").drift
FAR, NEAR = Measure("rows_gone", "", 0.004), Measure("target_mean", "salary_in_usd", 0.085)
OLD = Measure("new_categories", "job_title", 0.0)
WARNS, STOPS = Measure("stability_index", "work_year", 0.31), Measure("new_categories", "job_title", 0.4)
RECORD = replace(
    PLAIN,
    drift=judge([FAR, NEAR, WARNS, OLD], limits=LIMITS),
    numbers={
        "rows": 1557,
        "rows_quarantined": 3,
        "new_rows": 40.0,
        "challenger_mse_usd2": 49_000.0**2,
        "champion_mse_usd2": 50_000.0**2,
        "champion_new_rows_mse_usd2": 60_000.0**2,
    },
)
FOLDED = re.compile(r"<details>.*?</details>", re.DOTALL)


def with_measures(*measures, **changed):
    return replace(RECORD, drift=judge(measures, limits=LIMITS), **changed)


@pytest.mark.parametrize("outcome", NightOutcome)
def test_each_outcome_has_one_sentence_of_its_own_that_says_whether_anybody_is_needed(outcome):
    sentence = SENTENCES[outcome]
    assert re.fullmatch(r"[A-Z][^.]+\.", sentence)
    needed = [word for word in ("nobody is needed", "somebody is needed") if word in sentence]
    assert needed == ["somebody is needed" if outcome.needs_somebody else "nobody is needed"]
    assert list(SENTENCES.values()).count(sentence) == 1


def test_the_lead_counts_what_is_beyond_a_limit_and_what_is_near():
    promoted = SENTENCES[NightOutcome.PROMOTED]
    assert lead(RECORD) == f"{promoted} 1 measure is beyond a limit, 1 measure is near a limit."
    assert lead(with_measures(WARNS, STOPS)) == f"{promoted} 2 measures are beyond a limit."
    assert lead(with_measures(FAR)) == promoted


def test_three_lines_say_what_changed():
    rows, columns, score = changes(RECORD)
    assert rows == "Rows: 1,557, 40 of them new, 0.4 % of yesterday's have gone, 3 in quarantine."
    assert columns == "Columns: no value in all rows that yesterday's table did not have."
    assert score == "Score: RMSE 49,000 USD, the champion's 50,000 (-2.0 %), the champion's on the new rows 60,000."


def test_new_values_are_named_by_their_columns_those_of_most_rows_first():
    whole = [
        Measure("new_categories", column, share)
        for column, share in (("company_size", 0.01), ("job_title", 0.02), ("work_year", 0.0))
    ]
    assert changes(with_measures(*whole))[1] == "Columns: of all rows, 2.0 % a new job_title, 1.0 % a new company_size."
    unseen = with_measures(*whole, Measure("unseen_values", "job_title", 0.5, least=0.4))
    assert changes(unseen)[1] == "Columns: of the new rows, 50.0 % a new job_title."
    slow = replace(whole[1], value=0.5, since=datetime.date(2025, 1, 31))
    assert "50.0 %" not in changes(with_measures(*whole, slow))[1]
    nothing = with_measures(*whole, Measure("unseen_values", "job_title", 0.0, least=0.0))
    assert changes(nothing)[1] == "Columns: no value in the new rows that yesterday's table did not have."


def test_a_night_that_compared_nothing_says_so():
    rejected = replace(with_measures(), decision=NightOutcome.REJECTED, numbers={})
    assert changes(rejected) == [
        "Rows: unknown, as the table could not be read.",
        "Columns: not compared with those of another table.",
        "Score: no model was trained.",
    ]


def test_groups_that_the_model_is_unfair_to_are_one_line_more():
    assert changes(replace(RECORD, numbers={FAIRNESS: 2}))[3:] == [
        "Fairness: tonight's model is beyond the limits for 2 groups of people."
    ]
    assert not changes(replace(RECORD, numbers={FAIRNESS: 0}))[3:]


def test_a_measure_near_or_beyond_a_limit_stands_beside_it_and_the_others_are_folded_away():
    text = markdown(RECORD)
    seen, folded = FOLDED.sub("", text), "".join(FOLDED.findall(text))
    assert "| stability_index of work_year | 0.31 | 0.31 | 0.25 | 1 | beyond the warning limit |" in seen
    assert "| target_mean of salary_in_usd | 8.5 % | 8.5 % | 10 % | 30 % | at 85 % of the limit |" in seen
    assert "rows_gone" not in seen
    assert "| rows_gone | 0.4 % | 0.4 % | 2 % | 20 % | far from them |" in folded
    assert "<summary>Measures far from their limits: 2</summary>" in folded
    assert "| challenger_rmse_usd | 49,000 |" in folded
    assert "_mse_" not in text


def test_what_counts_of_a_measure_of_new_rows_is_what_is_beyond_chance():
    _, row = measure_rows(limited(with_measures(Measure("new_rows_bias", "", 0.045, least=0.031)).drift))
    assert row == ["new_rows_bias", "4.5 %", "3.1 %", "3 %", "none", "beyond the warning limit"]


def test_the_report_begins_with_the_night_what_happened_and_why():
    text = markdown(with_measures())
    assert text.startswith(
        f"# The night of 2026-01-31: promoted\n\n{SENTENCES[NightOutcome.PROMOTED]}\n\nits error is fine\n\n- Rows: "
    )
    assert text.endswith("- champion: md5 `c.dir`\n- challenger: md5 `d.dir`\n")
    assert "Beyond a limit" not in text


def test_it_says_that_later_nights_may_have_published_nothing():
    assert f"\n\n{PUBLISHED}\n\n" in markdown(RECORD)


def test_a_rollback_has_a_report_that_names_the_tag():
    text = rollback_markdown("2026-02-01", tag="nightly-2026-01-30")
    assert text.startswith(
        "# The rollback of 2026-02-01\n\nAn operator went back to nightly-2026-01-30, and nothing else"
    )
