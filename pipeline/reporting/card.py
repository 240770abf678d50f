"""The model card: what a bundle is for, how good it is, whom it is wrong about, and where not to trust it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import Template
from typing import Any

from pipeline.data import schema
from pipeline.data.schema import MAE, RMSE, in_unit
from pipeline.reporting import markdown as md
from pipeline.reporting import summary, verdicts
from pipeline.reporting.front_matter import front_matter
from pipeline.reporting.run_results import RecipeResult
from pipeline.reporting.summary import Rows, money, percent
from pipeline.runtime import escape

SPLITS = {"train": "training", "valid": "validation", "test": "test"}


@dataclass(frozen=True)
class Origin:
    """Where a bundle comes from: the raw table's name and hash, and the facts of its training."""

    table: str
    table_sha256: str
    is_of_etags: bool  # the hash: the table is at a URL
    provenance: Mapping[str, Any]
    uncalibrated: Sequence[int]  # the percents of intervals for which the validation rows were too few


def card(result: RecipeResult, origin: Origin) -> str:
    """The card as Markdown, behind front matter as model hubs read it.

    What it says of the table and its target are the data contract's constants, by their own names; all numbers are the
    result's. The result needs no table of the training.
    """
    numbers, (features, fairness) = result.metrics, map(md.verdict, verdicts.parts(result))
    too_few = (f"\nThe validation rows were too few for {level} %." for level in origin.uncalibrated)
    levels = summary.interval_levels(numbers)
    return TEMPLATE.substitute(
        vars(schema) | vars(summary),
        front_matter=front_matter(result, table=origin.table, sha256=origin.table_sha256),
        smallest=f"{schema.SMALLEST:,}",
        largest=f"{schema.LARGEST:,}",
        name=result.name,
        network=result.recipe.network.kind,
        recipe_features=", ".join(result.recipe.features),
        percents=" and ".join(f"{level} %" for level in levels),
        too_few="".join(too_few),
        table=escape.markdown(origin.table),
        table_hash=f"SHA-256{' of etags' * origin.is_of_etags} is `{origin.table_sha256}`",
        rows=f"{sum(numbers[f'{split}_rows'] for split in SPLITS):,}",
        files=md.table(_files(numbers, origin)),
        reproducibility=origin.provenance["reproducibility"],
        epoch=origin.provenance["kept_epoch"],
        scores=md.table(_scores(result)),
        baselines=md.table(summary.scores([result])),
        intervals=md.table(_intervals(numbers, levels)),
        coverage=md.table(summary.coverage(result)),
        worst=_slices(summary.worst_slices(result)),
        most=_slices(summary.largest_slices(result)),
        features=features,
        fairness=fairness,
    )


def _files(numbers: Mapping[str, float], origin: Origin) -> Rows:
    """The files that the network was trained with."""
    counts = {f"{split}.parquet": f"{numbers[f'{split}_rows']:,}" for split in SPLITS}
    hashes = origin.provenance["data"].items()
    rows = ([file, counts[file], md.Markup(f"`{sha256}`")] for file, sha256 in hashes)
    return [["file", "rows", "SHA-256"], *rows]


def _scores(result: RecipeResult) -> Rows:
    """The network's errors on the rows that it was trained on, chosen by and scored on."""
    numbers, names = result.metrics, ("mse_normalised", RMSE, MAE, "r2")
    rows = [["rows", "number", "mean squared error, normalised", "RMSE", "mean absolute error", "R²"]]
    for split, title in SPLITS.items():
        loss, rmse, mae, r2 = (numbers[f"{split}_{name}"] for name in names)
        rows.append([title, f"{numbers[f'{split}_rows']:,}", f"{loss:.5f}", money(rmse), money(mae), f"{r2:.3f}"])
    return rows


def _intervals(numbers: Mapping[str, float], levels: Sequence[str]) -> Rows:
    """How often the intervals hold, also where predictions are lowest."""
    rows = [["interval", "test rows inside", "of the tenth with the lowest predictions", "mean width"]]
    for level in levels:
        shares = (percent(numbers[f"test_coverage{level}{rows}"]) for rows in ("", "_lowest_tenth"))
        rows.append([f"{level} %", *shares, money(numbers[in_unit(f"test_width{level}")])])
    return rows


def _slices(rows: Rows) -> str:
    return md.table(rows) if len(rows) > 1 else summary.TOO_FEW


TEMPLATE = Template("""\
---
${front_matter}---

# Model card: ${name}

${CARD_TITLE}, trained by ${CARD_PROJECT} as its recipe `${name}` says (in bundle.json).

## Intended use

${CARD_USE}

## What it may not be used for

${CARD_MISUSE}

## What it predicts

${CARD_TARGET}, from ${recipe_features}.
The network (kind: ${network}) makes the squared error small over all rows; a single ${NOUN} may be far from it.
Around its prediction the bundle puts intervals of ${percents}, within ${smallest} to ${largest} ${UNIT_NAME}:
split-conformal, calibrated on the validation rows. They hold that often over many rows like those, not for each kind
of row.${too_few}

## Training data

The raw table is ${table}, of ${rows} clean rows in the format of ${CARD_FORMAT}.
Its ${table_hash}. Encoded, these of its rows made the model:

${files}

If the table is the sample that ships with the pipeline, all rows are synthetic, and nothing here is knowledge about
${CARD_KNOWLEDGE}. What to expect of a second training: ${reproducibility}.

## Scores

Of the network as it was at the end of epoch ${epoch}, which was kept. It was fitted to the training rows, and by the
validation rows settings and epochs may have been chosen: the test rows are what to judge it by. Amounts are in ${UNIT}.

${scores}

On the test rows, beside baselines:

${baselines}

${SCORES_NOTE}

## How often its intervals hold

${intervals}

${coverage}

${COVERAGE_NOTE}

## Where it is most wrong

${worst}

And the slices of the most rows:

${most}

## What each feature earns

${features}

## Fairness

${fairness}

## Biases and limits

${CARD_LIMITS}
- Values that were rare in training, or not there, count as unknown. ${CARD_UNSEEN}
- It repeats whatever the training rows hold, unfairness included.
- Scores are of today's rows: how they hold on later ones, `make replay` tells from past tables.

## How to use it

From the folder of ${CARD_PROJECT}, a table with its features as CSV:

```sh
python -m pipeline.predict table.csv --model models/${name} --out predicted.csv
```

Or in Python, with a DataFrame of the same columns:

```python
import pandas as pd
from pipeline import Model

table = pd.read_csv("table.csv", keep_default_na=False)  # NA is Namibia
answers = Model.load("models/${name}").predict(table)
```

## Licence

${CARD_LICENCE} The bundle keeps some of the training rows, as codes without ${PLURAL}, which explanations compare with.
""")
