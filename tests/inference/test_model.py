import subprocess
import sys
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import Model, predict
from pipeline.data.schema import FEATURES
from pipeline.inference import frames
from pipeline.inference.answers import ANSWERS
from tests.support.tables import ROW, parquet, row, rows, table
from tests.support.work_tree import ROOT

ROWS = [dict(zip(ROW, line.split(","), strict=True)) for line in (*rows(40), row(company_size="XL", work_year=1))]
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.lists(st.integers()),
    st.sampled_from(sorted({value for each in ROWS for value in each.values()})),
)  # fmt: skip


@pytest.fixture(scope="module")
def model(modelled):
    return Model.load(modelled.folder / "model")


@pytest.fixture
def frame():
    """The rows with the types that pandas gives the columns of a CSV file."""
    return pd.DataFrame(ROWS).astype({"work_year": int, "remote_ratio": int})


@pytest.fixture
def expected(model, frame):
    answers = model.predict(frame)
    assert answers["predicted_salary_usd"].nunique() > 10
    return answers


def told(answers):
    return pa.Table.from_pandas(answers, preserve_index=False).to_pylist()


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_frame_is_answered_as_the_command_answers_the_file(expected, modelled, tmp_path, suffix):
    text = table(row(**cells) for cells in ROWS)
    (tmp_path / f"new.{suffix}").write_bytes(text if suffix == "csv" else parquet(text))
    predict.run(tmp_path / f"new.{suffix}", model=modelled.folder / "model", out=tmp_path / "out.parquet")
    command = pd.read_parquet(tmp_path / "out.parquet", columns=ANSWERS.names, dtype_backend="numpy_nullable")
    assert told(expected) == told(command)


def dictionary(column):
    """Texts as polars has those of its categories."""
    codes, values = pd.factorize(column)
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.uint32()), pa.array(list(values), pa.string_view()))


FORMS = {
    "dicts": lambda frame: frame.to_dict("records"),
    "a tuple of dicts": lambda frame: tuple(frame.to_dict("records")),
    "a Series of dicts": lambda frame: pd.Series(frame.to_dict("records")),
    "an Arrow table": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
    "a batch": lambda frame: pa.RecordBatch.from_pandas(frame, preserve_index=False),
    "a table in chunks": lambda frame: pa.concat_tables(map(pa.Table.from_pandas, (frame[:5], frame[5:]))),
    "another order": lambda frame: frame[frame.columns[::-1]],
    "other columns": lambda frame: frame.assign(note=None, id=range(len(frame))),
    "features alone": lambda frame: frame[list(FEATURES)],
    "objects": lambda frame: frame.astype(object),
    "texts": lambda frame: frame.astype("string"),
    "categories": lambda frame: frame.astype("category"),
    "nullable": lambda frame: frame.convert_dtypes(),
    "arrow types": lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"),
    "floats": lambda frame: frame.astype({"work_year": float, "remote_ratio": np.float32}),
    "decimals": lambda frame: frame.assign(work_year=[Decimal(year) for year in frame["work_year"]]),
    "dictionaries": lambda frame: pa.table({name: dictionary(frame[name].astype(str)) for name in FEATURES}),
    "bytes": lambda frame: frame.assign(company_size=[size.encode() for size in frame["company_size"]]),
    "mixed": lambda frame: frame.assign(work_year=[str(year) if year % 2 else year for year in frame["work_year"]]),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_the_form_and_the_types_change_no_answer(model, frame, expected, form):
    assert told(model.predict(FORMS[form](frame))) == told(expected)


def test_the_period_of_a_year_is_the_year(model, frame):
    some = frame.head(8)
    years = [pd.Period(year=year, freq="Y") for year in some["work_year"]]
    assert told(model.predict(some.assign(work_year=years))) == told(model.predict(some))


def test_long_frames_are_answered_in_pieces(model, frame, expected, monkeypatch):
    monkeypatch.setattr(frames, "BATCH_ROWS", 7)
    assert told(model.predict(frame)) == told(model.predict(pa.Table.from_pandas(frame))) == told(expected)


def test_the_answers_have_the_index_of_the_rows(model, frame):
    index = pd.MultiIndex.from_product([["a", "b"], range(3)])
    assert model.predict(frame.head(6).set_index(index)).index.equals(index)
    assert model.predict(pd.Series(ROWS[:2], index=["x", "x"])).index.tolist() == ["x", "x"]
    assert model.predict(pa.Table.from_pandas(frame)).index.tolist() == list(range(len(frame)))


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT, ""])
def test_a_missing_value_is_told_as_a_problem(model, frame, missing):
    answers = model.predict(frame.astype(object).assign(job_title=[missing, *frame["job_title"][1:]]))
    assert answers["problem"][0].startswith("job_title must be 1 to 100 characters")
    assert answers.loc[0].drop("problem").isna().all()
    assert answers["problem"][1:-1].isna().all()


def test_bytes_that_are_no_text_are_a_problem_of_their_row_alone(model, frame, expected):
    sizes = [b"\xff", *(size.encode() for size in frame["company_size"][1:])]
    answers = model.predict(pa.table({name: frame[name] for name in FEATURES} | {"company_size": pa.array(sizes)}))
    assert answers["problem"][0] == r"company_size must be one of S, M, L, found '\\xff'"
    assert told(answers)[1:] == told(expected)[1:]


def test_a_feature_that_one_dict_lacks_is_a_problem_of_its_row(model):
    answers = model.predict([ROWS[0], {name: value for name, value in ROWS[1].items() if name != "company_size"}])
    assert answers["problem"].isna().tolist() == [True, False]
    assert answers["problem"][1] == "company_size must be one of S, M, L, found ''"


@settings(deadline=None, max_examples=20)
@given(st.lists(st.fixed_dictionaries(dict.fromkeys(FEATURES, VALUES)), max_size=4))
def test_whatever_the_values_are_each_row_has_an_answer_or_a_problem(model, drawn):
    answers = model.predict([*drawn, ROWS[0]])
    assert len(answers) == len(drawn) + 1
    assert (answers["predicted_salary_usd"].isna() == answers["problem"].notna()).all()
    assert answers["problem"].isna().iloc[-1]  # and its neighbours do not touch a row


@pytest.mark.parametrize("none", [[], pd.DataFrame(), pd.DataFrame(columns=list(FEATURES)), pd.Series()])
def test_no_rows_have_no_answers(model, none):
    answers = model.predict(none)
    assert answers.empty
    assert list(answers.columns) == ANSWERS.names


@pytest.mark.parametrize("wrong", [ROWS[0], "2023", 7, None, [1], [ROWS[0], None], pd.Series([1.0])])
def test_another_form_is_refused(model, wrong):
    with pytest.raises(TypeError, match=r"must be a (DataFrame|dict)"):
        model.predict(wrong)


def test_a_missing_or_repeated_column_is_refused(model, frame):
    with pytest.raises(ValueError, match=r"the rows must name .*'company_size' is missing"):
        model.predict(frame.rename(columns={"company_size": "size_of_company"}))
    with pytest.raises(ValueError, match="'job_title' stands 2 times"):
        model.predict(frame[[*FEATURES, "job_title"]])


def test_importing_the_package_alone_is_cheap():
    code = "import sys, pipeline; assert not {'torch', 'pandas', 'pyarrow', 'pydantic'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_the_package_has_nothing_else():
    import pipeline

    with pytest.raises(AttributeError, match="module 'pipeline' has no attribute 'Modell'"):
        _ = pipeline.Modell  # type: ignore[attr-defined]
