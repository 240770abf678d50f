"""Sources that fail as real ones do: files, and a server of our own; dvc reads them."""

import base64
import gzip
import http.server
import shutil
import threading
from contextlib import suppress
from types import SimpleNamespace

import pytest

from pipeline import params
from pipeline.nights.fetch import RESERVE_BYTES, fetch
from pipeline.repository.dvc_lock import md5_of
from pipeline.repository.project import Project
from pipeline.runtime.errors import RuleError
from tests.support.settings import all_settings
from tests.support.work_tree import run

TABLE = b"a,b\n1,2\n"
BOMB = gzip.compress(bytes(1 << 25))
KEY = "a-t0ken-of-mine"
BASIC = f"Basic {base64.b64encode(f'me:{KEY}'.encode()).decode()}"


def forbidden(seconds):
    pytest.fail(f"waits {seconds} s where there is nothing to wait for")


def fetch_here(tmp_path, source, *, tries=1, seconds=60, max_bytes=1000, pause=forbidden):
    (tmp_path / "data").mkdir(exist_ok=True)
    target = tmp_path / "data/table.csv"
    changes = {"tries": tries, "fetch_seconds": seconds}
    limits = params.parse(params.Nightly, all_settings()["nightly"] | changes, where="test")
    project = Project.at(tmp_path)
    return fetch(source, project=project, destination=target, limits=limits, max_bytes=max_bytes, pause=pause)


def files(tmp_path):
    return {file.name for file in (tmp_path / "data").rglob("*")}


