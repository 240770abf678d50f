import json
import re

import pytest

from pipeline import explain
from pipeline.data.schema import FEATURES
from pipeline.inference.predictions import predict
from pipeline.model.bundle import Bundle
from tests.support.models import make_bundle, overflowing
from tests.support.tables import ROW

CELLS = {name: ROW[name] for name in FEATURES}


def row(**cells):
    return explain.read_row(json.dumps(CELLS | cells))


def codes_of(bundle, **cells):
    return bundle.encoder.encode(row(**cells))


@pytest.fixture(scope="module")
def bundle(modelled):
    return Bundle.load(modelled.folder / "model")


@pytest.mark.parametrize("recipe", ["course", "full"])
def test_the_contributions_add_up_to_the_prediction_less_the_average(modelled, recipe):
    bundle = make_bundle(modelled.out, recipe=recipe)
    codes = codes_of(bundle)
    average, added = explain.contributions(bundle, codes)
    assert tuple(added) == bundle.recipe.features
    assert average + sum(added.values()) == pytest.approx(predict(bundle, codes).predicted.item(), abs=1e-6)
    assert sum(map(abs, added.values())) > 1


def test_the_average_is_that_of_the_background(bundle):
    average, _ = explain.contributions(bundle, codes_of(bundle))
    predicted = bundle.encoder.scaling.denormalise(bundle.predict_normalised(bundle.background))
    assert average == pytest.approx(predicted.mean())


def test_a_row_of_which_only_one_feature_differs_from_the_whole_background_owes_all_to_it(bundle):
    codes = codes_of(bundle, company_size="S")
    alone = {name: codes[name][:1].repeat(3) for name in bundle.network.columns}
    other = Bundle(bundle.network, bundle.encoder, bundle.recipe, bundle.intervals, alone, {})
    _, added = explain.contributions(other, codes_of(bundle, company_size="L"))
    moved = {name for name, one in added.items() if one != 0.0}
    assert moved == {"company_size"}


def test_a_title_moves_with_its_words(bundle):
    codes = codes_of(bundle, job_title="Data Engineer")
    alone = {name: codes[name][:1].repeat(2) for name in bundle.network.columns}
    other = Bundle(bundle.network, bundle.encoder, bundle.recipe, bundle.intervals, alone, {})
    other_codes = codes_of(bundle, job_title="Lead ML/AI Engineer")
    average, added = explain.contributions(other, other_codes)
    assert added["job_title"] == pytest.approx(predict(bundle, other_codes).predicted.item() - average, abs=1e-6)


def test_the_report_adds_up_in_whole_dollars(bundle):
    heading, *lines = explain.report(bundle, row()).splitlines()
    end = heading.index("US dollars") + len("US dollars")
    cells = [line[:end].split()[-1].replace(",", "") for line in lines[:10]]
    *shares, prediction = [int(cell) for cell in cells if cell != "read"]  # "not read": no share
    assert sum(shares) == prediction == round(predict(bundle, codes_of(bundle)).predicted.item())


def test_the_report_shows_the_rows_way(bundle):
    report = explain.report(bundle, row(job_title="Lead Bard", employee_residence="ZW"))
    lines = {line.split("  ")[0]: line for line in report.splitlines()}
    word = bundle.encoder.words.index("lead") + 1
    assert lines["job_title"].endswith(f"  unknown (lead {word}, bard unknown)")
    assert re.search(r"  ZW  .*  unknown$", lines["employee_residence"])
    assert lines["experience_level"].endswith("  3")
    assert re.search(r"  [\d,]+ to [\d,]+$", lines["80 % interval"])
    assert re.search(r"  [\d,]+ to [\d,]+$", lines["95 % interval"])


def test_a_feature_that_the_model_does_not_read_is_shown_as_such(modelled):
    report = explain.report(make_bundle(modelled.out, recipe="course"), row())
    assert (
        len(re.findall(r"^(?:work_year|job_title|\w+_(?:residence|location)) .* not read  ", report, re.MULTILINE)) == 4
    )


