"""The model card: what a bundle is for, what it was trained on and where not to trust it, for who opens its folder."""

from collections.abc import Mapping
from string import Template
from typing import Any

from pipeline.data.schema import LARGEST, SMALLEST
from pipeline.model.intervals import PERCENTS
from pipeline.params import Recipe

CARD = "MODEL_CARD.md"


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
    squared normalised units, and the root mean squared error, in US dollars. Those on the test rows are not known
    before evaluate: the card says where they will be.
    """
    files = [f"| {file} | {count:,} | `{facts['data'][file]}` |" for file, count in rows.items()]
    return TEXT.substitute(
        name=name,
        network=recipe.network.kind,
        features=", ".join(recipe.features),
        percents=" and ".join(f"{percent} %" for percent in PERCENTS),
        smallest=f"{SMALLEST:,}",
        largest=f"{LARGEST:,}",
        files="\n".join(files),
        promise=facts["promise"],
        epoch=facts["kept_epoch"],
        scores="\n".join(f"| {kind} | {loss:.5f} | {rmse:,.0f} USD |" for kind, (loss, rmse) in scores.items()),
    )


TEXT = Template("""\
# Model card: ${name}

A regression of data-science salaries, trained by salary-pipeline as its recipe `${name}` says (in bundle.json).

## Intended use

To learn and to teach with, as a baseline for other models, and for a rough idea of what such jobs paid in the years of
the training rows. Not for decisions about a person: nobody's pay, credit or hiring should hang on it.

## What it predicts

The gross salary of one year in US dollars, from ${features}.
The network (kind: ${network}) makes the squared error small over all rows; a single salary may be far from it.
Around its prediction the bundle puts intervals of ${percents}, within ${smallest} to ${largest} US dollars:
split-conformal, calibrated on the validation rows. They hold that often over many rows like those, not for each kind
of row.

## Training data

| file | rows | SHA-256 |
| --- | --: | --- |
${files}

Clean rows, encoded, in the format of the aijobs.net survey. The files do not say which table they come from;
`data.path` in params.yaml does. If it was the sample that ships with the pipeline, all rows are synthetic, and nothing
here is knowledge about real pay. What to expect of a second training: ${promise}.

## Scores

The loss is the mean squared error in normalised units at the end of epoch ${epoch}, which was kept. That of training is
over the epoch's batches, dropout and weights of rows included; by that of validation, settings and epochs may have been
chosen. The RMSE is that of the kept network's predictions; of very many rows every n-th is taken.

| rows | loss | RMSE |
| --- | --: | --: |
${scores}

The scores on the test rows, beside baselines and the noise floor, are what to judge it by: metrics/recipes/${name}.json
and metrics/report.md of the commit that it was trained in.

## Biases and limits

- A real table of the survey is no sample of all who work. Its answers are self-reported and unverified, most rows of
  later tables are the two ends of advertised pay bands, and the United States have 87 % of the table of January 2024.
- Other countries are guessed from few rows, and so are part-time, freelance and executive jobs.
- Salaries in other currencies count at the publisher's exchange rates: a year's rate is part of the salary.
- It knows no inflation and no year after those of the training rows.
- Values that were rare in training, or not there, count as unknown. What the survey does not ask (skills, employer,
  city, hours) the model cannot see, however much pay depends on it.
- It was never checked for fairness, and repeats whatever the training rows hold.

## How to use it

From the folder of salary-pipeline, a table with its features as CSV:

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
dollars = bundle.encoder.scaling.denormalise(bundle.predict(codes))
low, high = bundle.interval(dollars, codes, percent=80)
```

## Licence

That of salary-pipeline, MIT, as far as it goes: of another table than the sample, its owner's terms hold as well. The
bundle keeps some of the training rows, as codes without salaries, which explanations compare with.
""")
