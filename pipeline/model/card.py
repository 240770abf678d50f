"""The model card: what a bundle is for, what it was trained on and where not to trust it, for who opens its folder."""

from collections.abc import Mapping
from string import Template
from typing import Any

from pipeline.data import schema
from pipeline.model.intervals import PERCENTS
from pipeline.params import Recipe

CARD = "MODEL_CARD.md"
OF_THE_TABLE = {
    "project": schema.CARD_PROJECT,
    "title": schema.CARD_TITLE,
    "use": schema.CARD_USE,
    "target": schema.CARD_TARGET,
    "format": schema.CARD_FORMAT,
    "knowledge": schema.CARD_KNOWLEDGE,
    "limits": schema.CARD_LIMITS,
    "unseen": schema.CARD_UNSEEN,
    "licence": schema.CARD_LICENCE,
    "variable": schema.CARD_VARIABLE,
    "noun": schema.NOUN,
    "plural": schema.PLURAL,
    "unit": schema.UNIT,
    "unit_name": schema.UNIT_NAME,
    "smallest": f"{schema.SMALLEST:,}",
    "largest": f"{schema.LARGEST:,}",
}
"""What the card says of the table and its target, all of it from the data contract."""


def card(
    name: str,
    recipe: Recipe,
    *,
    facts: Mapping[str, Any],
    rows: Mapping[str, int],
    scores: Mapping[str, tuple[float, float]],
) -> str:
    """The card as Markdown.

    `facts` are the bundle's, `rows` counts those of each file, and `scores` are pairs: the loss of the kept epoch, in
    squared normalised units, and the root mean squared error in UNIT. Those on the test rows are not known before
    evaluate: the card says where they will be.
    """
    files = [f"| {file} | {count:,} | `{facts['data'][file]}` |" for file, count in rows.items()]
    unit = schema.UNIT
    return TEMPLATE.substitute(
        OF_THE_TABLE,
        name=name,
        metrics=f"metrics/recipes/{name}.json",
        network=recipe.network.kind,
        features=", ".join(recipe.features),
        percents=" and ".join(f"{percent} %" for percent in PERCENTS),
        files="\n".join(files),
        reproducibility=facts["reproducibility"],
        epoch=facts["kept_epoch"],
        scores="\n".join(f"| {split} | {loss:.5f} | {rmse:,.0f} {unit} |" for split, (loss, rmse) in scores.items()),
    )


TEMPLATE = Template("""\
# Model card: ${name}

${title}, trained by ${project} as its recipe `${name}` says (in bundle.json).

## Intended use

${use}

## What it predicts

${target}, from ${features}.
The network (kind: ${network}) makes the squared error small over all rows; a single ${noun} may be far from it.
Around its prediction the bundle puts intervals of ${percents}, within ${smallest} to ${largest} ${unit_name}:
split-conformal, calibrated on the validation rows. They hold that often over many rows like those, not for each kind
of row.

## Training data

| file | rows | SHA-256 |
| --- | --: | --- |
${files}

Clean rows, encoded, in the format of ${format}. The files do not say which table they come from;
`data.path` in params.yaml does. If it was the sample that ships with the pipeline, all rows are synthetic, and nothing
here is knowledge about ${knowledge}. What to expect of a second training: ${reproducibility}.

## Scores

The loss is the mean squared error in normalised units at the end of epoch ${epoch}, which was kept. That of training is
over the epoch's batches, dropout and weights of rows included; by that of validation, settings and epochs may have been
chosen. The RMSE is that of the kept network's predictions; of very many rows every n-th is taken.

| rows | loss | RMSE |
| --- | --: | --: |
${scores}

The scores on the test rows, beside baselines and the noise floor, are what to judge it by: ${metrics} and
metrics/report.md of the commit that it was trained in.

## Biases and limits

${limits}
- Values that were rare in training, or not there, count as unknown. ${unseen}
- It was never checked for fairness, and repeats whatever the training rows hold.

## How to use it

From the folder of ${project}, a table with its features as CSV:

```sh
python -m pipeline.predict table.csv --model models/${name} --out predicted.csv
```

Or in Python, with a table of encoded rows as `prepare` writes them:

```python
from pathlib import Path
import pyarrow.parquet as pq
from pipeline.model.bundle import Bundle
bundle = Bundle.load(Path("models/${name}"))
rows = pq.read_table("data/prepared/test.parquet")
codes = {column: rows[column].to_numpy() for column in rows.column_names}
${variable} = bundle.encoder.scaling.denormalise(bundle.predict(codes))
low, high = bundle.interval(${variable}, codes, percent=80)
```

## Licence

${licence} The
bundle keeps some of the training rows, as codes without ${plural}, which explanations compare with.
""")