class Server(http.server.ThreadingHTTPServer):
    """A server whose answer is the table, or what `answer` says; dvc asks several times a try.

    "half" of it, "silence", bytes without an "end", a "bomb" of gzip, an error's code; or "private": the table for who
    knows the password, in either of two headers.
    """

    daemon_threads = True

    def __init__(self, answer):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer
        self.closing = threading.Event()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/table.csv"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_HEAD(self):
        answer = self.server.answer
        if answer == "private" and not {self.headers["Authorization"], self.headers["X-Token"]} & {BASIC, KEY}:
            answer = "401"
        if answer.isdigit():
            self.send_error(int(answer))
            return
        self.send_response(200)
        if answer == "bomb":
            self.send_header("Content-Encoding", "gzip")
        elif answer != "end":
            self.send_header("Content-Length", str(len(TABLE)))
        self.end_headers()

    def do_GET(self):
        if self.server.answer == "silence":
            self.server.closing.wait()
            return
        self.do_HEAD()
        if self.server.answer.isdigit():
            return
        if self.server.answer == "bomb":
            self.wfile.write(BOMB)
            return
        with suppress(ConnectionError):
            while self.server.answer == "end" and not self.server.closing.is_set():
                self.wfile.write(bytes(1 << 16))
        self.wfile.write(TABLE[: len(TABLE) // 2] if self.server.answer == "half" else TABLE)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def serve():
    """A maker of servers, which are closed at the end."""
    servers = []

    def start(answer):
        server = Server(answer)
        threading.Thread(target=server.serve_forever, args=(0.05,)).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.closing.set()
        server.shutdown()
        server.server_close()


def test_a_fetched_source_stands_beside_the_target_with_its_hash(tmp_path):
    (tmp_path / "source.csv").write_bytes(TABLE)
    fetched = fetch_here(tmp_path, "source.csv")
    assert fetched.md5 == md5_of(tmp_path / "source.csv")
    assert fetched.file.read_bytes() == TABLE
    assert files(tmp_path) == {fetched.file.name}
    assert fetched.file.name != "table.csv"


def test_a_source_that_is_not_there_at_first_is_fetched_at_the_second_try(tmp_path):
    waited = []

    def pause(seconds):
        waited.append(seconds)
        if len(waited) == 2:
            (tmp_path / "source.csv").write_bytes(TABLE)

    assert fetch_here(tmp_path, "source.csv", tries=3, pause=pause).file.read_bytes() == TABLE
    assert waited == [1, 2]


def test_a_source_that_fails_says_why_and_leaves_nothing(tmp_path):
    with pytest.raises(
        RuleError,
        match=r"the source source.csv must be read within 1 try of 60 s(.|\n)*source.csv' does not exist"
        r"(.|\n)*; put the table there, or correct nightly.source in params.yaml",
    ):
        fetch_here(tmp_path, "source.csv")
    assert not files(tmp_path)


@pytest.mark.parametrize(
    ("code", "found", "fix"),
    [
        ("404", "404 Not Found", "correct nightly.source in params.yaml, and commit"),
        ("403", "403 Forbidden", "refuses it: check the password or the rights"),
        ("503", "503 Service Unavailable", "is there and has trouble of its own: try again later"),
    ],
)
def test_a_server_that_gives_no_table_is_told_apart_by_its_answer(tmp_path, serve, code, found, fix):
    with pytest.raises(RuleError, match=rf"must be read within 1 try of 60 s, found the answer {found}; .*{fix}"):
        fetch_here(tmp_path, serve(code).url)


def test_a_server_that_is_down_is_no_wrong_setting(tmp_path):
    with pytest.raises(RuleError) as caught:
        fetch_here(tmp_path, "http://127.0.0.1:1/table.csv")
    assert "found that 127.0.0.1:1 could not be reached ([Errno 111] Connection refused)" in str(caught.value)
    assert str(caught.value).endswith("; check the network and the server, and try again later: the next night will")
    assert "nightly.source" not in str(caught.value)


def test_a_folder_is_no_source(tmp_path):
    (tmp_path / "source").mkdir()
    (tmp_path / "source/table.csv").write_bytes(TABLE)
    with pytest.raises(RuleError, match="brought no file"):
        fetch_here(tmp_path, "source")
    assert not files(tmp_path)


def test_a_source_that_hangs_is_given_up(tmp_path, serve):
    with pytest.raises(RuleError, match=r"took longer than 4 s; raise nightly.fetch_seconds .*, or try again later"):
        fetch_here(tmp_path, serve("silence").url, seconds=4)
    assert not files(tmp_path)


def test_half_a_table_is_none_and_fetched_again(tmp_path, serve):
    server = serve("half")
    fetched = fetch_here(tmp_path, server.url, tries=2, pause=lambda seconds: setattr(server, "answer", "all"))
    assert fetched.file.read_bytes() == TABLE
    assert server.answer == "all"


@pytest.mark.parametrize("answer", ["end", "bomb"])
def test_a_source_that_is_too_large_is_given_up_while_it_comes_and_not_tried_again(tmp_path, serve, answer):
    with pytest.raises(RuleError, match=r"must bring at most nightly.max_bytes, 1,000,000 bytes, found more; raise it"):
        fetch_here(tmp_path, serve(answer).url, tries=3, max_bytes=10**6)
    assert not files(tmp_path)


def test_a_source_of_the_largest_size_is_fetched(tmp_path):
    (tmp_path / "source.csv").write_bytes(bytes(5000))
    assert fetch_here(tmp_path, "source.csv", max_bytes=5000).file.stat().st_size == 5000
    with pytest.raises(RuleError, match=r"nightly.max_bytes, 4,999 bytes, found more"):
        fetch_here(tmp_path, "source.csv", max_bytes=4999)


def test_a_source_may_not_fill_the_disk(tmp_path, serve, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=RESERVE_BYTES - 1))
    with pytest.raises(RuleError, match=r"must leave 268,435,456 bytes of the disk free, found 268,435,455; free some"):
        fetch_here(tmp_path, serve("end").url, tries=3)
    assert not files(tmp_path)


HEADER = """\
['remote "survey"']
    url = {url}
    auth = custom
    custom_auth_header = X-Token
    password = {password}
"""


def test_a_remote_of_dvc_keeps_a_password_out_of_the_settings(tmp_path, serve):
    url = serve("private").url.removesuffix("/table.csv")
    run(tmp_path, "dvc", "init", "--quiet", "--no-scm")
    run(tmp_path, "dvc", "remote", "add", "--quiet", "--local", "survey", url)
    for name, value in {"auth": "basic", "user": "me", "password": KEY}.items():
        run(tmp_path, "dvc", "remote", "modify", "--quiet", "--local", "survey", name, value)
    assert fetch_here(tmp_path, "remote://survey/table.csv").file.read_bytes() == TABLE
    (tmp_path / ".dvc/config.local").write_text(HEADER.format(url=url, password=KEY))
    assert fetch_here(tmp_path, "remote://survey/table.csv").file.read_bytes() == TABLE
    (tmp_path / ".dvc/config.local").write_text(HEADER.format(url=url, password=KEY[::-1]))
    with pytest.raises(RuleError, match=r"the source remote://survey/table.csv must be read") as raised:
        fetch_here(tmp_path, "remote://survey/table.csv")
    assert KEY[::-1] not in str(raised.value)


@pytest.mark.parametrize(
    ("credentials", "query"),
    [
        ("me:s3cr@secret@", ""),
        ("me:[p'secret\"secret@", ""),
        ("secret@", "?token=a%20secret&raw=an unsafe secret"),
        ("me:p?secret@", ""),
    ],
)
def test_no_secret_in_the_address_is_shown(tmp_path, serve, credentials, query):
    address = serve("404").url.replace("://", f"://{credentials}") + query
    with pytest.raises(RuleError) as raised:
        fetch_here(tmp_path, address)
    assert "the source http://***" in str(raised.value)
    assert "ecre" not in str(raised.value)
