"""The shipped recipes as methods among others: `full` with the settings that may be tuned."""

from benchmarks.accuracy.tuned_baselines import Predict, Rival
from pipeline import params
from pipeline.backtest.forward import CutOff
from pipeline.backtest.space import SPACES, choice, with_settings
from pipeline.tune import train_in

WITHOUT_YEAR = [
    *("experience_level", "employment_type", "job_title", "employee_residence"),
    *("remote_ratio", "company_location", "company_size"),
]
SPACE = {**SPACES["embedding"], "features": choice(WITHOUT_YEAR, ["work_year", *WITHOUT_YEAR])}
"""What `full` may try, by paths in its block of params.yaml: as in `make tune`, but for the features."""


def full() -> Rival:
    """`full` as params.yaml has it, but for the settings that it is fitted with."""
    recipe = params.load(params.Recipe, "recipes", "full")
    return Rival(SPACE, lambda cut_off, settings: _train(with_settings(recipe, settings), cut_off), "torch")


def course(cut_off: CutOff) -> Predict:
    """What `course`, trained on the cut-off's training rows, predicts."""
    return _train(params.load(params.Recipe, "recipes", "course"), cut_off)


def _train(recipe: params.Recipe, cut_off: CutOff) -> Predict:
    bundle = train_in(cut_off.prepared, recipe)
    return lambda rows: bundle.predict(bundle.encoder.encode(rows))
