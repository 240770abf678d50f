import csv
import io

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.data.csv_blocks import blocks_of
from pipeline.data.csv_header import parse_header
from pipeline.data.csv_rows import parse
from pipeline.data.schema import FEATURES
from pipeline.inference.answers import ANSWERS, answer
from pipeline.inference.writers import CsvOutput, ParquetOutput
from pipeline.model.bundle import Bundle
from tests.support.tables import DAMAGE, HEADER, damaged, lines_of, row, table


@pytest.fixture(scope="module")
def bundle(modelled):
    return Bundle.load(modelled.folder / "model")


def written(kind, bundle, data, *, size=1 << 20):
    """The bytes of the output for a table's bytes."""
    source, file = io.BytesIO(data), io.BytesIO()
    header = parse_header(source.readline(), FEATURES, where="test")
    output = kind(file, header)
    for block in blocks_of(source, where="test", size=size):
        output.write(answer(bundle, parse(block, header.names, keep=output.columns)))
    output.close()
    return file.getvalue()


def parquet(bundle, data, **settings):
    return pq.read_table(io.BytesIO(written(ParquetOutput, bundle, data, **settings)))


def test_a_csv_line_stands_in_it_byte_for_byte_with_its_answers_behind_it(bundle):
    lines = [row(job_title='"Lead, ""AI"""'), row(), row(job_title="Données"), row(job_title="")]
    found = written(CsvOutput, bundle, table([f"{line},note" for line in lines], header=HEADER + ',"a, b"'))
    header, *rest = found.decode().split("\n")
    assert header == f'{HEADER},"a, b",{",".join(ANSWERS.names)}'
    assert [line.startswith(f"{before},note,") for before, line in zip(lines, rest, strict=False)] == [True] * 4
    assert rest[-1] == ""


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_byte_order_marks_leave_no_trace(bundle, end, mark):
    lines = [row(), row(company_size="XL"), "x", row(work_year=2021)]
    plain = written(CsvOutput, bundle, table(lines))
    assert written(CsvOutput, bundle, mark.encode() + table(lines, end=end)) == plain
    assert written(CsvOutput, bundle, table(lines, end=end).rstrip(b"\r\n")) == plain


def test_a_csv_line_that_is_no_row_leaves_its_cells_empty(bundle):
    found = list(csv.reader(io.StringIO(written(CsvOutput, bundle, table([row(), 'a,"b', row()])).decode())))
    assert found[2][:-1] == [""] * (len(found[0]) - 1)
    assert found[2][-1].endswith("""(unclosed or misplaced quote); found 'a,"b'""")
    assert found[1] == found[3]


@settings(max_examples=15)
@given(DAMAGE, st.integers(1, 600))
def test_whatever_the_damage_csv_and_parquet_tell_the_same_of_every_line(bundle, damage, size):
    data = HEADER.encode() + b"\n" + damaged(damage)
    lines = lines_of(data)[1:]
    text = written(CsvOutput, bundle, data)
    assert written(CsvOutput, bundle, data, size=size) == text
    found = list(csv.DictReader(io.StringIO(text.decode(), newline="")))
    table = parquet(bundle, data, size=size)
    assert len(found) == len(lines) == table.num_rows
    for line, cells, values in zip(lines, found, table.to_pylist(), strict=True):
        assert cells == {name: "" if value is None else str(value) for name, value in values.items()}
        assert cells["problem"] or cells["predicted_salary_usd"]
        if values["work_year"] is not None:
            assert text.count(b"\n" + line + b",") > 0


def test_a_parquet_table_has_text_and_whole_numbers(bundle):
    found = parquet(bundle, table([row(), "x", row(company_size="XL")]))
    kinds = dict(zip(found.column_names, map(str, found.schema.types), strict=True))
    assert {kinds[name] for name in HEADER.split(",")} == {"string"}
    assert kinds["predicted_salary_usd"] == kinds["low_80_usd"] == "int64"
    assert found["work_year"].to_pylist() == ["2023", None, "2023"]
    assert found["predicted_salary_usd"].null_count == 2


@pytest.mark.parametrize("kind", [CsvOutput, ParquetOutput])
def test_of_a_table_without_rows_the_columns_are_left(bundle, kind):
    found = written(kind, bundle, table([]))
    if kind is CsvOutput:
        assert found.decode() == f"{HEADER},{','.join(ANSWERS.names)}\n"
    else:
        assert pq.read_table(io.BytesIO(found)).num_rows == 0
