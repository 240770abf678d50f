import gzip
import io
import random
import re

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from pipeline import prepare, versions
from pipeline.data.csv_blocks import BLOCK_BYTES
from pipeline.data.encoding import ROWS, Encoder
from pipeline.data.schema import FEATURES, HASH, TARGET
from pipeline.data.source import LINE_BYTES
from pipeline.data.split import SPLITS
from tests.support.settings import write_settings
from tests.support.tables import HEADER, batch, parquet, row, rows, table

GOOD = rows(40)
FILES = ["encoder.json", "quarantine.parquet", "test.parquet", "train.parquet", "valid.parquet"]
BLOCK_SIZES = pytest.mark.parametrize("block_bytes", [700, BLOCK_BYTES], ids=["many blocks", "one block"])

SALARY = "salary must be a whole number from 1 to 1000000000, digits only (in salary_currency)"
DOLLARS = "salary_in_usd must be a whole number from 1 to 10000000, digits only"
TITLE = "job_title must be 1 to 100 characters, without blanks around them, control or invisible characters"
LINE = "a record must be one row of comma-separated UTF-8 text"

BAD_LINES = {  # a line of the file: the rule it breaks, what the message shows
    row(salary="lots"): (SALARY, "'lots'"),
    row(salary="1e5"): (SALARY, "'1e5' (write 100000)"),
    row(salary='"150,000"'): (SALARY, "'150,000' (write 150000)"),
    row(salary="150,000"): (f"{LINE} (not 11 fields)", f"'{row(salary='150,000')}'"),
    row(salary=""): (SALARY, "''"),
    row(salary="12.5"): (SALARY, "'12.5' (write a whole number, without a fraction)"),
    row(salary="12."): (SALARY, "'12.' (write 12)"),
    row(salary="-0.0"): (SALARY, "'-0.0'"),
    row(salary_in_usd="NaN"): (DOLLARS, "'NaN'"),
    row(salary_in_usd="inf"): (DOLLARS, "'inf'"),
    row(salary_in_usd="0"): (DOLLARS, "'0'"),
    row(salary_in_usd="-5"): (DOLLARS, "'-5'"),
    row(salary_in_usd=10**12): (DOLLARS, "'1000000000000'"),
    row(salary_in_usd=10**30): (DOLLARS, f"'{10**30}'"),
    row(salary_in_usd=" 5"): (DOLLARS, "' 5' (write 5)"),
    row(work_year="2021E"): (
        "work_year must be a year from 2000 to 2100, such as 2023 (2021e is read as 2021)",
        "'2021E'",
    ),
    row(experience_level="XX"): ("experience_level must be one of EN, MI, SE, EX", "'XX'"),
    row(company_size="m"): ("company_size must be one of S, M, L", "'m'"),
    row(remote_ratio="-0"): ("remote_ratio must be one of 0, 50, 100", "'-0' (write 0)"),
    row(job_title=" Analyst "): (TITLE, "' Analyst '"),
    row(job_title=""): (TITLE, "''"),
    row(employee_residence="usa"): ("employee_residence must be an ISO 3166 code such as US", "'usa'"),
    row(job_title="a\0b"): (f"{LINE} (NUL byte)", repr(row(job_title="a\0b"))),
    row(job_title="a\rb"): (f"{LINE} (carriage return inside the line)", repr(row(job_title="a\rb"))),
    "2023,SE,FT,Da": (f"{LINE} (not 11 fields)", "'2023,SE,FT,Da'"),
    "": (f"{LINE} (blank line)", "''"),
    row(job_title='"Data" x'): (f"{LINE} (unclosed or misplaced quote)", repr(row(job_title='"Data" x'))),
    row(company_size='"an M" x'): (f"{LINE} (unclosed or misplaced quote)", repr(row(company_size='"an M" x'))),
}


