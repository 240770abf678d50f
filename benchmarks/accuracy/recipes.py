"""The shipped recipes as methods among others: `full` with the settings that may be tuned."""

from benchmarks.accuracy.tuned_baselines import Predict, Rival
from pipeline import params
from pipeline.backtest.forward import CutOff
from pipeline.backtest.space import SPACES, Settings, choice, with_settings
from pipeline.model.bundle import Bundle
from pipeline.tune import train_in

WITHOUT_YEAR = [
    *("experience_level", "employment_type", "job_title", "employee_residence"),
    *("remote_ratio", "company_location", "company_size"),
]
SPACE = {**SPACES["embedding"], "features": choice(WITHOUT_YEAR, ["work_year", *WITHOUT_YEAR])}
"""What `full` may try, by paths in its block of params.yaml: as in `make tune`, but for the features."""


def full() -> Rival:
    """`full` as params.yaml has it, but for the settings that it is fitted with."""
    return Rival(SPACE, lambda cut_off, settings: _predict(train_full(cut_off, settings)), "torch")


def train_full(cut_off: CutOff, settings: Settings) -> Bundle:
    """`full` with these settings, trained on the cut-off's training rows."""
    recipe = params.load(params.Recipe, "recipes", "full")
    return train_in(cut_off.prepared, with_settings(recipe, settings))


def course(cut_off: CutOff) -> Predict:
    """What `course`, trained on the cut-off's training rows, predicts."""
    return _predict(train_in(cut_off.prepared, params.load(params.Recipe, "recipes", "course")))


def _predict(bundle: Bundle) -> Predict:
    return lambda rows: bundle.predict(bundle.encoder.encode(rows))
