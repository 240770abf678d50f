import errno
import gzip
import os
import signal
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline import predict
from pipeline.data.source import LINE_BYTES
from pipeline.inference import scoring
from pipeline.inference.answers import ANSWERS, answer
from tests.support.models import make_bundle, overflowing
from tests.support.tables import HEADER, parquet, row, rows, table
from tests.support.work_tree import ROOT

LINES = [*rows(20), row(company_size="XL"), "x", row(job_title="Bard")]
SUMMARY = (
    "predict: 23 rows, 2 of them without a prediction (column problem says why),"
    " 1 with values that the model does not know (column unknown_features)\n"
)


@pytest.fixture
def model(modelled):
    return modelled.folder / "model"


@pytest.fixture
def new(tmp_path):
    path = tmp_path / "new.csv"
    path.write_bytes(table(LINES))
    return path


@pytest.fixture(autouse=True)
def signals():
    """The handlers of signals as they were before."""
    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE)}
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


def test_every_row_comes_out_in_its_place_and_is_counted(new, model, tmp_path):
    counts = predict.run(new, model=model, out=tmp_path / "out.csv", block_bytes=300)
    lines = (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()
    assert [line[: len(before)] for before, line in zip(LINES[:21], lines[1:], strict=False)] == LINES[:21]
    assert len(lines) == 1 + 23
    assert (counts.rows, counts.problems, counts.unknown) == (23, 2, 1)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_folder_of_tables_gives_the_bytes_of_its_files_put_together(new, model, tmp_path, suffix):
    folder = tmp_path / "tables"
    (folder / "b").mkdir(parents=True)
    (folder / "a.csv.gz").write_bytes(gzip.compress(table(LINES[:15])))
    (folder / "b/0.csv").write_bytes(table(LINES[15:]).rstrip(b"\n"))
    (folder / "_SUCCESS").touch()
    together, apart = (tmp_path / f"{name}.{suffix}" for name in ("together", "apart"))
    counts = predict.run(new, model=model, out=together, block_bytes=300)
    assert predict.run(folder, model=model, out=apart, block_bytes=300) == counts
    assert apart.read_bytes() == together.read_bytes()


def test_the_answers_to_a_folder_may_be_a_folder_with_a_file_for_each_of_its_files(model, tmp_path):
    folder, names = tmp_path / "tables", ("a.csv.gz", "b/0.csv", "b/1.parquet", "c")
    (folder / "b").mkdir(parents=True)
    (folder / "a.csv.gz").write_bytes(gzip.compress(table(LINES[:15])))
    (folder / "b/0.csv").write_bytes(table([f"x,{line}" for line in LINES[15:]], header=f"other,{HEADER}"))
    (folder / "b/1.parquet").write_bytes(parquet(table(rows(9))))
    (folder / "c").write_bytes(table(rows(4)))
    counts = predict.run(folder, model=model, out=tmp_path / "answers", block_bytes=300)
    assert (counts.rows, counts.problems, counts.ignored) == (23 + 9 + 4, 2, ("other",))
    answers = [tmp_path / "answers" / name for name in ("a.csv", "b/0.csv", "b/1.parquet", "c.csv")]
    assert sorted(path for path in (tmp_path / "answers").rglob("*") if path.is_file()) == answers
    for name, found in zip(names, answers, strict=True):
        alone = tmp_path / f"alone{found.suffix}"
        predict.run(folder / name, model=model, out=alone, block_bytes=300)
        assert found.read_bytes() == alone.read_bytes(), name


def test_of_a_folder_of_answers_the_csv_files_have_safe_cells(model, tmp_path):
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables/a.csv").write_bytes(table([row(job_title="=1+1")]))
    (tmp_path / "tables/b.parquet").write_bytes(parquet(table([row(job_title="=1+1")])))
    predict.run(tmp_path / "tables", model=model, out=tmp_path / "answers", safe_cells=True)
    assert '"\'=1+1"' in (tmp_path / "answers/a.csv").read_text()
    assert pq.read_table(tmp_path / "answers/b.parquet")["job_title"].to_pylist() == ["=1+1"]


def test_a_folder_of_answers_is_written_whole_or_not_at_all_and_replaces_none(model, tmp_path):
    folder, out = tmp_path / "tables", tmp_path / "answers"
    folder.mkdir()
    (folder / "a.csv").write_bytes(table(LINES))
    (folder / "b.csv").write_bytes(b"no,table\n1,2\n")
    with pytest.raises(ValueError, match=r"b\.csv"):
        predict.run(folder, model=model, out=out)
    assert [path.name for path in tmp_path.iterdir()] == ["tables"]
    (folder / "b.csv").rename(folder / "a.csv.gz")
    with pytest.raises(ValueError, match=r"a name of its own, .*; found a\.csv and a\.csv\.gz; rename"):
        predict.run(folder, model=model, out=out)
    out.mkdir()
    with pytest.raises(ValueError, match="the folder of answers must be new, found a folder; remove it, or name anot"):
        predict.run(folder, model=model, out=out)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_the_same_input_gives_the_same_bytes(new, model, tmp_path, suffix):
    for name in ("one", "two"):
        predict.run(new, model=model, out=tmp_path / f"{name}.{suffix}")
    assert (tmp_path / f"one.{suffix}").read_bytes() == (tmp_path / f"two.{suffix}").read_bytes()


@pytest.mark.parametrize(
    ("source", "out", "message"),
    [
        (
            "missing.csv",
            "out.csv",
            r"missing\.csv: the table must be a CSV or Parquet file, or a folder of such, found n",
        ),
        (".", "out.csv", "the output must lie outside of the table's folder, of which all files are the table"),
        ("folder.csv", "out.csv", "folder.csv: the raw table must be a CSV or Parquet file, .* a folder without one"),
        ("new.csv", "out.xlsx", r"out\.xlsx: the output must be a \.csv or \.parquet file, or - for standard output"),
        ("new.csv", "folder.csv", "the output must be a .csv or .parquet file, or - for standard output"),
        ("new.csv", "no/out.csv", "the output's folder must exist, found none; make it with mkdir -p .*/no"),
        ("new.csv", "new.csv", "the output must be another file than the table"),
        ("new.csv", "link.csv", "the output must be another file than the table"),
    ],
)
def test_a_path_that_is_none_to_read_or_write_is_refused(new, model, tmp_path, source, out, message):
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "link.csv").symlink_to(new)
    with pytest.raises(ValueError, match=message):
        predict.run(tmp_path / source, model=model, out=tmp_path / out)
    assert new.read_bytes() == table(LINES)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "new.csv: line 1 must be a header that names .*; found nothing"),
        (table(LINES, header=HEADER.replace("job_title", "title")), "new.csv: the header must name .* 'job_title' is"),
        (table(LINES, header=HEADER + ",problem"), "these columns are for the answers, found problem; rename them"),
        (table([LINES[0], "x" * (LINE_BYTES + 1)]), "line 3 is over 16777216 bytes long"),
        (table(LINES, end="\r"), "lines must end with a line feed, found carriage returns alone"),
        (gzip.compress(table(rows(5000)), mtime=0)[:-9], "new.csv: a table that begins as gzip must be whole"),
    ],
    ids=["empty", "a feature missing", "a column of its own", "a line too long", "old Macintosh", "cut off"],
)
def test_a_table_that_cannot_be_predicted_leaves_the_old_output(new, model, tmp_path, data, message):
    new.write_bytes(data)
    (tmp_path / "out.csv").write_text("old")
    with pytest.raises(ValueError, match=message):
        predict.run(new, model=model, out=tmp_path / "out.csv", block_bytes=100)
    assert (tmp_path / "out.csv").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.csv", "out.csv"]