@BLOCK_SIZES
@pytest.mark.parametrize("bad", BAD_LINES)
def test_a_bad_line_fails_the_run_with_its_rule_count_line_and_value(stage, bad, block_bytes):
    rule, found = BAD_LINES[bad]
    with pytest.raises(ValueError, match="break the data contract") as caught:
        stage.run(table([*GOOD[:20], bad, *GOOD[20:]]), block_bytes=block_bytes)
    assert str(caught.value) == (
        f"{stage.raw}: 1 of 41 rows break the data contract (2.4390%; prepare.max_bad_fraction allows 0.0000%)\n\n"
        f"  {rule}: 1 of 41 rows\n    line 22: found {found}\n"
        "Mend these lines, or raise prepare.max_bad_fraction to let them go to quarantine."
        f"\nThis report is also in {stage.report}."
    )


@BLOCK_SIZES
def test_bytes_of_another_encoding_fail_the_run_with_their_line(stage, block_bytes):
    raw = table([*GOOD[:4], row(job_title="Café"), *GOOD[4:]]).replace("Café".encode(), b"Caf\xe9")
    with pytest.raises(ValueError, match=r"\(bytes that are not UTF-8\): 1 of 41 rows\n    line 6: found .*Caf.*xe9"):
        stage.run(raw, block_bytes=block_bytes)


@BLOCK_SIZES
def test_an_unclosed_quote_fails_the_run_with_the_lines_that_it_takes(stage, block_bytes):
    with pytest.raises(ValueError, match=r"line 3: found '2023,SE,FT,\"Data,.* in lines 3 to 42 \(40 lines\)"):
        stage.run(table([GOOD[0], row(job_title='"Data'), *GOOD[1:]]), block_bytes=block_bytes)


@BLOCK_SIZES
def test_damage_of_every_kind_is_in_one_report_with_the_right_lines(stage, block_bytes):
    lines = [line for good, bad in zip(GOOD, BAD_LINES, strict=False) for line in (good, bad)]
    with pytest.raises(
        ValueError, match=f"{len(BAD_LINES)} of {len(lines) + 1} rows break the data contract"
    ) as caught:
        stage.run(table([*lines, GOOD[0]]), block_bytes=block_bytes)
    for rule, _ in BAD_LINES.values():
        lines_found = [3 + 2 * number for number, (other, _) in enumerate(BAD_LINES.values()) if other == rule]
        assert f"  {rule}: {len(lines_found)} of {len(lines) + 1} rows\n    line {lines_found[0]}: found " in str(
            caught.value
        )


def test_a_truncated_last_line_fails_the_run_with_its_number(stage):
    with pytest.raises(ValueError, match=r"\(not 11 fields\): 1 of 40 rows\n    line 41: found "):
        stage.run(table(GOOD)[: -len("US,M") - 2])


def test_a_huge_cell_fails_the_run_and_is_shown_in_short(stage):
    with pytest.raises(ValueError, match=r"line 3: found 'x{79}… \(10000002 characters\)") as caught:
        stage.run(table([GOOD[0], row(job_title="x" * 10_000_000), *GOOD]))
    assert len(str(caught.value)) < 1000


def test_a_line_longer_than_a_line_may_be_fails_the_run(stage):
    with pytest.raises(ValueError, match=f"line 3 is over {LINE_BYTES} bytes long: is this a CSV file"):
        stage.run(table([GOOD[0], "x" * (LINE_BYTES + 1), *GOOD]))


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "line 1 must be a header that names work_year, "),
        (table([]), "the table must have at least one row, found only the header"),
        (table([]) + b"\n\r\n", "the table must have at least one row, found only the header"),
        (table(GOOD, header=HEADER.replace("job_title,", "")), "found: column 'job_title' is missing"),
        (table(GOOD).replace(b",", b";"), "found: the separator is ';': save the table with commas"),
        (table(GOOD).decode().encode("utf-16"), "found what seems to be UTF-16 text; save it as UTF-8"),
        (gzip.compress(table(GOOD))[:-9], "found it cut off or damaged"),
        (
            table(GOOD[:1] * 600),
            r"prepare.split must leave rows for each of train, .*; found .*600 .*\(different rows: 1 of 600\);"
            " equal rows are always in one split: bring more different rows",
        ),
        (
            table(GOOD[:1]),
            r"found [01] for train, [01] for valid, [01] for test \(different rows: 1 of 1\); .* bring more",
        ),
    ],
)
def test_a_file_that_is_no_table_fails_the_run(stage, raw, message):
    split = {"salt": "salaries", "valid_fraction": 0.49, "test_fraction": 0.5}
    with pytest.raises(ValueError, match=message):
        stage.run(raw, split=split)
    assert stage.files() == {}


