import datetime
import http.server
import json
import socket
import sys
import threading
import time

import pytest

from pipeline import params
from pipeline.nights.night import NightResult
from pipeline.nights.notify import notify, notify_and_log
from pipeline.nights.record import NightOutcome, Record
from pipeline.repository.project import Project

REPORT = {"decision": "promoted", "mse_usd2": 1.5}
DATE = datetime.date(2026, 1, 31)
RECORD = Record(DATE, NightOutcome.KEPT, "worse", table_md5="t", settings_md5="p", numbers={"rows": 600})
KEPT = NightResult(NightOutcome.KEPT, "worse", RECORD, "c0ffee")


class Server(http.server.ThreadingHTTPServer):
    """A server that keeps what it gets."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.got: list[tuple[str, str, object]] = []


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, self.headers["Content-Type"], json.loads(body)))
        self.send_response(500 if "broken" in self.path else 204)
        self.end_headers()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")


def tell(tmp_path, *, command=None, webhook=None, seconds=60):
    settings = {"command": command, "webhook": webhook, "seconds": float(seconds)}
    return notify(REPORT, params.parse(params.Notify, settings, where="test"), checkout=Project.at(tmp_path))


def test_a_command_gets_the_report_as_json(tmp_path):
    assert tell(tmp_path, command=["tee", "got.json"]) == []
    assert json.loads((tmp_path / "got.json").read_text()) == REPORT


def test_a_webhook_gets_the_report_as_json(tmp_path, server):
    assert tell(tmp_path, webhook=f"http://127.0.0.1:{server.server_port}/hook") == []
    assert server.got == [("/hook", "application/json", REPORT)]


def test_nobody_is_told_where_nobody_is_named(tmp_path):
    assert tell(tmp_path) == []


@pytest.mark.parametrize("command", [["no-such-program"], ["false"], ["a\0b"]])
def test_a_command_that_fails_is_said_and_keeps_nobody_else_from_being_told(command, tmp_path, server):
    (failure,) = tell(tmp_path, command=command, webhook=f"http://127.0.0.1:{server.server_port}/hook")
    assert failure.startswith("notify.command: ")
    assert len(server.got) == 1


@pytest.mark.parametrize(
    ("webhook", "failure"),
    [
        ("http://127.0.0.1:{port}/broken/secret", "127.0.0.1: HTTP Error 500"),
        ("http://127.0.0.1:1/secret", "127.0.0.1: <urlopen error"),
        ("file:///secret", "must begin with https:// or http://, found file"),
        ("secret", "found neither"),
        ("http://[secret", "the address must be a valid URL"),
        ("http://127.0.0.1:secret/", "the address must be a valid URL"),
        ("http://127.0.0.1/a secret", "the address must be a valid URL"),
    ],
)
def test_a_webhook_that_fails_is_said_without_the_rest_of_its_address(webhook, failure, tmp_path, server):
    (said,) = tell(tmp_path, webhook=webhook.format(port=server.server_port))
    assert failure in said
    assert "secret" not in said


def test_neither_may_hang(tmp_path):
    sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
    with socket.create_server(("127.0.0.1", 0)) as listening:  # connects, and answers with a header that never ends
        stop = threading.Event()

        def drip():
            connection, _ = listening.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                while not stop.wait(0.1):
                    connection.sendall(b"a")

        thread = threading.Thread(target=drip)
        thread.start()
        start = time.monotonic()
        failures = tell(tmp_path, command=sleep, webhook=f"http://127.0.0.1:{listening.getsockname()[1]}/", seconds=1)
        stop.set()
        thread.join()
    assert "took longer than 1 s" in failures[0]
    assert "no answer within 1 s" in failures[1]
    assert time.monotonic() - start < 60


def end(tmp_path, run, result, **notify):
    nobody = {"command": None, "webhook": None, "seconds": 60.0}
    settings = params.parse(params.Notify, nobody | notify, where="test")
    started = datetime.datetime.now(datetime.UTC)
    notify_and_log(result, settings, checkout=Project.at(tmp_path), run=run, date=DATE, started=started)


def test_the_log_has_the_outcome_the_record_and_who_could_not_be_told(tmp_path, capsys):
    end(tmp_path, tmp_path / "runs/a", KEPT, command=["false"])
    log = json.loads((tmp_path / "runs/a/night.json").read_text())
    assert (log["ending"], log["code"], log["message"], log["commit"]) == ("kept", 20, "worse", "c0ffee")
    assert (log["date"], log["run"], log["record"]["numbers"]) == ("2026-01-31", "a", {"rows": 600.0})
    (failure,) = log["not_notified"]
    assert failure.startswith("notify.command: false ended with code 1")
    assert f"nightly: {failure}" in capsys.readouterr().err


def test_whoever_is_told_gets_what_the_log_has_but_no_duration(tmp_path):
    end(tmp_path, tmp_path / "runs/a", KEPT, command=["tee", "told.json"])
    log = json.loads((tmp_path / "runs/a/night.json").read_text())
    told = json.loads((tmp_path / "told.json").read_text())
    assert {*log} - {*told} == {"seconds", "not_notified"}
    assert all(log[name] == value for name, value in told.items())


@pytest.mark.parametrize("outcome", ["unchanged", "failed"])
def test_a_night_without_a_decision_has_no_record(tmp_path, outcome):
    end(tmp_path, tmp_path / "runs/a", NightResult(NightOutcome(outcome), "why"))
    log = json.loads((tmp_path / "runs/a/night.json").read_text())
    assert (log["ending"], log["record"], log["commit"]) == (outcome, None, None)


def test_a_log_that_cannot_be_written_is_said(tmp_path, capsys):
    (tmp_path / "runs").write_text("no folder")
    end(tmp_path, tmp_path / "runs/a", KEPT)
    assert "nightly: no log: " in capsys.readouterr().err


def test_what_a_command_is_given_is_secret(tmp_path, server):
    words = ["sh", "-c", 'echo "$0 is refused" >&2; exit 1', "Bearer: t0ken-of-mine"]
    webhook = f"http://127.0.0.1:{server.server_port}/broken/t0ken-of-mine?t0ken=t0ken#t0ken"
    failures = tell(tmp_path, command=words, webhook=webhook)
    assert failures[0].startswith("notify.command: sh *** *** *** ended with code 1\n***")
    assert failures[1].startswith("notify.webhook: 127.0.0.1: HTTP Error 500")
    assert not [part for part in ("echo", "0ke", "mine", "Bear") if part in str(failures)]