BAD, FLOATS = row(company_size="XL"), row(work_year="2023.0", remote_ratio="100.00", salary_in_usd="70000.0")
NONE_AT_ALL = "must hold a prediction for one row at least, found none for 2 of 2 (first: company_size must be one of"


@pytest.mark.parametrize(
    ("lines", "options", "code"),
    [
        ([], [], 0),
        ([BAD] * 99 + [FLOATS], [], 0),
        ([BAD, BAD], [], 3),
        ([], ["--max-bad-fraction", "0"], 0),
        ([BAD, BAD], ["--max-bad-fraction", "1"], 0),
        ([BAD] * 29 + [row()] * 71, ["--max-bad-fraction", "0.29"], 0),
        ([BAD] * 30 + [row()] * 70, ["--max-bad-fraction", "0.29"], 3),
    ],
)
def test_too_few_answers_have_an_exit_code_of_their_own_and_are_written(new, model, tmp_path, lines, options, code):
    new.write_bytes(table(lines))
    out = tmp_path / "out.csv"
    with pytest.raises(SystemExit, match=str(code)) if code else nullcontext():
        predict.main([str(new), "--model", str(model), "--out", str(out), *options])
    assert len(out.read_text().splitlines()) == 1 + len(lines)


def test_no_answer_at_all_says_why(new, model, tmp_path, capsys):
    new.write_bytes(table([BAD, BAD]))
    with pytest.raises(SystemExit):
        predict.main([str(new), "--model", str(model), "--out", str(tmp_path / "out.csv")])
    assert NONE_AT_ALL in capsys.readouterr().err


