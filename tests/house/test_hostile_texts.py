"""A table and a world full of hostile texts: headers, titles, countries, servers' answers, names of branches."""

import csv
import datetime
import io
import json
import re
from html.parser import HTMLParser

import pytest

from pipeline import explain, predict, results
from pipeline.data.csv_header import other_columns, parse_header
from pipeline.data.schema import COLUMNS
from pipeline.nights.night import NightResult
from pipeline.nights.page import night_page
from pipeline.nights.record import NightOutcome, Record
from pipeline.nights.report import markdown
from pipeline.runtime import escape
from pipeline.runtime.command import command
from pipeline.runtime.errors import CommandError, RuleError
from tests.nights.test_notify import end
from tests.support.hostile import HOSTILE, INVISIBLE
from tests.support.reports import write_metrics
from tests.support.tables import HEADER, ROW, check, row, table

TEXTS = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
UNSEEN = re.compile(f"(?!\n)[{escape.INVISIBLE}]")
RAW_MARK = re.compile(r"(?<!\\)(?:\\\\)*[*\[\]<>&~]|https?://|www\.")  # of Markdown


class Elements(HTMLParser):
    """The elements and attributes of a page."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, *(name for name, _ in attrs)))


def refusal(name):
    """What is said of a table in whose header one column has this name."""
    line = io.StringIO(newline="")
    csv.writer(line).writerow([name, *COLUMNS[1:]])
    with pytest.raises(ValueError, match=r"must (name|end with a line feed)") as raised:
        parse_header(line.getvalue().encode(), COLUMNS, where="tonight's table")
    return str(raised.value)


def rejected(reason):
    return Record(datetime.date(2026, 1, 31), NightOutcome.REJECTED, reason, table_md5="t" * 32, settings_md5="s" * 32)


@TEXTS
def test_a_nights_record_escapes_the_names_in_a_header(text):
    similar = f"{COLUMNS[0]} {text}"[:55]  # it is quoted as what may be meant
    plain = night_page([rejected("plain").line()], rejected("plain"))
    for reason in (refusal(similar), f"the {text} of {text}\n{text}"):
        record = rejected(reason)
        text_of_it, page_of_it = markdown(record), night_page([record.line()], record)
        assert not RAW_MARK.search(text_of_it)
        assert not re.search(r"^\s*#", text_of_it.partition("\n")[2], re.MULTILINE)
        assert not UNSEEN.search(text_of_it + page_of_it + record.to_json())
        assert {name for name, *_ in Elements(page_of_it).found} <= {name for name, *_ in Elements(plain).found}
        assert json.loads(record.to_json())["reason"] == reason


@TEXTS
def test_the_report_escapes_whatever_the_metrics_hold(tmp_path, text):
    value = f"job_title={text}"
    changes = {"slices": [{"slice": value, "rows": 30, "mse_usd2": 1.0, "bias_usd": 1.0}]}
    plain = {"slices": [{"slice": "job_title=Analyst", "rows": 30, "mse_usd2": 1.0, "bias_usd": 1.0}]}
    (tmp_path / "plain").mkdir()
    report, shown = write_metrics(tmp_path, mine=changes).report()
    _, plain_page = write_metrics(tmp_path / "plain", mine=plain).report()
    shapes = [
        [each for each in Elements(one).found if each[0] not in ("title", "tspan")] for one in (shown, plain_page)
    ]
    assert shapes[0] == shapes[1]
    (line,) = [line for line in report.splitlines() if line.startswith("| job_title=")]
    assert not RAW_MARK.search(line)
    assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) == 5
    assert not UNSEEN.search(report + shown)


@TEXTS
def test_the_table_of_results_escapes_names(text):
    scores = ("mse_usd2", "rmse_usd", "mae_usd", "r2")
    numbers = {f"test_{kind}{name}": 1.0 for kind in ("", "mean_", "cell_mean_", "ridge_") for name in scores}
    found = results.table({text: numbers | {f"test_mse_over_ridge_{end}": 0.5 for end in ("low", "high")}})
    assert not UNSEEN.search(found)
    assert len({len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in found.splitlines()[:4]}) == 1


@TEXTS
def test_whoever_is_told_of_a_night_gets_json_and_no_command_to_a_terminal(tmp_path, text, capsys):
    result = NightResult(NightOutcome.REJECTED, text, rejected(text))
    end(tmp_path, tmp_path / "runs/a", result, command=["sh", "-c", "cat >told.json; cat told.json >&2; exit 1"])
    assert json.loads((tmp_path / "told.json").read_text(encoding="utf-8"))["message"] == text
    log = (tmp_path / "runs/a/night.json").read_text(encoding="utf-8")
    assert json.loads(log)["record"]["reason"] == text
    assert not UNSEEN.search(log + capsys.readouterr().err)


@TEXTS
@pytest.mark.parametrize("kind", [ValueError, OSError, "rule", "command"])
def test_an_error_is_told_without_commands_to_a_terminal(text, kind, capsys):
    error = kind(text) if isinstance(kind, type) else CommandError([text], text, text.encode())
    error = RuleError(text, rule=text, found=text, fix=text) if kind == "rule" else error
    with pytest.raises(SystemExit), command("test"):
        raise error
    assert not re.search(f"(?![\n\t])[{escape.INVISIBLE}]", capsys.readouterr().err)


@pytest.mark.parametrize("text", [HOSTILE[name] for name in INVISIBLE], ids=INVISIBLE)
def test_the_contract_refuses_what_cannot_be_seen_in_training_and_in_answers(text, modelled, tmp_path):
    bad = row(job_title=f"A {text}".replace("\r", "\x85"))  # a return ends a line
    assert check([bad, row()]).report.violations.keys() == check([row(job_title=""), row()]).report.violations.keys()
    (tmp_path / "new.csv").write_bytes(table([bad, row()]))
    counts = predict.run(tmp_path / "new.csv", model=modelled.folder / "model", out=tmp_path / "out.csv")
    assert (counts.problems, "invisible" in counts.first_problem) == (1, True)
    with pytest.raises(ValueError, match=r"job_title must be .* invisible characters, found"):
        explain.read_row(json.dumps(ROW | {"work_year": 2023, "remote_ratio": 100, "job_title": f"A {text}"}))


@TEXTS
def test_a_country_and_a_further_column_are_shown_as_python_writes_them(text, capsys, modelled, tmp_path):
    cell = '"' + text.replace('"', '""').replace("\r", " ") + '"'
    found = check([row(employee_residence=cell), row()]).report
    found.ignored = other_columns([text])
    assert not UNSEEN.search(found.text(where="a table", allowed=0))
    header = HEADER + "," + cell
    (tmp_path / "new.csv").write_bytes(table([f"{row()},1"], header=header))
    predict.main(
        [str(tmp_path / "new.csv"), "--model", str(modelled.folder / "model"), "--out", str(tmp_path / "o.csv")]
    )
    assert not UNSEEN.search(capsys.readouterr().err)
