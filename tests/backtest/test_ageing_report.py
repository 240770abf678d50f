import numpy as np
import pytest

from pipeline.backtest.ageing import AGES, BLOCK, LEAST_BLOCKS, NewRows
from pipeline.backtest.ageing_report import ageing
from tests.backtest.test_ageing import week

NIGHTS = AGES[-1] + BLOCK * LEAST_BLOCKS


def weekly(*, older=1.0, later=lambda number: 100.0):
    """Weekly nights, enough to know all: what old models err, and the young as `later` says of their week."""
    return [
        NewRows(
            week(number),
            rows=10,
            champion_mse=100.0,
            mse={week(number - age): later(number - age) if age < 5 else 100.0 * older for age in (1, 2, 3, 4, 12, 26)},
        )
        for number in range(AGES[-1], NIGHTS)
    ]


@pytest.mark.parametrize(
    ("older", "verdict"),
    [
        (
            1.2,
            "1.200 times the squared error of the night's champion (95 % interval 1.200 to 1.200): beyond chance",
        ),
        (1.0, "the difference is within chance."),
        (0.9, "beyond chance, it is better."),
    ],
)
def test_the_oldest_models_are_judged(older, verdict):
    _, _, table, errs, _ = ageing(weekly(older=older), {})
    assert errs.startswith("A model at least 26 weeks old has ")
    assert verdict in errs
    assert table.splitlines()[2] == f"| 1 | 1.0 | {NIGHTS - 26} | {10 * (NIGHTS - 26)} | 1.000 | 1.000 to 1.000 |"
    assert [line.split()[1] for line in table.splitlines()[2:]] == ["1", "4", "12", "26"]


@pytest.mark.parametrize(
    ("score", "verdict"),
    [
        (
            lambda number: number,
            "is 1.000 (95 % interval 1.000 to 1.000): beyond chance, a better score foretold a smaller",
        ),
        (
            lambda number: -number,
            "is -1.000 (95 % interval -1.000 to -1.000): beyond chance, a better score foretold a lar",
        ),
        (
            np.random.default_rng(1).normal(size=NIGHTS).__getitem__,
            "within chance, so the score is not shown to foretell it.",
        ),
    ],
)
def test_what_the_test_score_foretold_is_judged(score, verdict):
    *_, foretells = ageing(weekly(later=float), {week(number): float(score(number)) for number in range(22, NIGHTS)})
    assert foretells.startswith(f"Over {NIGHTS - 26} models, the rank correlation (Spearman's) of their RMSE")
    assert verdict in foretells


def test_too_few_nights_are_said_in_words():
    _, _, table, errs, foretells = ageing(weekly()[:3], {week(25): 1.0})
    assert table.splitlines()[2] == "| 1 | 1.0 | 3 | 30 | 1.000 | too few nights |"
    assert errs.startswith("Whether models age cannot be told from so few nights: an interval needs nights in 8 blocks")
    assert foretells.startswith("What the test score foretells cannot be told from so few nights")
    title, *sentences = ageing([], {})
    assert (title, len(sentences)) == ("## How the score ages", 2)
