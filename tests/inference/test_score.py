import numpy as np
import pyarrow as pa
import pytest

from pipeline.data.clean import clean
from pipeline.data.csv_blocks import Block
from pipeline.data.csv_rows import parse
from pipeline.data.schema import COLUMNS, FEATURES
from pipeline.data.split import SPLITS, row_hash
from pipeline.evaluation.columns import read_split
from pipeline.inference import score
from pipeline.inference.score import ANSWERS, distinct
from pipeline.model.bundle import Bundle
from tests.conftest import prepare_settings
from tests.support.models import make_bundle
from tests.support.tables import ROW, TITLES, row, rows


@pytest.fixture(scope="module")
def bundle(modelled):
    return Bundle.load(modelled.folder / "model")


def parsed(lines, *, columns=COLUMNS):
    return parse(Block(2, "\n".join(lines).encode()), columns, keep=columns)


def answers(bundle, lines, *, columns=COLUMNS):
    """The answer to each line."""
    scored = score.score(bundle, parsed(lines, columns=columns))
    return scored.answers.take(pa.array(scored.which)).to_pylist()


def by_hash(hashes, predictions):
    """The bits of the prediction of each row."""
    return dict(zip(hashes.tolist(), predictions.view(np.uint32).tolist(), strict=True))


@pytest.mark.parametrize("recipe", ["course", "full"])
@pytest.mark.parametrize("size", [97, 600])
def test_a_row_predicts_the_same_as_in_evaluate_to_the_last_bit(modelled, recipe, size, monkeypatch):
    bundle, predict = make_bundle(modelled.out, recipe=recipe), score.predict
    made: list[score.Predictions] = []

    def watched(*arguments):
        made.append(predict(*arguments))
        return made[-1]

    monkeypatch.setattr(score, "predict", watched)
    here: dict[int, int] = {}
    for start in range(0, 600, size):
        block = parsed(rows(600)[start : start + size])
        scored = score.score(bundle, block)
        hashes = row_hash(clean(block).rows, salt=prepare_settings().split.salt)
        here |= by_hash(hashes, made[-1].normalised[scored.which])
    there: dict[int, int] = {}
    for name in SPLITS:
        split = read_split(modelled.out / f"{name}.parquet")
        there |= by_hash(split["row_hash"], bundle.predict(split))
    assert here == there
    assert len(set(there.values())) > 20


def test_the_answer_is_in_whole_dollars_with_its_intervals_around_it(bundle):
    (answer,) = answers(bundle, [row()])
    codes = bundle.encoder.encode(clean(parsed([row()])).rows)
    dollars = bundle.encoder.scaling.denormalise(bundle.predict(codes))
    assert answer["predicted_salary_usd"] == round(dollars.item())
    assert answer["low_95_usd"] < answer["low_80_usd"] < answer["predicted_salary_usd"]
    assert answer["predicted_salary_usd"] < answer["high_80_usd"] < answer["high_95_usd"]
    for percent in (80, 95):
        low, high = bundle.interval(dollars, codes, percent=percent)
        assert (answer[f"low_{percent}_usd"], answer[f"high_{percent}_usd"]) == (round(low.item()), round(high.item()))


def test_features_whose_value_has_no_code_are_named(bundle):
    found = answers(
        bundle, [row(), row(job_title="Bard"), row(company_location="ZW", work_year=2050, job_title="Bard")]
    )
    assert [answer["unknown_features"] for answer in found] == ["", "job_title", "work_year job_title company_location"]
    assert [answer["problem"] for answer in found] == [None] * 3


def test_features_that_the_model_does_not_read_are_not_named(modelled):
    bundle = make_bundle(modelled.out, recipe="course")
    assert answers(bundle, [row(job_title="Bard")])[0]["unknown_features"] == ""


def test_an_estimated_year_is_the_year(bundle):
    plain, estimated = answers(bundle, [row(work_year="2021"), row(work_year="2021e")])
    assert plain == estimated


def test_a_row_that_breaks_the_contract_has_every_reason_and_no_prediction(bundle):
    fine, broken = answers(bundle, [row(), row(company_size="XL", remote_ratio="50.0")])
    assert broken == dict.fromkeys(ANSWERS.names) | {
        "problem": "remote_ratio must be one of 0, 50, 100; company_size must be one of S, M, L"
    }
    assert fine["problem"] is None


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"2023,SE", "(not 11 fields); found '2023,SE'"),
        (b"", "(blank line); found ''"),
        (b'"2023,SE\r', "(unclosed or misplaced quote); found '\"2023,SE'"),
        (b"caf\xe9,x", r"(bytes that are not UTF-8); found 'caf\\xe9,x'"),
    ],
)
def test_a_line_that_is_no_row_is_told_whole(bundle, line, reason):
    block = Block(2, b"\n".join([row().encode(), line, row().encode()]))
    scored = score.score(bundle, parse(block, COLUMNS))
    found = scored.answers.take(pa.array(scored.which)).to_pylist()
    assert found[1]["problem"] == f"a line must be one row of comma-separated UTF-8 text {reason}"
    assert found[0] == found[2] != found[1]


def test_lines_that_are_all_broken_have_reasons_all_the_same(bundle):
    assert [answer["predicted_salary_usd"] for answer in answers(bundle, ["x", "", row(company_size="XL")])] == [
        None
    ] * 3


def test_the_target_columns_are_neither_needed_nor_checked(bundle):
    (wanted,) = answers(bundle, [row()])
    assert answers(bundle, [row(salary="lots", salary_currency="?", salary_in_usd="-1")]) == [wanted]
    assert answers(bundle, [",".join(ROW[name] for name in FEATURES)], columns=FEATURES) == [wanted]


def test_a_row_does_not_depend_on_its_neighbours(bundle):
    lines = [row(job_title=title, work_year=year) for title in TITLES for year in (2020, 2021, 2022)]
    together = answers(bundle, ["x", *lines, *lines, row(company_size="XL")])[1:-1]
    alone = [answers(bundle, [line])[0] for line in lines]
    assert together == alone + alone


def columns_of(*columns):
    return pa.record_batch({str(place): pa.array(column).dictionary_encode() for place, column in enumerate(columns)})


@pytest.mark.parametrize("count", [0, 1, 500])
def test_distinct_rows_are_those_of_numpy(count):
    random = np.random.default_rng(count)
    columns = [random.integers(0, 3, count) for _ in range(4)]
    firsts, which = distinct(columns_of(*columns))
    table = np.stack(columns, axis=1)
    assert (table[firsts][which] == table).all()
    assert len(firsts) == len(np.unique(table, axis=0))
    assert (which[firsts] == np.arange(len(firsts))).all()
    assert (firsts <= np.array([np.flatnonzero(which == each)[0] for each in range(len(firsts))])).all()


def test_more_combinations_than_a_64_bit_number_can_tell_apart_are_told_apart():
    values = np.arange(3000) % 1500
    shifted = [np.roll(values, place) for place in range(8)]  # 1500 ** 8 is beyond 2 ** 63
    firsts, which = distinct(columns_of(*shifted))
    assert firsts.tolist() == list(range(1500))
    assert which.tolist() == values.tolist()
