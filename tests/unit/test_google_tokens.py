"""Our own ID token: from a metadata server over HTTP, kept until shortly before its end, fetched once for all."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from google.auth.exceptions import RefreshError
from tests.issuer import rsa_key

from nevus.adapters.google_tokens import IdToken, IdTokens, fetched
from nevus.ports import Unavailable

START = datetime(2026, 1, 31, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Source:
    """Tokens of an hour, each with its number, at a moment that a test sets."""

    def __init__(self) -> None:
        self.now = START
        self.given = 0
        self.down = False

    def clock(self) -> datetime:
        return self.now

    def fetch(self, audience: str) -> IdToken:
        if self.down:
            raise RefreshError("down")
        time.sleep(0.02)
        self.given += 1
        return IdToken(f"{audience} {self.given}", self.now + HOUR)


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def tokens(source: Source) -> IdTokens:
    return IdTokens("inference", source.fetch, source.clock)


async def settle() -> None:
    await asyncio.sleep(0.1)


async def test_one_token_serves_all_until_shortly_before_its_end(source: Source, tokens: IdTokens) -> None:
    assert set(await asyncio.gather(*(tokens.token() for _ in range(20)))) == {"inference 1"}
    source.now += HOUR - timedelta(minutes=6)
    assert await tokens.token() == "inference 1"
    await settle()
    assert source.given == 1
    source.now += timedelta(minutes=2)
    assert await tokens.token() == "inference 1"  # the next one is fetched beside
    await settle()
    assert await tokens.token() == "inference 2"


async def test_who_leaves_does_not_end_the_fetch(source: Source, tokens: IdTokens) -> None:
    first, second = asyncio.create_task(tokens.token()), asyncio.create_task(tokens.token())
    await asyncio.sleep(0.01)
    first.cancel()
    assert await second == "inference 1"


async def test_an_old_token_serves_while_no_new_one_is_to_be_had(source: Source, tokens: IdTokens) -> None:
    await tokens.token()
    source.down = True
    source.now += HOUR - timedelta(minutes=1)
    assert await tokens.token() == "inference 1"
    await settle()
    source.now += timedelta(minutes=1)
    with pytest.raises(Unavailable):
        await tokens.token()
    source.down = False
    with pytest.raises(Unavailable):  # not again within a second
        await tokens.token()
    source.now += timedelta(seconds=1)
    assert await tokens.token() == "inference 2"


@contextmanager
def metadata_server() -> Iterator[str]:
    """As it stands beside a container on Cloud Run; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = parse_qs(urlsplit(self.path).query)
            claims = {"aud": asked.get("audience", [""])[0], "exp": int(time.time()) + 3600}
            token, account = jwt.encode(claims, rsa_key(1), "RS256"), json.dumps({"email": "gateway@p.test"})
            body = (token if "audience" in asked else account).encode()
            right = self.headers["Metadata-Flavor"] == "Google"
            self.send_response(200 if right else 403)
            self.send_header("Metadata-Flavor", "Google")
            self.send_header("Content-Type", "application/text" if "audience" in asked else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


async def test_the_metadata_server_gives_a_token_for_the_audience(monkeypatch: pytest.MonkeyPatch) -> None:
    with metadata_server() as address:
        monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
        monkeypatch.setenv("GCE_METADATA_IP", address)
        monkeypatch.setattr("google.auth.compute_engine._metadata._GCE_METADATA_HOST", address)
        token = await IdTokens("https://inference.test").token()
        assert fetched("other").expires_at > datetime.now(UTC) + timedelta(minutes=59)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["aud"] == "https://inference.test"


async def test_without_one_there_is_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/not/there.json")
    with pytest.raises(Unavailable):
        await IdTokens("https://inference.test").token()
