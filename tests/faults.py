"""A proxy before a server that speaks HTTP, which does to requests what networks and clouds do to them.

A test plans what befalls which requests; the rest passes. Of resumable uploads to Cloud Storage it knows what
fake-gcs-server does not: it can be asked how much has arrived.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


@dataclass(frozen=True)
class Answer:
    """What the server said; header names in lower case."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Request:
    """What the client said; `path` with its query, header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""


class Exchange(BaseHTTPRequestHandler):
    """One request and what a fault may do with it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Proxy

    def take(self) -> None:
        """Let the planned fault happen, or pass the request on."""
        fault = self.server.planned(self.command, self.path)
        fault(self)

    do_GET = do_PUT = do_POST = do_DELETE = do_PATCH = take  # noqa: N815  # the names of the base class

    @property
    def length(self) -> int:
        """Of the request's body, in bytes."""
        return int(self.headers.get("content-length", 0))

    def received(self) -> Request:
        """The request, read to its end."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Request(self.command, self.path, headers, self.rfile.read(self.length))

    def answer(self, answer: Answer, *, part: float = 1.0) -> None:
        """Send it, or only its head and that part of its body."""
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body[: round(len(answer.body) * part)])
        self.wfile.flush()

    def cut(self) -> None:
        """Close the connection, whatever is on its way."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


Fault = Callable[[Exchange], None]


def passed(exchange: Exchange) -> None:
    """No fault."""
    exchange.answer(exchange.server.forward(exchange.received()))


def answers(status: int, message: str = "") -> Fault:
    """The request never comes to the server; this is what the client hears."""

    def fault(exchange: Exchange) -> None:
        exchange.received()
        body = f'{{"error": {{"code": {status}, "message": "{message}"}}}}'.encode()
        exchange.answer(Answer(status, {"content-type": "application/json"}, body))

    return fault


def request_cut(exchange: Exchange) -> None:
    """The connection breaks half-way in the request, which the server drops."""
    exchange.rfile.read(exchange.length // 2)
    exchange.cut()


def answer_cut(exchange: Exchange) -> None:
    """The server did it; the connection breaks half-way in the answer."""
    exchange.answer(exchange.server.forward(exchange.received()), part=0.5)
    exchange.cut()


def answer_lost(exchange: Exchange) -> None:
    """The server did it; nothing of its answer arrives."""
    exchange.server.forward(exchange.received())
    exchange.cut()


def hangs(exchange: Exchange) -> None:
    """The server did it; its answer does not come while the client waits."""
    exchange.server.forward(exchange.received())
    exchange.server.closing.wait()
    exchange.cut()


def dribbles(exchange: Exchange) -> None:
    """The answer's body comes at 100 KB/s."""
    answer = exchange.server.forward(exchange.received())
    exchange.answer(answer, part=0.0)
    for start in range(0, len(answer.body), 1000):
        if exchange.server.closing.wait(0.01):
            return
        exchange.wfile.write(answer.body[start : start + 1000])


def answer_damaged(exchange: Exchange) -> None:
    """The last byte of the answer's body is another."""
    answer = exchange.server.forward(exchange.received())
    exchange.answer(replace(answer, body=damaged(answer.body)))


def request_damaged(exchange: Exchange) -> None:
    """A byte in the middle of the request's body is another."""
    request = exchange.received()
    middle = len(request.body) // 2
    body = damaged(request.body[:middle]) + request.body[middle:]
    exchange.answer(exchange.server.forward(replace(request, body=body)))


def damaged(data: bytes) -> bytes:
    """With another last byte."""
    return data[:-1] + bytes([data[-1] ^ 1])


class Proxy(ThreadingHTTPServer):
    """Listens on a free port of 127.0.0.1 before `upstream`, `host:port`."""

    daemon_threads = True

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), Exchange)
        self.upstream = upstream
        self.closing = Event()
        self.seen: list[str] = []
        self.connections = 0
        self.arrived: dict[str, Answer] = {}
        self._plan: list[tuple[str, Fault]] = []
        self._lock = Lock()

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"127.0.0.1:{self.server_address[1]}"

    @property
    def url(self) -> str:
        """To be used in place of the server's."""
        return f"http://{self.address}"

    def forget(self) -> None:
        """What was planned and what was seen."""
        with self._lock:
            self._plan.clear()
            self.seen.clear()
            self.connections = 0

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        """A new connection."""
        self.connections += 1
        return super().get_request()

    def plan(self, fault: Fault, *, times: int = 1, of: str = "") -> None:
        """The next so many requests that have `of` in their `METHOD /path?query` meet that fault."""
        with self._lock:
            self._plan += [(of, fault)] * times

    def planned(self, method: str, path: str) -> Fault:
        """What is to befall this request."""
        said = f"{method} {path}"
        with self._lock:
            self.seen.append(said)
            for step in self._plan:
                if step[0] in said:
                    self._plan.remove(step)
                    return step[1]
        return passed

    def forward(self, request: Request) -> Answer:
        """The server's answer, with this proxy's address in place of its own."""
        if request.headers.get("content-range", "").startswith("bytes */"):
            return self.arrived.get(request.path, Answer(308))
        headers = {name: value for name, value in request.headers.items() if name not in HOP_BY_HOP | {"host"}}
        connection = HTTPConnection(self.upstream, timeout=30)
        connection.request(request.method, request.path, request.body, headers)
        response = connection.getresponse()
        kept = {name.lower(): value for name, value in response.getheaders() if name.lower() not in HOP_BY_HOP}
        if "location" in kept:
            kept["location"] = kept["location"].replace(self.upstream, self.address)
        answer = Answer(response.status, kept, response.read())
        connection.close()
        if "upload_id=" in request.path:
            self.arrived[request.path] = answer
        return answer

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that gave up is no error of the proxy's."""


@contextmanager
def fault_proxy(upstream: str) -> Iterator[Proxy]:
    """Before `upstream`, `host:port`, until the end of the block."""
    with Proxy(upstream) as proxy:
        thread = Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield proxy
        finally:
            proxy.closing.set()
            proxy.shutdown()
            thread.join()