@BLOCK_SIZES
@pytest.mark.parametrize(
    "raw",
    [
        table(GOOD, end="\r\n"),
        table(GOOD).rstrip(b"\n"),
        table(GOOD) + b"\n\r\n\n",
        b"\xef\xbb\xbf" + table(GOOD),
        table([",".join(reversed(line.split(","))) for line in (HEADER, *GOOD)], header="")[1:],
        table([",".join(f'"{cell}"' for cell in line.split(",")) for line in GOOD]),
    ],
    ids=["CRLF", "no last line feed", "blank lines at the end", "BOM", "reordered columns", "all quoted"],
)
def test_another_spelling_of_the_same_table_gives_the_same_bytes(stages, raw, block_bytes):
    plain, other = stages(), stages()
    plain.run(table(GOOD))
    other.run(raw, block_bytes=block_bytes)
    assert other.files() == plain.files()
    assert other.metrics == plain.metrics


@pytest.mark.parametrize(
    "line",
    [
        row(job_title='"Lead, AI"'),
        row(job_title='5" Analyst'),
        row(company_location="NA"),
        row(work_year="2021e"),
        GOOD[0],
    ],
    ids=["quoted comma", "quote inside", "Namibia", "estimated year", "duplicate"],
)
def test_an_odd_line_that_keeps_the_contract_is_a_row(stage, line):
    stage.run(table([*GOOD, line]))
    assert stage.metrics["rows"] == 41
    assert stage.metrics["rows_quarantined"] == 0
    assert stage.metrics["rows_with_estimated_year"] == ("2021e" in line)


def test_a_tolerated_share_goes_to_quarantine_with_its_reasons(stage):
    stage.run(table([*GOOD, row(company_size="XL"), "2023,SE"]), max_bad_fraction=0.05)
    assert pq.read_table(stage.out / "quarantine.parquet").to_pylist() == [
        {"line": 42, "reasons": "company_size must be one of S, M, L, found 'XL'", "text": row(company_size="XL")},
        {
            "line": 43,
            "reasons": "a record must be one row of comma-separated UTF-8 text (not 11 fields)",
            "text": "2023,SE",
        },
    ]
    assert stage.metrics["rows_quarantined"] == 2
    assert stage.report.read_text(encoding="utf-8").startswith(f"{stage.raw}: 2 of 42 rows break the data contract")


def test_columns_that_are_not_in_the_contract_are_left_out_counted_and_named(stages):
    plain, other = stages(), stages()
    plain.run(table(GOOD))
    other.run(table([f"{place},{line},,x" for place, line in enumerate(GOOD)], header=f",{HEADER},,bonus"))
    assert other.files() == plain.files()
    assert other.metrics == plain.metrics | {"columns_ignored": 3}
    assert other.report.read_text(encoding="utf-8") == (
        f"{other.raw}: 0 of 40 rows break the data contract (0.0000%; prepare.max_bad_fraction allows 0.0000%)\n\n"
        "  3 columns are not in the data contract: 'unnamed_1', 'unnamed_13', 'bonus' (without a name in the header:"
        " an index, which to_csv(index=False) leaves out, or a comma at its end): left out\n"
    )


def test_a_share_above_the_tolerated_one_fails_the_run(stage):
    with pytest.raises(ValueError, match=r"3 of 43 rows .* \(6.9767%; prepare.max_bad_fraction allows 5.0000%\)"):
        stage.run(table([*GOOD, *["2023,SE"] * 3]), max_bad_fraction=0.05)


def test_exactly_the_tolerated_share_passes(stage):
    stage.run(table([*GOOD[:19], "2023,SE"]), max_bad_fraction=0.05)
    assert stage.metrics["rows_quarantined"] == 1


