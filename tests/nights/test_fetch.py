"""Sources that fail as real ones do: files, and a server of our own; dvc reads them."""

import http.server
import threading

import pytest

from pipeline.nights.fetch import fetch
from pipeline.repository.dvc_lock import md5_of
from pipeline.repository.project import Project
from pipeline.runtime.errors import RuleError

TABLE = b"a,b\n1,2\n"


def forbidden(seconds):
    pytest.fail(f"waits {seconds} s where there is nothing to wait for")


def fetch_here(tmp_path, source, *, tries=1, seconds=60, pause=forbidden):
    (tmp_path / "data").mkdir(exist_ok=True)
    target = tmp_path / "data/table.csv"
    return fetch(source, project=Project.at(tmp_path), destination=target, tries=tries, seconds=seconds, pause=pause)


def files(tmp_path):
    return {file.name for file in (tmp_path / "data").rglob("*")}


class Server(http.server.ThreadingHTTPServer):
    """A server whose answer is the table, "half" of it, "silence", or an error's code; dvc asks several times a try."""

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
        if self.server.answer.isdigit():
            self.send_error(int(self.server.answer))
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(TABLE)))
        self.end_headers()

    def do_GET(self):
        if self.server.answer == "silence":
            self.server.closing.wait()
            return
        self.do_HEAD()
        if self.server.answer.isdigit():
            return
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
        RuleError, match=r"the source source.csv must be read within 1 tries of 60 s(.|\n)*source.csv' does not exist"
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
    with pytest.raises(RuleError, match=rf"must be read within 1 tries of 60 s, found the answer {found}; .*{fix}"):
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


def test_a_password_in_the_address_is_not_shown(tmp_path):
    with pytest.raises(RuleError) as raised:
        fetch_here(tmp_path, "http://me:secret@127.0.0.1:1/table.csv")
    assert "http://***@127.0.0.1:1/table.csv" in str(raised.value)
    assert "secret" not in str(raised.value)
