"""Gradient boosting in its three usual makes, tuned as in `tuned_baselines.py`, with settings drawn from wide ranges.

Each gets the categories as such, the ordinals as numbers, the title's words if they help, as many trees as the
validation rows ask for (early stopping), and one thread.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from benchmarks.accuracy.tuned_baselines import (
    ROW_SETTINGS,
    YEAR,
    Predict,
    Rival,
    bag_of_words,
    fit_encoder,
    log_uniform_int,
    row_weights,
    uniform,
)
from pipeline.backtest.forward import CutOff
from pipeline.backtest.space import Settings, choice, log_uniform
from pipeline.data.encoding import Encoder
from pipeline.data.schema import FEATURES, ORDINALS, TARGET, WORDS

TREES, PATIENCE = 1500, 40
NOMINALS = [name for name in FEATURES if name not in ORDINALS]
Part = tuple[pd.DataFrame, np.ndarray]  # features and normalised target
Grow = Callable[[Part, Part, np.ndarray, Settings], Any]  # training part, validation part, weights → a model


def fit(cut_off: CutOff, settings: Settings, *, grow: Grow) -> Predict:
    """Grow trees on the training rows."""
    of_trees = dict(settings)
    encoder = fit_encoder(cut_off.train, min_count=of_trees.pop("min_count"))
    weights = row_weights(cut_off.train, of_trees.pop("equal_rows"))
    seen = {name: of_trees.pop(name) for name in ("words", "year")}
    of_train, of_valid = (
        (features(rows, encoder, **seen), encoder.scaling.normalise(rows[TARGET].to_numpy()))
        for rows in (cut_off.train, cut_off.valid)
    )
    model = grow(of_train, of_valid, weights, of_trees)
    return lambda rows: encoder.scaling.denormalise(model.predict(features(rows, encoder, **seen)))


def features(rows: pa.RecordBatch, encoder: Encoder, *, words: bool, year: bool) -> pd.DataFrame:
    """What the trees see. The year is the number itself: to a tree, one newer than any in training is the newest."""
    codes, sizes = encoder.encode(rows), encoder.sizes()
    columns: dict[str, Any] = {name: pd.Categorical(codes[name], categories=range(sizes[name])) for name in NOMINALS}
    columns |= {name: codes[name] for name in ORDINALS if name != YEAR}
    if year:
        columns[YEAR] = np.array(rows[YEAR].to_pylist())
    if words:
        bag = bag_of_words(codes, size=sizes[WORDS[0]])
        columns |= {f"word_{word}": bag[:, word] for word in range(bag.shape[1])}
    return pd.DataFrame(columns)


def lightgbm(train: Part, valid: Part, weights: np.ndarray, settings: Settings) -> Any:  # noqa: ANN401 (untyped)
    """LightGBM, with its own splits of categories."""
    import lightgbm

    model = lightgbm.LGBMRegressor(
        n_estimators=TREES, n_jobs=1, random_state=0, subsample_freq=1, verbose=-1, **settings
    )
    stop = lightgbm.early_stopping(PATIENCE, verbose=False)
    return model.fit(*train, sample_weight=weights, eval_X=valid[0], eval_y=valid[1], callbacks=[stop])


def xgboost(train: Part, valid: Part, weights: np.ndarray, settings: Settings) -> Any:  # noqa: ANN401 (untyped)
    """XGBoost, with its own splits of categories."""
    import xgboost

    model = xgboost.XGBRegressor(
        n_estimators=TREES,
        n_jobs=1,
        random_state=0,
        tree_method="hist",
        enable_categorical=True,
        early_stopping_rounds=PATIENCE,
        **settings,
    )
    return model.fit(*train, sample_weight=weights, eval_set=[valid], verbose=False)


def catboost(train: Part, valid: Part, weights: np.ndarray, settings: Settings) -> Any:  # noqa: ANN401 (untyped)
    """CatBoost, with its ordered target statistics of categories."""
    import catboost

    model = catboost.CatBoostRegressor(
        iterations=TREES,
        thread_count=1,
        random_seed=0,
        cat_features=NOMINALS,
        early_stopping_rounds=PATIENCE,
        verbose=False,
        allow_writing_files=False,
        **settings,
    )
    return model.fit(*train, sample_weight=weights, eval_set=valid)


SPACES: Mapping[str, Mapping[str, Any]] = {
    "lightgbm": {
        "learning_rate": log_uniform(0.02, 0.15),
        "num_leaves": log_uniform_int(4, 64),
        "min_child_samples": log_uniform_int(3, 80),
        "reg_lambda": log_uniform(0.01, 30),
        "subsample": uniform(0.5, 1),
        "colsample_bytree": uniform(0.3, 1),
        "cat_smooth": log_uniform(1, 100),
        "cat_l2": log_uniform(0.1, 50),
        "max_cat_to_onehot": choice(4, 64, 1000),
        "min_data_per_group": log_uniform_int(3, 100),
    },
    "xgboost": {
        "learning_rate": log_uniform(0.02, 0.2),
        "max_depth": log_uniform_int(2, 8),
        "min_child_weight": log_uniform(1, 50),
        "reg_lambda": log_uniform(0.1, 30),
        "subsample": uniform(0.5, 1),
        "colsample_bytree": uniform(0.3, 1),
        "max_cat_to_onehot": choice(4, 64, 1000),
    },
    "catboost": {
        "learning_rate": log_uniform(0.04, 0.2),
        "depth": log_uniform_int(3, 7),
        "l2_leaf_reg": log_uniform(0.5, 30),
        "random_strength": log_uniform(0.1, 5),
        "bagging_temperature": uniform(0, 1),
        "one_hot_max_size": choice(2, 12, 300),
    },
}
GROW: Mapping[str, Grow] = {"lightgbm": lightgbm, "xgboost": xgboost, "catboost": catboost}
BOOSTERS = {
    name: Rival({**space, "words": choice(False, True), **ROW_SETTINGS}, partial(fit, grow=GROW[name]), name)
    for name, space in SPACES.items()
}
