import math
import re
import shlex
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import root_mean_squared_error

from pipeline import params, predict, train
from pipeline.model.bundle import Bundle
from pipeline.model.card import CARD, TEMPLATE, card
from pipeline.model.intervals import Intervals
from tests.support.recipes import make_recipe
from tests.support.tables import rows, table
from tests.support.work_tree import ROOT, environment

FACTS = {
    "kept_epoch": 7,
    "reproducibility": "the same bytes on any x86-64 CPU",
    "data": {"train.parquet": "0123abcd", "valid.parquet": "4567cdef"},
}

SCORES = {"training": (0.5, 50_000.4), "validation": (0.25, 61_234.0)}


def make_card(name="mine", *, quantiles=None, **changes):
    counts = {"train.parquet": 2642, "valid.parquet": 529}
    intervals = Intervals((0.3,), 5e4, quantiles or {80: (1.0, 1.5), 95: (2.0, 2.5)})
    bundle: Any = SimpleNamespace(recipe=make_recipe(**changes), provenance=FACTS, intervals=intervals)  # all it reads
    return card(name, bundle, rows=counts, scores=SCORES)


@pytest.fixture(scope="module")
def trained(modelled, tmp_path_factory):
    """A project's folder with a model that train has written, as the card's examples expect it."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "data").mkdir()
    (folder / "data/prepared").symlink_to(modelled.out)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCHINDUCTOR_CACHE_DIR", "")  # train.run sets it
        train.run(
            make_recipe(epochs=2, keep="best"),
            params.Train(checkpoint_every_seconds=1e9),
            train.Paths(
                train=modelled.out / "train.parquet",
                valid=modelled.out / "valid.parquet",
                encoder=modelled.out / "encoder.json",
                out=folder / "models/mine",
                curve=folder / "curve.csv",
                cache=folder / "cache",
            ),
            name="mine",
            packages={"torch": "2.13.0"},
        )
    return folder


def read(folder):
    return (folder / "models/mine" / CARD).read_text(encoding="utf-8")


def example(language, text):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)[0]


def test_it_says_what_it_is_given():
    text = make_card()
    assert text.startswith("# Model card: mine\n")
    assert "in US dollars, from experience_level, employment_type, remote_ratio, company_size.\n" in text
    assert "intervals of 80 % and 95 %, within 1 to 10,000,000 US dollars" in text
    assert "| train.parquet | 2,642 | `0123abcd` |\n| valid.parquet | 529 | `4567cdef` |" in text
    assert "epoch 7, which was kept" in text
    assert "| training | 0.50000 | 50,000 USD |\n| validation | 0.25000 | 61,234 USD |" in text
    assert "second training: the same bytes on any x86-64 CPU." in text
    assert "metrics/recipes/mine.json and\nmetrics/report.md" in text


def test_it_says_for_which_intervals_the_validation_rows_were_too_few():
    assert "too few" not in make_card()
    text = make_card(quantiles={80: (1.0, 1.5), 95: (math.inf, math.inf)})
    assert "of row.\nThe validation rows were too few for 95 %.\n\n## Training data" in text


def test_it_does_not_claim_to_know_where_the_rows_come_from():
    text = make_card()
    assert "The files do not say which table they come from" in text
    assert "If it was the sample that ships with the pipeline, all rows are synthetic" in text


def test_its_own_words_are_of_no_table():
    assert not re.findall(r"(?i)salar|dollar|USD|survey|aijobs|\bpay\b|job|country", TEMPLATE.template)


def test_no_blank_is_left_to_fill_in():
    assert "$" not in make_card()


def test_it_has_all_that_a_reader_looks_for():
    headings = re.findall(r"^## (.*)$", make_card(), flags=re.MULTILINE)
    assert headings == [
        "Intended use",
        "What it predicts",
        "Training data",
        "Scores",
        "Biases and limits",
        "How to use it",
        "Licence",
    ]


def test_training_writes_it_with_what_the_bundle_and_the_curve_say(trained):
    facts = Bundle.load(trained / "models/mine").provenance
    curve = [line.split(",") for line in (trained / "curve.csv").read_text().splitlines()]
    _, training, validation = curve[facts["kept_epoch"]]
    text = read(trained)
    assert all(f"| `{digest}` |" in text for digest in facts["data"].values())
    assert f"| training | {float(training):.5f} | " in text
    assert f"| validation | {float(validation):.5f} | " in text
    assert f"end of epoch {facts['kept_epoch']}," in text


def test_the_rmse_is_that_of_the_bundles_predictions(trained):
    bundle = Bundle.load(trained / "models/mine")
    for kind, file in {"training": "train", "validation": "valid"}.items():
        rows = pq.read_table(trained / f"data/prepared/{file}.parquet").to_pydict()
        codes = {name: np.array(rows[name], np.int16) for name in bundle.network.columns}
        error = root_mean_squared_error(
            rows["salary_in_usd"], bundle.encoder.scaling.denormalise(bundle.predict_normalised(codes))
        )
        assert re.search(rf"^\| {kind} \| .* \| {error:,.0f} USD \|$", read(trained), flags=re.MULTILINE)


def test_the_python_example_runs(trained):
    code = example("python", read(trained)) + "assert (low < dollars).all() and (dollars < high).all() and len(low) > 9"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=trained,
        env=environment() | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_command_runs(trained, monkeypatch, capsys):
    (trained / "table.csv").write_bytes(table(rows(5)))
    python, flag, module, *arguments = shlex.split(example("sh", read(trained)))
    assert (python, flag, module) == ("python", "-m", "pipeline.predict")
    monkeypatch.chdir(trained)
    predict.main(arguments)
    assert "predict: 5 rows, 0 of them without a prediction" in capsys.readouterr().err
    assert len((trained / "predicted.csv").read_text().splitlines()) == 6


def test_a_bundle_does_not_need_it(trained):
    before = read(trained)
    (trained / "models/mine" / CARD).unlink()
    assert Bundle.load(trained / "models/mine").recipe == make_recipe(epochs=2, keep="best")
    (trained / "models/mine" / CARD).write_text(before, encoding="utf-8")