def test_rows_in_are_rows_out_plus_quarantine(stage):
    stage.run(table([*GOOD, *BAD_LINES, GOOD[0]]), max_bad_fraction=0.9)
    out = {name: pq.read_metadata(stage.out / f"{name}.parquet").num_rows for name in (*SPLITS, "quarantine")}
    assert sum(out.values()) == 41 + len(BAD_LINES) == stage.metrics["rows"]
    assert stage.metrics == {
        "rows": sum(out.values()),
        "rows_quarantined": out["quarantine"],
        "rows_train": out["train"],
        "rows_valid": out["valid"],
        "rows_test": out["test"],
        "columns_ignored": 0,
        "rows_with_estimated_year": 0,
        "rows_with_zero_fraction": 0,
    }


@pytest.mark.parametrize("target", ["standard", "minmax", "log1p"])
def test_a_quarantined_salary_leaves_no_trace_in_the_rows(stages, target):
    clean, damaged = stages(), stages()
    clean.run(table(GOOD), target=target)
    bad = [row(salary_in_usd=text) for text in ("NaN", "-5", "0", 10**12)]
    damaged.run(table([*bad, *GOOD]), target=target, max_bad_fraction=0.1)
    for name in ("encoder.json", *(f"{split}.parquet" for split in SPLITS)):
        assert damaged.files()[name] == clean.files()[name]


def decoded(stage, split):
    """The rows of one split, back in the values of the raw table, by vocabulary."""
    encoder = Encoder.read(stage.out / "encoder.json")
    rows = pq.read_table(stage.out / f"{split}.parquet").to_pydict()
    values = {name: [([None, *encoder.vocabularies[name]])[code] for code in rows[name]] for name in FEATURES}
    return list(zip(*values.values(), rows[TARGET], strict=True))


def test_training_rows_decode_to_the_raw_rows(stage):
    stage.run(table(GOOD))
    raw = [tuple(values.values()) for values in batch(GOOD).select([*FEATURES, TARGET]).to_pylist()]
    training = decoded(stage, "train")
    assert training == [values for values in raw if values in set(training)]


def test_vocabularies_and_scaling_come_from_training_rows_alone(stage):
    stage.run(table([row(job_title=f"Title {number}", salary_in_usd=number + 1) for number in range(300)]))
    encoder = Encoder.read(stage.out / "encoder.json")
    train = pq.read_table(stage.out / "train.parquet")
    assert len(encoder.vocabularies["job_title"]) == train.num_rows == stage.metrics["rows_train"]
    assert 0 not in train["job_title"].to_pylist()
    for split in ("valid", "test"):
        assert set(pq.read_table(stage.out / f"{split}.parquet")["job_title"].to_pylist()) == {0}
    assert encoder.scaling.center == pytest.approx(np.mean(train[TARGET].to_numpy()))
    assert encoder.scaling.scale == pytest.approx(np.std(train[TARGET].to_numpy()))


def test_every_split_has_the_explicit_schema(stage):
    stage.run(table(GOOD))
    for split in SPLITS:
        assert pq.read_schema(stage.out / f"{split}.parquet").equals(ROWS, check_metadata=True)


def test_no_row_is_in_two_splits(stage):
    stage.run(table(GOOD * 3))
    hashes = [set(pq.read_table(stage.out / f"{split}.parquet")[HASH].to_pylist()) for split in SPLITS]
    assert all(hashes)
    assert len(set.union(*hashes)) == sum(map(len, hashes))


def test_the_bytes_depend_on_the_rows_alone_and_not_on_the_blocks(stages):
    raw = table([*rows(300), *BAD_LINES, *rows(30)], end="\n")
    runs = [stages() for _ in range(5)]
    for stage, size in zip(runs, (1009, 2500, 5000, BLOCK_BYTES, BLOCK_BYTES), strict=True):
        stage.run(raw, max_bad_fraction=0.5, block_bytes=size)
    assert list(runs[0].files()) == FILES
    assert all(stage.files() == runs[0].files() for stage in runs)
    assert all(stage.metrics == runs[0].metrics for stage in runs)


@pytest.mark.parametrize("seed", range(4))
def test_the_report_and_the_quarantine_know_no_blocks(stages, seed):
    draw = random.Random(seed)
    raw, runs = table([*rows(30), *draw.sample(sorted(BAD_LINES), len(BAD_LINES))]), [stages() for _ in range(4)]
    for stage, size in zip(runs, (BLOCK_BYTES, *draw.sample(range(200, 5000), 3)), strict=True):
        stage.run(raw, max_bad_fraction=0.9, block_bytes=size)
    assert len({report_without_path(stage) for stage in runs}) == 1
    assert len({stage.files()["quarantine.parquet"] for stage in runs}) == 1


