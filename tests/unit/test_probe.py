"""The health check of the images: it asks the container's own server and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from nevus.probe import main


class Handler(BaseHTTPRequestHandler):
    """200 for /well, 503 for the rest."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/well" else 503)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[HTTPServer]:
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("PORT", str(server.server_port))
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(("path", "status"), [("/well", 0), ("/ill", 1)])
def test_it_tells_well_from_ill(path: str, status: int) -> None:
    assert main(path) == status


def test_nobody_answers(monkeypatch: pytest.MonkeyPatch, free_port: int) -> None:
    monkeypatch.setenv("PORT", str(free_port))
    assert main("/well") == 1