def test_numbers_may_come_as_numbers_or_text_and_other_keys_are_ignored():
    assert row(work_year=2023, remote_ratio=100, salary=None, note={"a": 1}) == row(work_year="2023")
    assert row(work_year=2023.0, remote_ratio="100.00", note=0.5) == row(work_year="2023")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"--row must be a JSON object such as \{.*\}, found '\{': Expecting property name"),
        ('{"a": 1, "a": 2}', r"--row must be a JSON object such as .*: each key must be given once"),
        ("[" * 100_000, r"--row must be a JSON object such as .*recursion"),
        ('{"job_title": "\ud800"}', r"^--row must hold whole characters, found .*, or a byte that is not UTF-8"),
        (r'{"job_title": "\ud800"}', r"^--row must hold whole characters, found .*, or a byte that is not UTF-8"),
        ("[1]", r"--row must be a JSON object such as .*, found '\[1\]'$"),
        (json.dumps(CELLS | {"job_title": ""}), "--row: job_title must be 1 to 100 characters, .*, found ''$"),
        (json.dumps(CELLS | {"remote_ratio": 50.5}), "'50.5' \\(write a whole number, without a fraction\\)$"),
        (json.dumps(CELLS | {"remote_ratio": "1e2"}), "--row: remote_ratio must be .*, found '1e2' \\(write 100\\)$"),
        (json.dumps(CELLS | {"work_year": 2e3}).replace("2000.0", "2e3"), r"work_year must be .* \(write 2000\)$"),
        (json.dumps(CELLS | {"work_year": 0}).replace(": 0", ": 2.022e3"), r"found '2.022e3' \(write 2022\)$"),
        (json.dumps(CELLS | {"remote_ratio": 0}).replace(": 0", ": 1.00e2"), r"found '1.00e2' \(write 100\)$"),
        (json.dumps(CELLS | {"remote_ratio": 0}).replace(": 0", ": -0"), r"found '-0' \(write 0\)$"),
        (
            json.dumps(CELLS | {"job_title": "\ud800"}),
            r"^--row must hold whole characters, found '\\ud800', which is none",
        ),
        (json.dumps(CELLS | {"\udfff": 1}), r"hold whole characters, found '\\udfff', .*; write the character itself$"),
        (
            json.dumps(CELLS | {"job_title": 12.5}),
            "must give job_title as text in double quotes, found job_title: 12.5$",
        ),
        (json.dumps(CELLS | {"company_size": "m"}), "--row: company_size must be one of S, M, L, found 'm'$"),
        (json.dumps({"titel": 1} | CELLS).replace("job_title", "j"), "found: column 'job_title' is missing"),
    ],
)
def test_a_row_that_breaks_the_contract_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        explain.read_row(text)


def test_the_command_prints_the_report(modelled, bundle, capsys):
    explain.main(["--model", str(modelled.folder / "model"), "--row", json.dumps(CELLS)])
    assert capsys.readouterr().out == explain.report(bundle, row()) + "\n"


def test_a_model_without_finite_predictions_explains_nothing(modelled, tmp_path, capsys):
    overflowing(make_bundle(modelled.out)).save(tmp_path)
    with pytest.raises(SystemExit) as ended:
        explain.main(["--model", str(tmp_path), "--row", json.dumps(CELLS)])
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith("explain: the model must predict a finite number, found NaN or infinity")


def test_an_error_is_one_line_and_an_exit_code(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        explain.main(["--model", str(tmp_path), "--row", json.dumps(CELLS)])
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith(f"explain: {tmp_path}: a model bundle must hold")


@pytest.mark.parametrize("value", [None, 7, True, ["Data Scientist"]])
def test_a_text_that_is_none_is_refused(value):
    found = re.escape(f"found job_title: {json.dumps(value)}")
    with pytest.raises(ValueError, match=f"--row must give job_title as text in double quotes, {found}$"):
        row(job_title=value)