def test_a_model_without_finite_predictions_has_the_exit_code_of_no_answers(new, modelled, tmp_path, capsys):
    overflowing(make_bundle(modelled.out)).save(tmp_path / "huge")
    new.write_bytes(table([row(), row()]))
    with pytest.raises(SystemExit, match="3"):
        predict.main([str(new), "--model", str(tmp_path / "huge"), "--out", str(tmp_path / "out.csv")])
    found = "found none for 2 of 2 (first: the model must predict a finite number, found NaN or infinity"
    assert found in capsys.readouterr().err
    assert "-9223372036854775808" not in (tmp_path / "out.csv").read_text()


def test_whole_numbers_with_a_fraction_of_zeros_are_those_numbers(new, model, tmp_path):
    new.write_bytes(table([row(), FLOATS]))
    predict.run(new, model=model, out=tmp_path / "out.csv")
    plain, floats = (line.split(",")[11:] for line in (tmp_path / "out.csv").read_text().splitlines()[1:])
    assert plain == floats
    assert plain[0]


@pytest.mark.parametrize("share", ["2", "-0.1", "nan", "some"])
def test_a_share_that_is_none_is_refused(share, capsys):
    with pytest.raises(SystemExit, match="2"):
        predict.main(["a.csv", "--model", "m", "--out", "b.csv", f"--max-bad-fraction={share}"])
    assert f"--max-bad-fraction: must be a share from 0 to 1, such as 0.05, found '{share}'" in capsys.readouterr().err


def test_it_needs_no_settings(new, model, tmp_path):
    command = [sys.executable, "-m", "pipeline.predict", "new.csv", "--model", str(model), "--out", "out.csv"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)


def test_an_interrupt_leaves_the_old_output(new, model, tmp_path, monkeypatch, capsys):
    def interrupted(*arguments):
        os.kill(os.getpid(), signal.SIGTERM)
        return answer(*arguments)

    monkeypatch.setattr(scoring, "answer", interrupted)
    out = tmp_path / "out.csv"
    out.write_text("old")
    with pytest.raises(SystemExit) as ended:
        predict.main([str(new), "--model", str(model), "--out", str(out)])
    assert ended.value.code == 130
    assert capsys.readouterr().err == f"predict: interrupted; {out} is as it was\n"
    assert out.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.csv", "out.csv"]


@pytest.mark.parametrize("url", ["ftp://host/a.csv", "https://host/a.csv?X-Amz-Signature=secret"])
def test_a_url_that_no_table_may_be_at_is_refused_without_its_secret(model, tmp_path, capsys, url):
    with pytest.raises(SystemExit) as ended:
        predict.main([url, "--model", str(model), "--out", str(tmp_path / "out.csv")])
    assert ended.value.code == 1
    assert "the URL of a raw table must begin with" in (said := capsys.readouterr().err)
    assert "secret" not in said


def test_an_error_is_one_line_and_an_exit_code(new, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        predict.main([str(new), "--model", str(tmp_path), "--out", str(tmp_path / "out.csv")])
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith(
        f"predict: {tmp_path}: a model bundle must hold weights.safetensors, found"
    )


def piped(model, data, *, then=""):
    """What the command writes to standard output and error, between two other programs."""
    command = f"'{sys.executable}' -m pipeline.predict - --model '{model}' --out - {then}"
    return subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=ROOT, input=data, capture_output=True)


