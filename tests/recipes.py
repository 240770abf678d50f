"""A recipe for the tests: the course's, small, with what a test wants different."""

from pipeline.params import Recipe, parse

COURSE = {
    "features": ["experience_level", "employment_type", "remote_ratio", "company_size"],
    "network": {"kind": "mlp", "hidden": [16, 8]},
    "loss": "mse",
    "equal_rows": "each",
    "optimizer": {"learning_rate": 0.001, "weight_decay": 0.0, "schedule": "constant"},
    "batch_size": 4,
    "epochs": 2,
    "patience": None,
    "keep": "last",
    "seed": 1,
}


def make_recipe(**changes) -> Recipe:
    return parse(Recipe, COURSE | changes, where="test")
