import math

import numpy as np
import pyarrow as pa
import pytest

from pipeline.data.clean import clean
from pipeline.data.csv_blocks import Block
from pipeline.data.csv_rows import parse
from pipeline.data.schema import COLUMNS, FEATURES
from pipeline.data.split import SPLITS, row_hash
from pipeline.inference import answers as answers_module
from pipeline.inference.answers import ANSWERS, answer
from pipeline.inference.predictions import Predictions, predict
from pipeline.model.bundle import FIX, Bundle
from pipeline.model.code_columns import CodeColumns
from tests.conftest import prepare_settings
from tests.support.models import make_bundle, overflowing, with_weights
from tests.support.splits import read_split
from tests.support.tables import ROW, TITLES, check, row, rows


@pytest.fixture(scope="module")
def bundle(modelled):
    return Bundle.load(modelled.folder / "model")


def parsed(lines, *, columns=COLUMNS):
    return parse(Block(2, "\n".join(lines).encode()), columns, keep=columns)


def answers(bundle, lines, *, columns=COLUMNS):
    """The answer to each line."""
    found = answer(bundle, parsed(lines, columns=columns))
    return found.distinct.take(pa.array(found.inverse)).to_pylist()


def by_hash(hashes, predictions):
    """The bits of the prediction of each row."""
    return dict(zip(hashes.tolist(), predictions.view(np.uint64).tolist(), strict=True))


@pytest.mark.parametrize("recipe", ["course", "full"])
@pytest.mark.parametrize("size", [97, 600])
def test_a_row_predicts_the_same_as_in_evaluate_to_the_last_bit(modelled, recipe, size, monkeypatch):
    bundle = make_bundle(modelled.out, recipe=recipe)
    made: list[Predictions] = []

    def watched(*arguments):
        made.append(predict(*arguments))
        return made[-1]

    monkeypatch.setattr(answers_module, "predict_or_nan", watched)
    here: dict[int, int] = {}
    for start in range(0, 600, size):
        block = parsed(rows(600)[start : start + size])
        inverse = answer(bundle, block).inverse
        hashes = row_hash(clean(block).rows, salt=prepare_settings().split.salt)
        here |= by_hash(hashes, made[-1].predicted[inverse])
    there: dict[int, int] = {}
    for name in SPLITS:
        split = read_split(modelled.out / f"{name}.parquet")
        there |= by_hash(split["row_hash"], predict(bundle, split).predicted)
    assert here == there
    assert len(set(there.values())) > 20


def test_the_answer_is_in_whole_numbers_with_its_intervals_around_it(bundle):
    (told,) = answers(bundle, [row()])
    codes = bundle.encoder.encode(clean(parsed([row()])).rows)
    predicted = bundle.encoder.scaling.denormalise(bundle.predict_normalised(codes))
    assert told["predicted_salary_usd"] == round(predicted.item())
    assert told["low_95_usd"] < told["low_80_usd"] < told["predicted_salary_usd"]
    assert told["predicted_salary_usd"] < told["high_80_usd"] < told["high_95_usd"]
    assert told["uncalibrated_intervals"] == ""
    for percent in (80, 95):
        low, high = bundle.interval(predicted, codes, percent=percent)
        assert (told[f"low_{percent}_usd"], told[f"high_{percent}_usd"]) == (round(low.item()), round(high.item()))


def test_features_whose_value_has_no_code_are_named(bundle):
    found = answers(
        bundle, [row(), row(job_title="Bard"), row(company_location="ZW", employment_type="FL", job_title="Bard")]
    )
    assert [told["unknown_features"] for told in found] == [
        "",
        "job_title",
        "employment_type job_title company_location",
    ]
    assert [told["problem"] for told in found] == [None] * 3


def test_features_that_the_model_does_not_read_are_not_named(modelled):
    bundle = make_bundle(modelled.out, recipe="course")
    assert answers(bundle, [row(job_title="Bard")])[0]["unknown_features"] == ""


def test_an_estimated_year_is_the_year(bundle):
    plain, estimated = answers(bundle, [row(work_year="2021"), row(work_year="2021e")])
    assert plain == estimated


