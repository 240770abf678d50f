"""A server of files on this machine, as web hosts are: with etags and ranges, or without."""

import gzip
import re
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Files:
    """What the server has by path, and how it answers; how many bytes of bodies it has sent, and by which requests."""

    url: str
    bodies: dict[str, bytes] = field(default_factory=dict)
    has_etags: bool = True
    has_ranges: bool = True
    status: int = 200  # of all answers with a body
    sent: int = 0


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    files: Files

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_PUT(self) -> None:
        self.files.bodies[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self._send(201, b"", {})

    def _answer(self, *, with_body: bool) -> None:
        body = self.files.bodies.get(self.path)
        if body is None:
            return self._send(404, b"", {})
        headers = {"ETag": f'"{zlib.crc32(body):x}"'} if self.files.has_etags else {}
        if "gzip" in self.headers.get("Accept-Encoding", ""):  # of what is compressed many have no ranges, or others
            return self._send(200, gzip.compress(body), headers | {"Content-Encoding": "gzip"}, with_body=with_body)
        status = self.files.status
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if asked and self.files.has_ranges and status == 200:
            status, body = 206, body[int(asked[1]) : int(asked[2]) + 1]
        return self._send(status, body, headers, with_body=with_body)

    def _send(self, status: int, body: bytes, headers: dict[str, str], *, with_body: bool = True) -> None:
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.files.sent += len(body)
            self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        """Say nothing."""


@contextmanager
def serving() -> Iterator[Files]:
    """The server, as long as the block runs."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.daemon_threads = True
        files = Files(f"http://127.0.0.1:{server.server_port}")
        server.RequestHandlerClass = type("Handler", (_Handler,), {"files": files})
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield files
        finally:
            server.shutdown()
