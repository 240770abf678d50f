import re
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline import evaluate, params, predict
from pipeline.reporting import verdicts
from pipeline.reporting.card import TEMPLATE, Origin, card
from pipeline.reporting.run_results import read_metrics
from pipeline.runtime import yaml_files
from tests.support.hostile import HOSTILE
from tests.support.reports import make_result
from tests.support.tables import rows, table
from tests.support.work_tree import ROOT, environment

FACTS = {
    "kept_epoch": 7,
    "reproducibility": "the same bytes on any x86-64 CPU",
    "data": {"train.parquet": "0123abcd", "valid.parquet": "4567cdef"},
}
ORIGIN = Origin("raw.csv", "89ab" * 16, is_of_etags=False, provenance=FACTS, uncalibrated=())
FAIRNESS = params.Fairness(max_bias_share=0.05, max_error_ratio=1.25)
SETTINGS = params.Evaluate(min_slice_rows=10, single_rows=True, fairness=FAIRNESS)


@pytest.fixture
def make_card(tmp_path_factory):
    """A maker of cards of metrics written by hand, with what a test wants different."""

    def make(*, origin=ORIGIN, **changes):
        result = make_result(tmp_path_factory.mktemp("metrics"), **changes)
        return card(
            replace(result, tables={name: rows for name, rows in result.tables.items() if name in READ}), origin
        )

    return make


READ = {"slices", "coverage", "importance", "fairness"}
"""The tables that evaluate has; the learning curve is none of them."""


@pytest.fixture(scope="module")
def project(modelled, tmp_path_factory):
    """A folder with a model and the card that evaluate has written of it, as the card's examples expect it."""
    folder = tmp_path_factory.mktemp("project")
    for name, path in {"data/prepared": modelled.out, "models/mine": modelled.folder / "model"}.items():
        (folder / name).parent.mkdir()
        (folder / name).symlink_to(path)
    paths = evaluate.Paths(
        model=folder / "models/mine",
        prepared=folder / "data/prepared",
        table=modelled.raw,
        metrics=folder / "metrics",
        plots=folder / "plots",
        card=folder / "card.md",
    )
    evaluate.run("mine", paths, SETTINGS, min_count=1)
    return folder


def read(folder: Path) -> str:
    return (folder / "card.md").read_text(encoding="utf-8")


def example(language, text):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)[0]


def facts_of(text, folder):
    """What a hub reads of the card."""
    before, facts, _ = text.split("---\n", 2)
    assert not before
    (folder / "front.yaml").write_text(facts, encoding="utf-8")
    return yaml_files.read(folder / "front.yaml")


def test_it_says_what_it_is_given(make_card):
    text = make_card()
    assert "\n# Model card: mine\n" in text
    assert "in US dollars, from experience_level, employment_type, remote_ratio, company_size.\n" in text
    assert "intervals of 80 % and 95 %, within 1 to 10,000,000 US dollars" in text
    assert "The raw table is raw.csv, of 1,984 clean rows in the format" in text
    assert f"Its SHA-256 is `{'89ab' * 16}`." in text
    assert "| train.parquet | 1,200 | `0123abcd` |\n| valid.parquet | 444 | `4567cdef` |" in text
    assert "end of epoch 7, which was kept" in text
    assert "- Scores are of today's rows: how they hold on later ones, `make replay` tells from past tables." in text
    assert "second training: the same bytes on any x86-64 CPU." in text


def test_it_says_how_good_the_model_is(make_card):
    text = make_card()
    assert "| training | 1,200 | 0.50000 | $50,000 | $40,004 | 0.625 |" in text
    assert "| test | 340 | 0.12500 | $20,000 | $42,424 | 0.525 |" in text
    assert "| mine | $29,017 | $25,023 | $22,041 | $20,000 | $15,000 | 70.0 % | 80.0 % | 0.525 |" in text
    assert "| 80 % | 81.1 % | 77.7 % | $51,111 |\n| 95 % | 95.7 % | 94.4 % | $92,222 |" in text
    assert "| SE | 340 | 81.2 % | $53,333 | 96.2 % | $94,444 |" in text
    worst, most = re.findall(r"^\| slice.*\n.*\n\| (\S+) ", text, flags=re.MULTILINE)
    assert (worst, most) == ("company_size=M", "company_size=M")