def test_a_row_that_breaks_the_contract_has_every_reason_and_no_prediction(bundle):
    fine, broken = answers(bundle, [row(), row(company_size="XL", remote_ratio="50.5")])
    assert broken == dict.fromkeys(ANSWERS.names) | {
        "problem": "remote_ratio must be one of 0, 50, 100, found '50.5' (write a whole number, without a fraction);"
        " company_size must be one of S, M, L, found 'XL'"
    }
    assert fine["problem"] is None


def test_a_value_is_told_in_the_words_of_trainings_report(bundle):
    lines = [row(), row(remote_ratio="1e2"), row(work_year="2,023".replace(",", "_"), company_size="m"), row()]
    report = check(lines).report.text(where="raw.csv", allowed=0.0)
    for told in answers(bundle, lines)[1:3]:
        for problem in told["problem"].split("; "):
            rule, found = problem.split(", found ")
            assert f"  {rule}: 1 of 4 rows\n" in report
            assert f": found {found}\n" in report
    assert "found '1e2' (write 100)" in report
    assert "found '2_023' (write 2023)" in report


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"2023,SE", "(not 11 fields); found '2023,SE' in line 3"),
        (b"", "(blank line); found '' in line 3"),
        (b'2023,"S"E,,,,,,,,,\r', "(unclosed or misplaced quote); found '2023,\"S\"E,,,,,,,,,' in line 3"),
        (b'"2023,\nSE"\r', r"""(not 11 fields); found '"2023,\nSE"' in lines 3 to 4 (2 lines)"""),
        (b"caf\xe9,x", r"(bytes that are not UTF-8); found 'caf\\xe9,x' in line 3"),
    ],
)
def test_a_record_that_is_no_row_is_told_whole(bundle, line, reason):
    block = Block(2, b"\n".join([row().encode(), line, row().encode()]))
    answered = answer(bundle, parse(block, COLUMNS))
    found = answered.distinct.take(pa.array(answered.inverse)).to_pylist()
    assert found[1]["problem"] == f"a record must be one row of comma-separated UTF-8 text {reason}"
    assert found[0] == found[2] != found[1]


@pytest.mark.parametrize("recipe", ["course", "full"])
def test_a_row_for_which_the_network_gives_no_finite_number_has_a_problem_and_no_answer(modelled, recipe):
    bundle = overflowing(make_bundle(modelled.out, recipe=recipe))
    (told,) = answers(bundle, [row()])
    problem = f"the model must predict a finite number, found NaN or infinity; {FIX}"
    assert told == dict.fromkeys(ANSWERS.names) | {"problem": problem}


def test_the_other_rows_keep_their_answers(modelled):
    bundle = make_bundle(modelled.out)
    (right,) = answers(bundle, [row(company_size="M")])
    code = bundle.encoder.vocabularies["company_size"].index("S") + 1
    columns = CodeColumns.of(bundle.recipe.features, bundle.encoder)
    lost = columns.starts[columns.names.index("company_size")] + code

    def without_end(name, weight):
        return np.where(np.arange(len(weight))[:, None] == lost, math.inf, weight) if name == "skip.weight" else weight

    found, lost = answers(with_weights(bundle, without_end), [row(company_size="M"), row(company_size="S")])
    assert found == right
    assert (lost["predicted_salary_usd"], lost["high_95_usd"]) == (None, None)
    assert lost["problem"].startswith("the model must predict a finite number")


def test_lines_that_are_all_broken_have_reasons_all_the_same(bundle):
    assert [told["predicted_salary_usd"] for told in answers(bundle, ["x", "", row(company_size="XL")])] == [None] * 3


def test_the_target_columns_are_neither_needed_nor_checked(bundle):
    (wanted,) = answers(bundle, [row()])
    assert answers(bundle, [row(salary="lots", salary_currency="?", salary_in_usd="-1")]) == [wanted]
    assert answers(bundle, [",".join(ROW[name] for name in FEATURES)], columns=FEATURES) == [wanted]


def test_a_row_does_not_depend_on_its_neighbours(bundle):
    lines = [row(job_title=title, work_year=year) for title in TITLES for year in (2020, 2021, 2022)]
    together = answers(bundle, ["x", *lines, *lines, row(company_size="XL")])[1:-1]
    alone = [answers(bundle, [line])[0] for line in lines]
    assert together == alone + alone