def test_the_report_has_the_problems_of_records_and_then_the_columns_in_their_order(stage):
    stage.run(
        table([*GOOD, row(company_size="m"), row(salary="lots"), "2023,SE", ""]) + GOOD[0].encode(),
        max_bad_fraction=0.9,
    )
    found = re.findall(r"^  (\w+ .*): 1 of 45 rows$", report_without_path(stage), flags=re.MULTILINE)
    assert found == [f"{LINE} (blank line)", f"{LINE} (not 11 fields)", SALARY, "company_size must be one of S, M, L"]


def report_without_path(stage):
    return stage.report.read_text(encoding="utf-8").removeprefix(str(stage.raw))


def make_folder(stage, files):
    """A table of several files."""
    for name, data in files.items():
        path = stage.folder / "tables" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return stage.folder / "tables"


SIZES = [(64 << 20, 8 << 20), (8 << 20, 20_000), (5000, 8 << 20), (700, 3000)]  # of parts and of blocks


@pytest.mark.parametrize(("part_bytes", "block_bytes"), SIZES)
def test_the_bytes_depend_on_the_rows_alone_and_not_on_the_parts(stages, part_bytes, block_bytes):
    told = row(job_title='"told by phone,\nask again"')
    raw = table([*rows(150), *[told, GOOD[0]] * 40, *BAD_LINES, told, "", *rows(30)])
    whole, parts = stages(), stages()
    whole.run(raw, max_bad_fraction=0.5)
    parts.run(raw, max_bad_fraction=0.5, part_bytes=part_bytes, block_bytes=block_bytes)
    assert parts.files() == whole.files()
    assert parts.metrics == whole.metrics
    assert report_without_path(parts) == report_without_path(whole)


@pytest.mark.parametrize(("part_bytes", "block_bytes"), SIZES[:3])
def test_a_folder_gives_the_bytes_of_its_files_put_together(stages, sample_table, part_bytes, block_bytes):
    whole, parts = stages(), stages()
    whole.run(sample_table)
    lines = sample_table.read_text(encoding="utf-8").splitlines()[1:]
    reordered = table([",".join(reversed(line.split(","))) for line in (HEADER, *lines[900:1700])], header="")[1:]
    files = {
        "2021/a.csv": table(lines[:900]),
        "2021/b.csv": reordered,
        "2022.csv": gzip.compress(table(lines[1700:1900])),
        "2023.csv": table([]),
        "2024": parquet(table(lines[1900:2500])),
        "_SUCCESS": b"",
        "z.csv": table(lines[2500:], end="\r\n"),
    }
    parts.run(make_folder(parts, files), part_bytes=part_bytes, block_bytes=block_bytes)
    assert parts.files() == whole.files()
    assert parts.metrics == whole.metrics
    assert not parts.report.exists()


def test_a_folder_of_one_file_is_that_file(stages):
    raw = table([*GOOD, row(company_size="XL")])
    one, folder = stages(), stages()
    one.run(raw, max_bad_fraction=0.5)
    folder.run(make_folder(folder, {"a.csv": raw}), max_bad_fraction=0.5)
    assert folder.files() == one.files()


