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
from pipeline.inference.writers import CsvOutput, ParquetOutput, SafeCsvOutput
from pipeline.model.bundle import Bundle
from tests.support.tables import DAMAGE, HEADER, damaged, records_of, row, table


@pytest.fixture(scope="module")
def bundle(modelled):
    return Bundle.load(modelled.folder / "model")


def written(kind, bundle, data, *, size=1 << 20):
    """The bytes of the output for a table's bytes."""
    source, file = io.BytesIO(data), io.BytesIO()
    header = parse_header(source.readline(), FEATURES, where="test")
    output = kind(header)
    with output.opened(file) as append:
        for block in blocks_of(source, where="test", size=size):
            append(output.piece(answer(bundle, parse(block, header.names, keep=output.columns))))
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
    found = list(
        csv.reader(io.StringIO(written(CsvOutput, bundle, table([row(), 'a,"b"b' + ",x" * 9, row()])).decode()))
    )
    assert found[2][:-1] == [""] * (len(found[0]) - 1)
    assert found[2][-1].endswith("""(unclosed or misplaced quote); found 'a,"b"b,x,x,x,x,x,x,x,x,x' in line 3""")
    assert found[1] == found[3]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("size", [1, 150, 1 << 20])
def test_a_record_of_several_lines_is_one_row_and_stands_in_the_csv_byte_for_byte(bundle, end, size):
    note = f'"told by phone,{end}{end}""ask again"""'
    data = table([f"{note},{row()}", f",{row()}", f'"{end}",{row()}'], header=f"note,{HEADER}", end=end)
    header, first, second, third = (line.encode() for line in (f"note,{HEADER}", f"{note},", ",", f'"{end}",'))
    found = written(CsvOutput, bundle, data, size=size)
    (answer_of,) = {line.removeprefix(b",") for line in found.split(b"\n") if line.startswith(b",2023")}
    names = f",{','.join(ANSWERS.names)}".encode()
    assert found == b"\n".join([header + names, first + answer_of, second + answer_of, third + answer_of, b""])
    values = parquet(bundle, data, size=size).to_pylist()
    assert [value.pop("note") for value in values] == [f'told by phone,{end}{end}"ask again"', "", end]
    assert values[0] == values[1] == values[2]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("size", [1, 150, 1 << 20])
@pytest.mark.parametrize(("closing", "good"), [("", []), ('" x', ["again"]), ('" x"', [])])
def test_no_part_of_a_record_that_a_quote_breaks_is_scored(bundle, end, size, closing, good):
    lines = [f"by phone,{row()}", f'"told by phone,{end}ask again,{row()}{closing}', f"again,{row()}"]
    data = table(lines, header=f"note,{HEADER}", end=end)
    found = list(csv.DictReader(io.StringIO(written(CsvOutput, bundle, data, size=size).decode(), newline="")))
    assert [cells["note"] for cells in found] == ["by phone", "", *good]
    assert [bool(cells["predicted_salary_usd"]) for cells in found] == [True, False, *map(bool, good)]
    assert found[1]["problem"].endswith("' in lines 3 to 4 (2 lines)" if good else "' in lines 3 to 5 (3 lines)")
    assert "(unclosed or misplaced quote); found '\"told by phone," in found[1]["problem"]


def test_a_value_over_lines_that_breaks_the_contract_is_the_problem_of_one_row(bundle):
    data = table([row(job_title='"Data\nScientist"'), row()])
    found = list(csv.DictReader(io.StringIO(written(CsvOutput, bundle, data).decode(), newline="")))
    assert [cells["job_title"] for cells in found] == ["Data\nScientist", "Data Scientist"]
    assert found[0]["problem"].startswith("job_title must be 1 to 100 characters")
    assert (found[1]["problem"], len(found)) == ("", 2)


@settings(max_examples=15)
@given(DAMAGE, st.integers(1, 600))
def test_whatever_the_damage_csv_and_parquet_tell_the_same_of_every_record(bundle, damage, size):
    body = damaged(damage)
    data, records = HEADER.encode() + b"\n" + body, records_of(body)
    text = written(CsvOutput, bundle, data)
    assert written(CsvOutput, bundle, data, size=size) == text
    found = list(csv.DictReader(io.StringIO(text.decode(), newline="")))
    table = parquet(bundle, data, size=size)
    assert len(found) == len(records) == table.num_rows
    for record, cells, values in zip(records, found, table.to_pylist(), strict=True):
        assert cells == {name: "" if value is None else str(value) for name, value in values.items()}
        assert cells["problem"] or cells["predicted_salary_usd"]
        if values["work_year"] is not None:
            assert text.count(b"\n" + record + b",") > 0


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


def test_safe_cells_are_no_formulas_and_else_what_they_were(bundle):
    notes = [
        "=1+1",
        "+cmd|' /C calc'!A0",
        "-5",
        "-5.5e3",
        "+.5",
        "-5+cmd()",
        "@SUM(A1)",
        "\t=1",
        "\uff1d1+1",
        '"=a, ""b"""',
        "fine",
    ]
    data = table([*(f"{row()},{note}" for note in notes), "no row"], header=HEADER + ',"=note"')
    plain, safe = (
        list(csv.reader(io.StringIO(written(kind, bundle, data).decode(), newline="")))
        for kind in (CsvOutput, SafeCsvOutput)
    )
    place = len(HEADER.split(","))
    assert [line[:place] + line[place + 1 :] for line in safe] == [line[:place] + line[place + 1 :] for line in plain]
    for before, after in zip(plain, safe, strict=True):
        is_formula = before[place].startswith(tuple("=+-@\t\uff1d")) and before[place] not in ("-5", "-5.5e3", "+.5")
        assert after[place] == ("'" if is_formula else "") + before[place]
    assert sum(line[place].startswith("'") for line in safe) == 8