def test_standard_input_and_output_are_as_good_as_files(new, model, tmp_path):
    done = piped(model, new.read_bytes())
    predict.run(new, model=model, out=tmp_path / "out.csv")
    assert done.stdout == (tmp_path / "out.csv").read_bytes()
    assert done.stderr.decode() == SUMMARY
    assert done.returncode == 0


@pytest.mark.parametrize("pack", [gzip.compress, parquet], ids=["gzip", "Parquet"])
def test_standard_input_may_bring_more_than_csv(model, tmp_path, pack):
    text = table(rows(30))
    done = piped(model, pack(text))
    (tmp_path / "new.csv").write_bytes(text)
    predict.run(tmp_path / "new.csv", model=model, out=tmp_path / "out.csv")
    assert done.stderr.decode().startswith("predict: 30 rows, 0 of them without a prediction")
    assert done.stdout == (tmp_path / "out.csv").read_bytes()


def test_other_columns_are_named_once_and_stay_in_the_output(model, tmp_path, capsys):
    text = table([f"{place},{line},{place}.5" for place, line in enumerate(LINES[:20])], header=f",{HEADER},score")
    (tmp_path / "new").write_bytes(parquet(text))
    predict.main([str(tmp_path / "new"), "--model", str(model), "--out", str(tmp_path / "out.csv")])
    assert capsys.readouterr().err.splitlines() == [
        "predict: 2 columns are not in the data contract: 'unnamed_1', 'score' (without a name in the header:"
        " an index, which to_csv(index=False) leaves out, or a comma at its end): kept in the output, and not read",
        SUMMARY.replace("23 rows, 2", "20 rows, 0").replace(" 1 with", " 0 with").rstrip(),
    ]
    lines = (tmp_path / "out.csv").read_bytes().splitlines()
    assert all(line.startswith(before) for before, line in zip(text.splitlines(), lines, strict=True))


@pytest.mark.parametrize(("source", "out", "name"), [("-", "out.csv", "input"), ("new.csv", "-", "output")])
def test_a_closed_standard_stream_is_refused(new, model, tmp_path, monkeypatch, source, out, name):
    monkeypatch.setattr(sys, f"std{name.removesuffix('put')}", None)
    table, target = (Path(path) if path == "-" else tmp_path / path for path in (source, out))
    with pytest.raises(ValueError, match=f"- is standard {name}, which must be open, found it closed; name a file"):
        predict.run(table, model=model, out=target)
    assert list(tmp_path.iterdir()) == [new]


def test_a_folder_to_read_only_is_refused(new, model, tmp_path, monkeypatch):
    def forbidden(*_):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "mkdir", forbidden)  # root may write anywhere
    with pytest.raises(
        ValueError, match=r"out\.csv: its folder must be one to write in, found Permission denied; choose"
    ):
        predict.run(new, model=model, out=tmp_path / "out.csv")


def test_a_reader_that_has_seen_enough_ends_it_in_silence(model):
    done = piped(model, table(rows(5000)), then="| head -n 1")
    assert done.stdout.decode() == f"{HEADER},{','.join(ANSWERS.names)}\n"
    assert done.stderr == b""
    assert done.returncode == 128 + signal.SIGPIPE


def test_cells_are_made_safe_for_a_spreadsheet_where_that_is_wanted(model, tmp_path, capsys):
    (tmp_path / "new.csv").write_bytes(table([row(job_title="=1+1")]))
    arguments = [str(tmp_path / "new.csv"), "--model", str(model), "--out"]
    predict.main([*arguments, str(tmp_path / "plain.csv")])
    predict.main([*arguments, str(tmp_path / "safe.csv"), "--safe-cells"])
    assert ",=1+1," in (tmp_path / "plain.csv").read_text()
    assert ',"\'=1+1",' in (tmp_path / "safe.csv").read_text()
    with pytest.raises(SystemExit, match="2"):
        predict.main([*arguments, str(tmp_path / "out.parquet"), "--safe-cells"])
    assert "--safe-cells is for CSV" in capsys.readouterr().err