@pytest.mark.parametrize("part_bytes", [300, 64 << 20])
def test_a_problem_in_a_folder_has_its_file_and_the_line_in_it(stages, part_bytes):
    folder, whole, bad = stages(), stages(), row(company_size="XL")
    torn = row(job_title='"told\nby phone" x')
    files = {"a.csv": table([*GOOD, bad]), "b.csv": table([*GOOD[:9], torn, bad, *GOOD[9:]])}
    folder.run(make_folder(folder, files), max_bad_fraction=0.5, part_bytes=part_bytes)
    broken = pq.read_table(folder.out / "quarantine.parquet")
    assert broken.column_names == ["file", "line", "reasons", "text"]
    assert list(zip(broken["file"].to_pylist(), broken["line"].to_pylist(), strict=True)) == [
        ("a.csv", 42),
        ("b.csv", 11),
        ("b.csv", 13),
    ]
    assert folder.report.read_text(encoding="utf-8") == (
        f"{folder.folder / 'tables'}: 3 of 83 rows break the data contract"
        " (3.6145%; prepare.max_bad_fraction allows 50.0000%)\n\n"
        f"  {LINE} (unclosed or misplaced quote): 1 of 83 rows\n"
        f"    b.csv, line 11: found {torn!r} in lines 11 to 12 (2 lines)\n\n"
        "  company_size must be one of S, M, L: 2 of 83 rows\n"
        "    a.csv, line 42: found 'XL'\n    b.csv, line 13: found 'XL'\n"
    )
    whole.run(table([*GOOD, bad, *GOOD[:9], torn, bad, *GOOD[9:]]), max_bad_fraction=0.5)
    assert broken.drop_columns(["file", "line"]) == pq.read_table(whole.out / "quarantine.parquet").drop_columns("line")
    others = [name for name in FILES if name != "quarantine.parquet"]
    assert [folder.files()[name] for name in others] == [whole.files()[name] for name in others]


def test_columns_that_one_file_of_a_folder_has_are_left_out_counted_and_named(stage):
    bonus = table([f"{line},7" for line in GOOD], header=f"{HEADER},bonus")
    noted = table([f"fine,{line},8" for line in GOOD], header=f"note,{HEADER},bonus")
    stage.run(make_folder(stage, {"a.csv": table(GOOD), "b.csv": bonus, "c.csv": noted}))
    assert stage.metrics["columns_ignored"] == 2
    assert "2 columns are not in the data contract: 'bonus', 'note': left out" in stage.report.read_text("utf-8")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "tables: the raw table must be .* a folder of such, found a folder without one; set data.path"),
        ({"a.csv": table(GOOD), "b.csv": b""}, "tables/b.csv: line 1 must be a header that names work_year, "),
        ({"a.csv": table([]), "b.csv": table([])}, "tables: the table must have at least one row, found only the he"),
        ({"a.csv": table(GOOD), "b.csv": b"a,b\n1,2\n"}, "tables/b.csv: the header must name .* is missing"),
        ({"a.csv": table(GOOD), "b.csv": gzip.compress(table(GOOD))[:-9]}, "tables/b.csv: .* found it cut off or"),
        ({"a.csv": table(GOOD), "b.zip": b"PK\x03\x04"}, "tables/b.zip: .* found what seems to be a zip archive"),
        ({"a.csv": table(GOOD), "b.csv": table(["2023,SE"])}, "tables: 1 of 41 rows break"),
    ],
)
def test_a_folder_that_is_no_table_fails_the_run(stage, files, message):
    (stage.folder / "tables").mkdir()
    with pytest.raises(ValueError, match=message):
        stage.run(make_folder(stage, files))
    assert stage.files() == {}


@pytest.mark.real
def test_a_real_table_gives_the_same_bytes_in_blocks_of_any_size(stages, real_tables):
    (path,) = (path for path in real_tables if path.stem == "salaries_2022-05-22")
    runs = [stages() for _ in range(3)]
    for stage, size in zip(runs, (9000, 20_011, BLOCK_BYTES), strict=True):
        stage.run(path, block_bytes=size)
    assert all(stage.files() == runs[0].files() for stage in runs)
    assert runs[0].metrics["rows_quarantined"] == 0


def test_a_failing_run_leaves_the_earlier_outputs_as_they_were(stage):
    stage.run(table(GOOD))
    before, metrics = stage.files(), stage.metrics
    for raw in (table([*GOOD, "2023,SE"]), b"", table([])):
        with pytest.raises(ValueError, match="found"):
            stage.run(raw)
        assert stage.files() == before
        assert stage.metrics == metrics


def test_a_good_run_removes_the_report_of_a_broken_one(stage):
    with pytest.raises(ValueError, match="break the data contract"):
        stage.run(table([*GOOD, "2023,SE"]))
    assert stage.report.is_file()
    stage.run(table(GOOD))
    assert not stage.report.exists()