def test_it_says_what_each_feature_earns_and_whom_it_is_wrong_about(make_card):
    text = make_card()
    assert "| job_title | earns its place | 30.0 % | 25.0 % to 40.0 % | 1,062 | 5,779 | 25.0 % |" in text
    assert "as their intervals reach zero: company_size (4 codes" in text
    assert "1 of 3 groups: company_size=S (bias)." in text
    assert "| company_size=L | too few rows to tell | 9 |" in text
    assert verdicts.NO_GROUPS in make_card(fairness=[])


def test_it_says_for_which_intervals_the_validation_rows_were_too_few(make_card):
    assert "too few for" not in make_card()
    text = make_card(origin=replace(ORIGIN, uncalibrated=(95,)))
    assert "of row.\nThe validation rows were too few for 95 %.\n\n## Training data" in text


def test_it_does_not_claim_to_know_whether_the_rows_are_real(make_card):
    assert "If the table is the sample that ships with the pipeline, all rows are synthetic" in make_card()


def test_its_own_words_are_of_no_table():
    assert not re.findall(r"(?i)salar|dollar|USD|survey|aijobs|\bpay\b|job|country", TEMPLATE.template)


def test_no_blank_is_left_to_fill_in(make_card):
    assert not re.findall(r"\$[^-\d]", make_card().replace("-$", "$"))


def test_it_has_all_that_a_reader_looks_for(make_card):
    headings = re.findall(r"^## (.*)$", make_card(), flags=re.MULTILINE)
    assert headings == [
        "Intended use",
        "What it may not be used for",
        "What it predicts",
        "Training data",
        "Scores",
        "How often its intervals hold",
        "Where it is most wrong",
        "What each feature earns",
        "Fairness",
        "Biases and limits",
        "How to use it",
        "Licence",
    ]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_whatever_a_table_is_called_and_holds_stays_text(make_card, tmp_path, text):
    slices = [{"slice": f"job_title={text}", "rows": 30, "mse_usd2": 1.0, "bias_usd": 1.0}]
    hostile = make_card(origin=replace(ORIGIN, table=text), slices=slices)
    plain_folder = tmp_path / "plain"
    plain_folder.mkdir()
    plain = card(
        make_result(plain_folder, slices=[slices[0] | {"slice": "job_title=Analyst"}]), replace(ORIGIN, table="a.csv")
    )
    assert len(hostile.splitlines()) == len(plain.splitlines())
    unescaped = re.compile(r"(?<!\\)(?:\\\\)*[*\[\]<>|~&]")
    (_, _, body), (_, _, plain_body) = (each.split("---\n", 2) for each in (hostile, plain))
    assert len(unescaped.findall(body)) == len(unescaped.findall(plain_body))
    found = facts_of(hostile, tmp_path)
    assert set(found) == set(facts_of(plain, tmp_path))
    assert found["license"] == "mit"


def test_evaluate_writes_it_with_what_the_metrics_say(project, modelled):
    text, numbers = read(project), read_metrics(project / "metrics", "mine")
    assert f"| test | {numbers['test_rows']} | {numbers['test_mse_normalised']:.5f} | " in text
    assert "The raw table is raw.csv, of 600 clean rows" in text
    facts = facts_of(text, project)
    metrics = facts["model-index"][0]["results"][0]["metrics"]
    assert {metric["name"]: metric["value"] for metric in metrics}.items() <= numbers.items()


def test_the_python_example_runs(project):
    (project / "table.csv").write_bytes(table(rows(5)))
    code = example("python", read(project)) + "assert answers.predicted_salary_usd.notna().sum() == 5"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=project,
        env=environment() | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_command_runs(project, monkeypatch, capsys):
    (project / "table.csv").write_bytes(table(rows(5)))
    python, flag, module, *arguments = shlex.split(example("sh", read(project)))
    assert (python, flag, module) == ("python", "-m", "pipeline.predict")
    monkeypatch.chdir(project)
    predict.main(arguments)
    assert "predict: 5 rows, 0 of them without a prediction" in capsys.readouterr().err
    assert len((project / "predicted.csv").read_text().splitlines()) == 6


def test_the_hash_of_a_table_at_a_url_is_said_to_be_of_etags(make_card):
    text = make_card(origin=replace(ORIGIN, is_of_etags=True))
    assert f"Its SHA-256 of etags is `{'89ab' * 16}`. Encoded," in text
