import datetime
import errno
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


def is_card(message):
    """True if it is what the webhook of a workflow of Teams takes."""
    (attachment,) = message["attachments"]
    card = attachment["content"]
    blocks = card["body"]
    return (
        message.keys() == {"type", "attachments"}
        and message["type"] == "message"
        and attachment.keys() == {"contentType", "contentUrl", "content"}
        and attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
        and attachment["contentUrl"] is None
        and (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
        and card["$schema"] == "http://adaptivecards.io/schemas/adaptive-card.json"
        and bool(blocks)
        and all(block.keys() == {"type", "text", "wrap"} and block["wrap"] is True for block in blocks)
    )


def takes(form, content_type, body):
    """Whether a receiver of this form takes the message."""
    if form == "text":
        return content_type == "text/plain; charset=utf-8" and not body.startswith(b"{")
    if content_type != "application/json":
        return False
    try:
        message = json.loads(body)
        forms = {
            "slack": lambda: isinstance(message["text"], str) and len(message) == 1,
            "teams": lambda: is_card(message),
        }
        return forms[form]() if form in forms else "ending" in message
    except (ValueError, LookupError, TypeError):
        return False


class Server(http.server.ThreadingHTTPServer):
    """A server that keeps what it gets; below /only/ it refuses what is not of the form that its path ends in."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.got: list[tuple[str, str, bytes]] = []


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self):
        self.server.got.append((self.path, "", b""))
        self.send_response(500 if "broken" in self.path else 200)
        self.end_headers()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        content_type = self.headers["Content-Type"]
        self.server.got.append((self.path, content_type, body))
        if self.path.startswith("/only/") and not takes(self.path.rpartition("/")[2], content_type, body):
            self.send_response(400)
            self.end_headers()
            self.wfile.write(f"invalid_payload for {self.path}\x1b[31m {'x' * 10**5}".encode())
            return
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/hook")
            self.end_headers()
            return
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


NOBODY = {"command": None, "webhook": None, "heartbeat": None, "format": "json", "link": None, "seconds": 60.0}


def tell(tmp_path, *, command=None, webhook=None, seconds=60):
    settings = NOBODY | {"command": command, "webhook": webhook, "seconds": float(seconds)}
    return notify(REPORT, params.parse(params.Notify, settings, where="test"), checkout=Project.at(tmp_path))


def test_a_command_gets_the_report_as_json(tmp_path):
    assert tell(tmp_path, command=["tee", "got.json"]) == []
    assert json.loads((tmp_path / "got.json").read_text()) == REPORT


def test_a_webhook_gets_the_report_as_json(tmp_path, server):
    assert tell(tmp_path, webhook=f"http://127.0.0.1:{server.server_port}/hook") == []
    ((path, content_type, body),) = server.got
    assert (path, content_type, json.loads(body)) == ("/hook", "application/json", REPORT)


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


def test_a_webhook_that_leads_elsewhere_has_not_told_anybody(tmp_path, server):
    (said,) = tell(tmp_path, webhook=f"http://127.0.0.1:{server.server_port}/moved")
    assert said == "notify.webhook: 127.0.0.1: the message is lost, as the address leads to another; name that one"
    assert [body for _, _, body in server.got[1:]] == [b""]


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
    settings = params.parse(params.Notify, NOBODY | notify, where="test")
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


def test_nobody_is_told_night_after_night_that_nights_are_not_set_up(tmp_path):
    end(tmp_path, tmp_path / "runs/a", NightResult(NightOutcome.NO_SOURCE, "why"), command=["touch", "told"])
    assert not (tmp_path / "told").exists()
    assert json.loads((tmp_path / "runs/a/night.json").read_text())["code"] == 22


@pytest.mark.parametrize("outcome", ["unchanged", "failed"])
def test_a_night_without_a_decision_has_no_record(tmp_path, outcome):
    end(tmp_path, tmp_path / "runs/a", NightResult(NightOutcome(outcome), "why"))
    log = json.loads((tmp_path / "runs/a/night.json").read_text())
    assert (log["ending"], log["record"], log["commit"]) == (outcome, None, None)


def test_a_log_that_cannot_be_written_is_said(tmp_path, capsys):
    (tmp_path / "runs").write_text("no folder")
    end(tmp_path, tmp_path / "runs/a", KEPT)
    assert "nightly: no log: " in capsys.readouterr().err


@pytest.mark.parametrize("others", [[], ["nightly.md"]])
def test_a_folder_goes_if_no_log_can_be_written_and_nothing_else_is_in_it(tmp_path, monkeypatch, others):
    def full(facts):
        raise OSError(errno.ENOSPC, "No space left on device")

    run = tmp_path / "runs/a"
    run.mkdir(parents=True)
    for name in others:
        (run / name).touch()
    monkeypatch.setattr("pipeline.runtime.escape.json_text", full)
    end(tmp_path, run, NightResult(NightOutcome.UNCHANGED, "why"))
    assert run.exists() == bool(others)
    assert not (run / "night.json").exists()


def test_what_a_command_is_given_is_secret(tmp_path, server):
    words = ["sh", "-c", 'echo "$0 is refused" >&2; exit 1', "Bearer: t0ken-of-mine"]
    webhook = f"http://127.0.0.1:{server.server_port}/broken/t0ken-of-mine?t0ken=t0ken#t0ken"
    failures = tell(tmp_path, command=words, webhook=webhook)
    assert failures[0].startswith("notify.command: sh *** *** *** ended with code 1\n***")
    assert failures[1].startswith("notify.webhook: 127.0.0.1: HTTP Error 500")
    assert not [part for part in ("echo", "0ke", "mine", "Bear") if part in str(failures)]


FORMS = ["json", "slack", "teams", "text"]


@pytest.mark.parametrize("form", FORMS)
def test_a_receiver_gets_its_form_by_webhook_and_by_command(form, tmp_path, server, capsys):
    webhook = f"http://127.0.0.1:{server.server_port}/only/{form}"
    end(tmp_path, tmp_path / "runs/a", KEPT, webhook=webhook, command=["tee", "told"], format=form)
    ((_, _, body),) = server.got
    assert (tmp_path / "told").read_bytes() == body
    assert not capsys.readouterr().err


@pytest.mark.parametrize(("form", "other"), [(form, other) for form in FORMS for other in FORMS if form != other])
def test_what_a_receiver_says_of_another_form_is_in_the_log_but_for_the_secrets(form, other, tmp_path, server):
    webhook = f"http://127.0.0.1:{server.server_port}/only/t0ken-of-mine/{form}"
    end(tmp_path, tmp_path / "runs/a", KEPT, webhook=webhook, format=other)
    (failure,) = json.loads((tmp_path / "runs/a/night.json").read_text())["not_notified"]
    assert failure.startswith("notify.webhook: 127.0.0.1: HTTP Error 400: Bad Request: invalid_payload for ***")
    assert "0ke" not in failure
    assert len(failure) < 2000


def test_a_link_leads_to_the_nights_commit_and_there_is_none_without(tmp_path):
    link = "https://git.example/{commit}?on={date}"
    end(tmp_path, tmp_path / "runs/a", KEPT, command=["tee", "told"], format="text", link=link)
    assert (tmp_path / "told").read_text().endswith("\nhttps://git.example/c0ffee?on=2026-01-31\n")
    end(tmp_path, tmp_path / "runs/b", NightResult(NightOutcome.UNCHANGED, "why"), command=["tee", "told"], link=link)
    assert json.loads((tmp_path / "told").read_text())["link"] is None


@pytest.mark.parametrize("outcome", [outcome for outcome in NightOutcome if outcome is not NightOutcome.BUSY])
def test_a_night_that_has_ended_lets_the_heartbeat_beat_whatever_it_ended_with(outcome, tmp_path, server, capsys):
    heartbeat = f"http://127.0.0.1:{server.server_port}/beat/t0ken-of-mine"
    end(tmp_path, tmp_path / "runs/a", NightResult(outcome, "why"), heartbeat=heartbeat)
    assert server.got == [("/beat/t0ken-of-mine", "", b"")]
    assert not capsys.readouterr().err


def test_a_heartbeat_that_fails_is_in_the_log_without_its_secret(tmp_path, server, capsys):
    heartbeat = f"http://127.0.0.1:{server.server_port}/broken/t0ken-of-mine"
    end(tmp_path, tmp_path / "runs/a", KEPT, heartbeat=heartbeat)
    log = json.loads((tmp_path / "runs/a/night.json").read_text())
    assert log["ending"] == "kept"
    (failure,) = log["not_notified"]
    assert failure.startswith("notify.heartbeat: 127.0.0.1: HTTP Error 500")
    assert "0ke" not in capsys.readouterr().err + failure
