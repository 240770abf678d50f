"""The two doors of a table, training and predict, side by side: what docs/inputs.md says of them is what they do."""

import gzip
import io
import re

import pandas as pd
import pyarrow.parquet as pq
import pytest

from pipeline import predict
from pipeline.inference.answers import ANSWERS, PROBLEM
from tests.data.test_file_kinds import FILES, tarred, zipped
from tests.support.pages import PAGES
from tests.support.tables import HEADER, parquet, rows, table

ROWS = rows(60)
CSV = table(ROWS)
FRAME = pd.read_csv(io.BytesIO(CSV), keep_default_na=False)


def from_pandas(frame, **options):
    file = io.BytesIO()
    frame.to_parquet(file, **options)
    return file.getvalue()


PLACE = 29  # of the row that is at line 31


def with_row(**cells):
    """The table with these cells in one row."""
    lines = [line.split(",") for line in ROWS]
    changed = dict(zip(HEADER.split(","), lines[PLACE], strict=True)) | cells
    return table([*ROWS[:PLACE], ",".join(changed.values()), *ROWS[PLACE + 1 :]])


INPUTS = {
    "CSV, UTF-8, with commas": CSV,
    "a byte order mark at the start": b"\xef\xbb\xbf" + CSV,
    "cells in quotes": table([f'"{line}"'.replace(",", '","') for line in (HEADER, *ROWS)], header="")[1:],
    "a line break inside a quoted cell": FRAME.assign(note='told by phone,\nask "again"').to_csv(index=False).encode(),
    "whole numbers as pandas writes them beside missing ones, `2023.0`": FRAME.astype(
        {name: "float64" for name, kind in FRAME.dtypes.items() if kind == "int64"}
    )
    .to_csv(index=False)
    .encode(),
    "lines that end in CRLF": table(ROWS, end="\r\n"),
    "blank lines at the end": CSV + b"\n\r\n\n",
    "CSV compressed with gzip": gzip.compress(CSV),
    "Parquet": parquet(CSV),
    "Parquet with pandas' index as a column": from_pandas(FRAME.rename(lambda place: f"row {place}")),
    "Parquet with dictionaries, and 2023.0 for 2023": from_pandas(
        FRAME.astype({name: "category" if kind == "str" else "float64" for name, kind in FRAME.dtypes.items()})
    ),
    "Parquet compressed with gzip": gzip.compress(parquet(CSV)),
    "Parquet with a line break in a cell": parquet(
        FRAME.assign(note='told by phone,\r\nask "again"').to_csv(index=False).encode()
    ),
    "columns in another order": FRAME[FRAME.columns[::-1]].to_csv(index=False).encode(),
    "a column of your own": FRAME.assign(bonus=7).to_csv(index=False).encode(),
    "an index column without a name": FRAME.to_csv().encode(),
    "a comma at the end of each line, the header's too": table([f"{line}," for line in ROWS], header=f"{HEADER},"),
    "names in capitals": table(ROWS, header=HEADER.upper()),
    "names with blanks": table(ROWS, header=HEADER.replace("_", " ").title()),
    "a column of your own twice": table([f"{line},7,8" for line in ROWS], header=f"{HEADER},bonus,bonus"),
    "a column named `unnamed_1` beside one without a name": table(
        [f"0,{line},1" for line in ROWS], header=f",{HEADER},unnamed_1"
    ),
    "one column twice": table([f"{line},2023" for line in ROWS], header=f"{HEADER},work_year"),
    "no header": CSV.split(b"\n", 1)[1],
    "`1e5` as a salary": with_row(salary="1e5"),
    "`1e2` as a remote ratio": with_row(remote_ratio="1e2"),
    '`"150,000"` in quotes as a salary': with_row(salary='"150,000"'),
    "`150,000` without quotes": with_row(salary="150,000"),
    "`12.5` as a remote ratio": with_row(remote_ratio="12.5"),
    'a quote in the wrong place, `"Data" Engineer`': with_row(job_title='"Data" Engineer'),
    "a cell of 3 lines, broken behind its closing quote": with_row(job_title=f'"pasted:\n{ROWS[0]}\nend" x'),
    "a quote that nothing closes": with_row(job_title='"Data Engineer'),
    "semicolons between the cells": CSV.replace(b",", b";"),
    "tabs between the cells": CSV.replace(b",", b"\t"),
    "line ends of an old Macintosh": table(ROWS, end="\r"),
    "an empty file": b"",
    "UTF-16": CSV.decode().encode("utf-16"),
    "an HTML page": FILES["an HTML or XML page"][0],
    "an SVG picture": FILES["an HTML or XML page"][-2],
    "`404: Not Found`": FILES["an error message"][0],
    "a Git LFS pointer": FILES["a Git LFS pointer"][0],
    "a git-annex pointer": FILES["a git-annex pointer"][0],
    "a `.dvc` file": FILES["a DVC file"][0],
    "a spreadsheet (xlsx)": zipped("[Content_Types].xml", "xl/workbook.xml"),
    "a spreadsheet (ods)": zipped("mimetype", "content.xml"),
    "a spreadsheet (xls)": FILES["a spreadsheet"][-1],
    "a zip archive": zipped("salaries.csv"),
    "a tar archive, compressed with gzip or not": gzip.compress(tarred()),
    "a 7-Zip archive": FILES["a 7-Zip archive"][0],
    "xz": FILES["a file compressed with xz"][0],
    "Zstandard": FILES["a file compressed with Zstandard"][0],
    "bzip2": FILES["a file compressed with bzip2"][0],
    "JSON": FRAME.to_json(orient="records").encode(),
    "a pickle": FILES["a Python pickle"][-1],
    "gzip that is cut off": gzip.compress(CSV)[:-20],
    "Parquet that is cut off": parquet(CSV)[:-20],
}
ROW = re.compile(r"^\| ([^|]+) \| ((?:read|refused)[^|]*) \| ([^|]*) \|$", flags=re.MULTILINE)  # | xz | read | read |
DOCUMENTED = {name: outcomes for name, *outcomes in ROW.findall(PAGES["docs/inputs.md"].text)}


