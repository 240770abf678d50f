"""Trains compiled with many kinds of settings; `python -m tests.support.compiled` prints each one's hash."""

import hashlib
from dataclasses import replace

from pipeline.data.encoding import Scaling
from tests.support.recipes import EMBEDDING, ENCODER, make_recipe, make_training

ROWS = 300
STEADIED = {"schedule": "cosine", "clip_norm": 0.05, "ema_decay": 0.9, "weight_decay": 0.1}
ONE_CYCLE = {"schedule": "one_cycle", "betas": [0.9, 0.99], "learning_rate": 0.01}
LOG1P, MINMAX = Scaling("log1p", 11.7, 0.5), Scaling("minmax", 15_000.0, 400_000.0)
WIDE_EMBEDDING = EMBEDDING | {"network": {**EMBEDDING["network"], "width": 16, "hidden": [128, 128]}}


def plain(*hidden, **changes):
    return {"network": {"kind": "mlp", "hidden": list(hidden)}, **changes}


MATRIX = {
    "one row": (plain(16, 8, batch_size=1), ENCODER.scaling),
    "steadied": (plain(16, 8, batch_size=7, optimizer=STEADIED), ENCODER.scaling),
    "wide": (plain(64, 64, batch_size=64, optimizer=ONE_CYCLE), ENCODER.scaling),
    "wider": (plain(300, 130, batch_size=150, optimizer=STEADIED, equal_rows="once"), ENCODER.scaling),
    "embedding": (EMBEDDING | {"batch_size": 32, "equal_rows": "once", "optimizer": ONE_CYCLE}, LOG1P),
    "wide embedding": (WIDE_EMBEDDING | {"batch_size": 100, "optimizer": STEADIED}, MINMAX),
}


def weights_hash(name: str) -> str:
    """The SHA-256 of the weights that settings of the matrix end with."""
    changes, scaling = MATRIX[name]
    recipe = make_recipe(engine="compiled", **changes)
    states = make_training(recipe, rows=ROWS, encoder=replace(ENCODER, scaling=scaling)).run()
    return hashlib.sha256(states[-1].kept_weights.numpy().tobytes()).hexdigest()


if __name__ == "__main__":
    for name in MATRIX:
        print(f"{name}: {weights_hash(name)}", flush=True)
