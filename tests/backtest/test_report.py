"""The arithmetic of a replay's summary, by hand."""

import datetime
from dataclasses import replace

from pipeline.backtest.report import Replayed, summary
from pipeline.nights.night import NightResult
from pipeline.nights.record import NightOutcome, Record

START = datetime.date(2026, 1, 1)
FIRST = START - datetime.timedelta(days=1)


def replayed(number, *, rows, ours, first):
    """A night on which so many rows came, and the errors on them, in USD."""
    numbers = {"rows": 1000.0, "new_rows": rows, "champion_new_rows_mse_usd2": ours**2, "challenger_mse_usd2": 9e8}
    date = START + datetime.timedelta(days=number)
    record = Record(date, NightOutcome.PROMOTED, "better", "t", "p", numbers=numbers)
    return Replayed(date, NightResult(NightOutcome.PROMOTED, "better", record), {FIRST: first**2})


def test_the_errors_are_of_all_new_rows_and_not_of_all_nights():
    text = summary([replayed(0, rows=1.0, ours=70_000, first=80_000), replayed(1, rows=3.0, ours=10_000, first=40_000)])
    # sqrt((70² + 3 · 10²) / 4) = 36.056 and sqrt((80² + 3 · 40²) / 4) = 52.915 thousand
    assert "On the 4 rows that came" in text
    assert "RMSE is 36,056 USD; had the first model stayed, 52,915 USD." in text
    assert "| 2026-01-02 | promoted | 1,000 | 3 |  |  | 30,000 | 10,000 | 40,000 |  |" in text


def test_a_night_that_gave_no_new_rows_is_listed_and_not_counted():
    nothing = Replayed(START, NightResult(NightOutcome.FIRST, "there was no champion yet"), {})
    text = summary([nothing, replayed(1, rows=2.0, ours=50_000, first=60_000)])
    assert "| 2026-01-01 | first |  |  |  |  |  |  |  |" in text
    assert "On the 2 rows that came" in text
    assert "On the" not in summary([nothing])


def test_ageing_counts_only_rows_of_accepted_nights_so_that_none_counts_twice():
    one, other = replayed(7, rows=2.0, ours=50_000, first=60_000), replayed(14, rows=3.0, ours=50_000, first=60_000)
    kept = replace(one, result=replace(one.result, outcome=NightOutcome.KEPT))
    assert "| 1 | 1.6 | 2 | 5 | 1.440 | too few nights |" in summary([one, other])
    assert "| 1 | 2.1 | 1 | 3 | 1.440 | too few nights |" in summary([kept, other])