@pytest.mark.parametrize("raw", [table(GOOD), table([*GOOD, "2023,SE"]), table([]), b""])
def test_nothing_is_left_beside_the_outputs(stage, raw):
    try:
        stage.run(raw)
    except ValueError:
        assert stage.files() == {}
    left = {path.name for path in stage.folder.iterdir()}
    assert left <= {"raw.csv", "prepared", "prepare.json", "contract-report.txt"}


@pytest.fixture
def project(stage, monkeypatch):
    """A folder with the settings and the record of versions that `main` reads."""
    split = {"salt": "s", "valid_fraction": 0.2, "test_fraction": 0.2}
    settings = {"max_bad_fraction": 0.0, "split": split, "min_count": 1, "target": "standard"}
    monkeypatch.chdir(stage.folder)
    write_settings(stage.folder, data={"path": "raw.csv"}, prepare=settings)
    versions.main([])
    return stage


ARGUMENTS = ["--out", "prepared", "--metrics", "prepare.json", "--report", "contract-report.txt"]


def test_the_command_prepares_the_table_that_the_settings_name(project):
    project.raw.write_bytes(table(GOOD))
    prepare.main(ARGUMENTS)
    assert list(project.files()) == FILES
    assert project.metrics["rows"] == 40


def test_the_command_makes_the_folders_it_writes_to(project):
    project.raw.write_bytes(table([*GOOD, "2023"]))
    with pytest.raises(SystemExit, match="1"):
        prepare.main(["--out", "a/b", "--metrics", "c/d.json", "--report", "e/f.txt"])
    assert (project.folder / "e/f.txt").is_file()


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (
            None,
            "prepare: raw.csv: the raw table must be a CSV or Parquet file, or a folder of such, found nothing",
        ),
        (b"", "prepare: raw.csv: line 1 must be a header that names work_year, "),
        (table([*GOOD, "2023"]), "prepare: raw.csv: 1 of 41 rows break the data contract"),
    ],
)
def test_the_command_ends_with_one_message_and_an_error_code(project, raw, message, capsys):
    if raw is not None:
        project.raw.write_bytes(raw)
    with pytest.raises(SystemExit) as caught:
        prepare.main(ARGUMENTS)
    assert caught.value.code == 1
    assert capsys.readouterr().err.startswith(message)


def test_the_command_names_a_broken_setting(project, capsys):
    write_settings(project.folder, data={"path": 3})
    with pytest.raises(SystemExit, match="1"):
        prepare.main(ARGUMENTS)
    assert capsys.readouterr().err.startswith(
        "prepare: params.yaml: data.path: Input should be a valid string; found 3"
    )


def test_numbers_as_pandas_writes_them_give_the_same_bytes_and_are_counted(stages):
    plain, floats = stages(), stages()
    frame = pd.read_csv(io.BytesIO(table(GOOD)), keep_default_na=False)
    plain.run(frame.to_csv(index=False).encode())
    numbers = frame.select_dtypes("number").columns
    floats.run(frame.astype(dict.fromkeys(numbers, float)).to_csv(index=False).encode())
    assert floats.files() == plain.files()
    assert floats.metrics == plain.metrics | {"rows_with_zero_fraction": 40}


def test_without_estimates_in_the_contract_none_are_counted(stage, monkeypatch):
    monkeypatch.setattr(prepare, "ESTIMATED_VALUES", {})
    stage.run(table(GOOD))
    assert "rows_with_estimated_year" not in stage.metrics


def test_a_table_that_changes_meanwhile_is_refused_and_the_last_outputs_stay(stage, monkeypatch):
    folder, encode = stage.folder / "tables", prepare.encode
    folder.mkdir()
    (folder / "a.csv").write_bytes(table(rows(60)))
    stage.run(folder)
    before = stage.files()

    def encode_and_add_a_file(*arguments, **settings):
        (folder / "b.csv").write_bytes(table(rows(3)))
        return encode(*arguments, **settings)

    monkeypatch.setattr(prepare, "encode", encode_and_add_a_file)
    with pytest.raises(ValueError, match=r"tables: the raw table must stay as it is .*, found other files or versions"):
        stage.run(folder)
    assert stage.files() == before
