from dataclasses import replace

import numpy as np
import pytest

from benchmarks.accuracy.scores import OURS, SEEDED, Scores, comparison, report
from pipeline.evaluation.noise_floor import noise_floor

TARGETS, CELLS = np.array([100.0, 120.0, 300.0, 320.0]), np.array([0, 0, 1, 1])
SIGNS = np.array([1, -1, 1, -1])
CUT_OFF = Scores(
    train_rows=9,
    target=TARGETS,
    cells=CELLS,
    floor=noise_floor(TARGETS, cells=CELLS, rows=np.arange(4)),
    predictions={OURS: TARGETS[None] + SIGNS * 10, SEEDED: TARGETS[None] + SIGNS * 10, "rival": TARGETS[None] - 20},
)
"""Four rows in two cells; ours errs by 10 dollars each, the rival by 20."""


def test_the_table_has_each_error_as_a_multiple_of_ours_and_marks_the_chosen_rival():
    *_, ours, rival = comparison({"2023-01-01": CUT_OFF}, methods=[OURS, "rival"], bold="rival")
    assert ours == f"| {OURS} | 1 | 1 |"
    assert rival == "| **rival** | 4.000 (4.00–4.00) | 4.000 (4.00–4.00) |"


def test_an_error_is_its_level_and_its_shape():
    predictions = {OURS: TARGETS + np.array([[0.0, 10, 0, 10]]), "rival": TARGETS + np.array([[-20.0, -40, -20, -40]])}
    scores = replace(CUT_OFF, predictions=predictions | {SEEDED: predictions[OURS]})
    assert (scores.level("rival"), scores.shape_mse("rival")) == (-30, 100)
    for method in predictions:
        assert scores.level(method) ** 2 + scores.shape_mse(method) == scores.mse(method)
    lines = report({"2023-01-01": scores}, methods=[OURS, "rival"], tuned={"rival": 1.0}).splitlines()
    assert "| rival | -30 · 4.000 | 4.000 |" in lines


def test_what_is_not_installed_is_said_to_be():
    assert comparison({"2023-01-01": CUT_OFF}, methods=["boost"])[-1] == "| boost | not installed | not installed |"


def test_the_report_ends_with_ours_against_the_rival_chosen_and_the_best():
    predictions = {**CUT_OFF.predictions, "lucky": TARGETS[None] + 5}
    chosen, best, *_ = report(
        {"2023-01-01": replace(CUT_OFF, predictions=predictions)},
        methods=[OURS],
        tuned={"rival": 400.0, "lucky": 900.0},
    ).splitlines()[-4:]
    assert chosen == "full / rival, which forward validation chooses: 0.250 (0.25–0.25)"
    assert best == "full / the best rival in hindsight: 4.000 (4.00–4.00)"


def test_scores_are_in_dollars_and_of_several_fits_the_mean():
    predictions = {**CUT_OFF.predictions, OURS: np.stack([TARGETS + SIGNS * 10, TARGETS - SIGNS * 30])}
    scores = {"2023-01-01": replace(CUT_OFF, predictions=predictions)}
    assert f"| {OURS} | 5.000e+02 · 22 · 0.950 |" in report(scores, methods=[OURS], tuned={"rival": 400.0})


def test_the_floor_is_compared_on_the_rows_where_it_is_known():
    cells = np.array([0, 0, 1, 2])
    floor = noise_floor(TARGETS, cells=cells, rows=np.arange(4))
    errors = np.array([[20.0, 20.0, 1000.0, 1000.0]])
    assert replace(CUT_OFF, floor=floor, predictions={OURS: TARGETS + errors}).above_floor() == pytest.approx(400 / 200)


def test_the_report_says_where_no_floor_is_known():
    lines = report(
        {"known": CUT_OFF, "not": replace(CUT_OFF, floor=None)}, methods=[OURS], tuned={"rival": 400.0}
    ).splitlines()
    assert "| noise floor, where known | 2.000 (100% of rows) | unknown | 2.000 |" in lines