def test_every_input_of_the_table_is_tried():
    assert list(DOCUMENTED) == list(INPUTS)


def outcome(read):
    """What the table in the docs would say: the number of columns that were left out or kept, or the error."""
    try:
        return read()
    except ValueError as error:
        return str(error)


def said(ignored, verb):
    return f"read, {ignored} column{'s' * (ignored > 1)} {verb}" if ignored else "read"


@pytest.mark.parametrize("name", INPUTS)
def test_training_does_what_the_table_says(name, stages):
    plain, stage = stages(), stages()

    def read():
        plain.run(CSV)
        stage.run(INPUTS[name])
        assert stage.files() == plain.files()
        assert stage.report.exists() == bool(stage.metrics["columns_ignored"])
        return said(stage.metrics["columns_ignored"], "left out")

    agrees(DOCUMENTED[name][0], outcome(read))


@pytest.mark.parametrize("name", INPUTS)
def test_predict_does_what_the_table_says(name, modelled, tmp_path):
    def answers(data):
        (tmp_path / "table").write_bytes(data)
        counts = predict.run(tmp_path / "table", model=modelled.folder / "model", out=tmp_path / "out.parquet")
        return counts, pq.read_table(tmp_path / "out.parquet")

    def read():
        (_, expected), (counts, found) = answers(CSV), answers(INPUTS[name])
        if counts.problems:
            return only_problem(expected, found)
        assert found.select(ANSWERS.names).equals(expected.select(ANSWERS.names))
        own = FRAME.columns.drop("salary")  # which predict does not read
        cells = found.select(own).to_pandas().replace(r"\.0$", "", regex=True)  # 2023.0 stays as it stands
        assert cells.equals(expected.select(own).to_pandas())
        assert [name for name in found.column_names if name not in expected.column_names] == list(counts.ignored)
        return said(len(counts.ignored), "kept")

    agrees(DOCUMENTED[name][1], outcome(read))


def only_problem(expected, found):
    """The problem of the one row that has no answer; all the others have those of the table without it."""
    problems = found[PROBLEM].to_pylist()
    (place,) = [place for place, problem in enumerate(problems) if problem]
    assert place == PLACE
    rest = found.slice(PLACE + 1)
    assert found.slice(0, PLACE).equals(expected.slice(0, PLACE))
    assert rest.equals(expected.slice(PLACE + 1, rest.num_rows))
    assert rest.num_rows == (0 if "(31 lines)" in problems[PLACE] else len(ROWS) - PLACE - 1)
    return problems[PLACE]


def agrees(documented, found):
    if documented.startswith("read"):
        assert documented == found
    else:
        (words,) = re.findall(r"^(?:refused|1 problem): `(.+)`$", documented)
        assert words in found
