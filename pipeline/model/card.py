"""The model card: what a bundle is for, what it was trained on and where not to trust it, for who opens its folder."""

from collections.abc import Mapping
from string import Template

from pipeline.data import schema
from pipeline.model.bundle import Bundle
from pipeline.model.intervals import PERCENTS

CARD = "MODEL_CARD.md"


def card(name: str, bundle: Bundle, *, rows: Mapping[str, int], scores: Mapping[str, tuple[float, float]]) -> str:
    """The card as Markdown.

    What it says of the table and its target are the data contract's constants, by their own names. `rows` counts those
    of each file, and `scores` are pairs: the loss of the kept epoch, in squared normalised units, and the root mean
    squared error in UNIT. Those on the test rows are not known before evaluate: the card says where they will be.
    """
    facts = bundle.provenance
    files = [f"| {file} | {count:,} | `{facts['data'][file]}` |" for file, count in rows.items()]
    scored = (f"| {split} | {loss:.5f} | {rmse:,.0f} {schema.UNIT} |" for split, (loss, rmse) in scores.items())
    too_few = [f"\nThe validation rows were too few for {percent} %." for percent in bundle.intervals.uncalibrated]
    return TEMPLATE.substitute(
        vars(schema),
        smallest=f"{schema.SMALLEST:,}",
        largest=f"{schema.LARGEST:,}",
        name=name,
        metrics=f"metrics/recipes/{name}.json",
        network=bundle.recipe.network.kind,
        features=", ".join(bundle.recipe.features),
        percents=" and ".join(f"{percent} %" for percent in PERCENTS),
        too_few="".join(too_few),
        files="\n".join(files),
        reproducibility=facts["reproducibility"],
        epoch=facts["kept_epoch"],
        scores="\n".join(scored),
    )


TEMPLATE = Template("""\
# Model card: ${name}

${CARD_TITLE}, trained by ${CARD_PROJECT} as its recipe `${name}` says (in bundle.json).

## Intended use

${CARD_USE}

## What it predicts

${CARD_TARGET}, from ${features}.
The network (kind: ${network}) makes the squared error small over all rows; a single ${NOUN} may be far from it.
Around its prediction the bundle puts intervals of ${percents}, within ${smallest} to ${largest} ${UNIT_NAME}:
split-conformal, calibrated on the validation rows. They hold that often over many rows like those, not for each kind
of row.${too_few}

## Training data

| file | rows | SHA-256 |
| --- | --: | --- |
${files}

Clean rows, encoded, in the format of ${CARD_FORMAT}. The files do not say which table they come from;
`data.path` in params.yaml does. If it was the sample that ships with the pipeline, all rows are synthetic, and nothing
here is knowledge about ${CARD_KNOWLEDGE}. What to expect of a second training: ${reproducibility}.

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

${CARD_LIMITS}
- Values that were rare in training, or not there, count as unknown. ${CARD_UNSEEN}
- It was never checked for fairness, and repeats whatever the training rows hold.

## How to use it

From the folder of ${CARD_PROJECT}, a table with its features as CSV:

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
${CARD_VARIABLE} = bundle.predict(codes)
low, high = bundle.interval(${CARD_VARIABLE}, codes, percent=80)
```

## Licence

${CARD_LICENCE} The
bundle keeps some of the training rows, as codes without ${PLURAL}, which explanations compare with.
""")
