from dataclasses import replace

import numpy as np
import pytest

from benchmarks.accuracy.scores import OURS, SEEDED, Scores, comparison, report
from pipeline.evaluation.noise_floor import noise_floor

TARGETS, CELLS = np.array([100.0, 120.0, 300.0, 320.0]), np.array([0, 0, 1, 1])
CUT_OFF = Scores(
    train_rows=9,
    target=TARGETS,
    cells=CELLS,
    floor=noise_floor(TARGETS, cells=CELLS, rows=np.arange(4)),
    predictions={OURS: TARGETS[None] + 10, SEEDED: TARGETS[None] + 10, "rival": TARGETS[None] - 20},
    tuned={"rival": 400.0},
)
"""Four rows in two cells; ours errs by 10 dollars each, the rival by 20."""


def test_the_table_has_each_error_as_a_multiple_of_ours_and_marks_the_choice_of_the_validation_rows():
    scores = {"2023-01-01": replace(CUT_OFF, tuned={"rival": 400.0, "lucky": 900.0})}
    *_, ours, rival = comparison(scores, methods=[OURS, "rival"])
    assert ours == f"| {OURS} | 1 | 1 |"
    assert rival == "| rival | **4.000 (4.00–4.00)** | 4.000 (4.00–4.00) |"


def test_what_is_not_installed_is_said_to_be():
    assert comparison({"2023-01-01": CUT_OFF}, methods=["boost"])[-1] == "| boost | not installed | not installed |"


def test_the_report_ends_with_ours_against_the_rival_chosen_and_the_best():
    predictions = {**CUT_OFF.predictions, "lucky": TARGETS[None] + 5}
    chosen, best, *_ = report(
        {"2023-01-01": replace(CUT_OFF, predictions=predictions, tuned={"rival": 400.0, "lucky": 900.0})},
        methods=[OURS],
    ).splitlines()[-4:]
    assert chosen == "full / the rival that the validation rows choose: 0.250 (0.25–0.25)"
    assert best == "full / the best rival in hindsight: 4.000 (4.00–4.00)"


def test_scores_are_in_dollars_and_of_several_fits_the_mean():
    predictions = {**CUT_OFF.predictions, OURS: np.stack([TARGETS + 10, TARGETS - 30])}
    scores = {"2023-01-01": replace(CUT_OFF, predictions=predictions)}
    assert f"| {OURS} | 5.000e+02 · 22 · 0.950 |" in report(scores, methods=[OURS])


def test_the_floor_is_compared_on_the_rows_where_it_is_known():
    cells = np.array([0, 0, 1, 2])
    floor = noise_floor(TARGETS, cells=cells, rows=np.arange(4))
    errors = np.array([[20.0, 20.0, 1000.0, 1000.0]])
    assert replace(CUT_OFF, floor=floor, predictions={OURS: TARGETS + errors}).above_floor() == pytest.approx(400 / 200)


def test_the_report_says_where_no_floor_is_known():
    lines = report({"known": CUT_OFF, "not": replace(CUT_OFF, floor=None)}, methods=[OURS]).splitlines()
    assert "| noise floor, where known | 2.000 (100% of rows) | unknown | 2.000 |" in lines
