"""Requests made to hold, fill or confuse a server: each has its answer or its end, and others are served meanwhile."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from tests.gateway_process import GatewayProcess, gateway
from tests.photos import lesion
from tests.security.corpus import MARK
from tests.security.raw import Answer, chunked, form, head, part, sent

PHOTO = lesion((160, 120))
PARTS = b"".join(part(f"f{number}", b"x") for number in range(10_000))
NAMES = ("../../../etc/passwd", "..\\..\\boot.ini", "/etc/passwd", "a\0b.jpg", "x" * 3000, "\u202egpj.exe", "%2e%2e%2f")
BEGUN = part("image", PHOTO, "a.jpg")[:500]
KIND = "Content-Type: multipart/form-data; boundary=x"
DAMAGED = {
    "10,000 parts": (form(PARTS), {422}),
    "10,000 photos": (form(part("image", PHOTO[:9], "a.jpg") * 10_000), {422}),
    "20 MB of line ends": (form(part("image", b"\r\n" * 10_000_000, "a.jpg")), {408, 415}),
    "part with 1,000 headers": (form(b"--x\r\n" + b"a: b\r\n" * 1000 + b"\r\n--x--"), {422}),
    "part with a header of 1 MB": (form(b"--x\r\na: " + b"b" * 1_000_000 + b"\r\n\r\n--x--"), {422}),
    "part without a name": (form(b"--x\r\nContent-Disposition: form-data\r\n\r\na\r\n--x--"), {422}),
    "field of 2 MB": (form(part("site", b"a" * 2_000_000) + part("image", PHOTO, "a.jpg")), {422}),
    "no end": (form(part("image", PHOTO, "a.jpg")[:-9], end=b""), {422}),
    "no boundary": (form(b"", kind="multipart/form-data"), {422}),
    "endless boundary": (form(b"", kind="multipart/form-data; boundary=" + "x" * 5000), {422}),
    "another boundary": (form(part("image", PHOTO, "a.jpg"), kind="multipart/form-data; boundary=y"), {422}),
    "odd charset": (form(part("site", b"\xff"), kind="multipart/form-data; boundary=x; charset=idna"), {422}),
    "no form": (form(b"image", kind="application/x-www-form-urlencoded"), {422}),
    "deep json": (form(b"[" * 60_000, kind="application/json"), {422}),
    "large json": (form(b"[" * 80_000, kind="application/json"), {422}),
    "no utf-8": (form(b'{"upload_id": "\xff"}', kind="application/json"), {422}),
    "21 MB": (form(part("image", bytes(21 << 20), "a.jpg")), {413}),
    "compressed": (head("POST", "/v1/predictions", "Content-Encoding: gzip", "Content-Length: 0"), {422}),
}
WRONG = {
    "length of letters": head("POST", "/v1/predictions", "Content-Length: ten"),
    "negative length": head("POST", "/v1/predictions", "Content-Length: -1"),
    "endless length": head("POST", "/v1/predictions", "Content-Length: " + "9" * 40),
    "two lengths": head("POST", "/v1/predictions", "Content-Length: 1", "Content-Length: 2") + b"ab",
    "length and chunks": head("POST", "/v1/predictions", "Content-Length: 9", "Transfer-Encoding: chunked")
    + b"0\r\n\r\n",
    "chunk of letters": head("POST", "/v1/predictions", "Transfer-Encoding: chunked") + b"zz\r\n",
    "no http": b"\x16\x03\x01\2\0\1\0\1\xfc\3\3" + bytes(100),
    "method of nonsense": b"G\0T / HTTP/1.1\r\n\r\n",
    "space before a colon": b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    "line folding": b"GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
    "bare line feeds": b"GET /healthz HTTP/1.1\nHost: a\nA:\0\n\n",
}
LARGE = {
    "a header of 1 MB": head("GET", "/healthz", "A: " + "b" * 1_000_000),
    "10,000 headers": head("GET", "/healthz", *["A: b"] * 10_000),
    "a line of 1 MB": b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\n\r\n",
    "a header without end": b"GET / HTTP/1.1\r\nA: " + b"b" * 300_000,
}


@pytest.fixture(scope="module")
def nevus(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    folder = tmp_path_factory.mktemp("door")
    settings = {"UPLOAD_TIMEOUT": 2, "INTAKE_WORKERS": 1, "RECONCILE": "request", "INTAKE_CPU": 20}
    with gateway(models_dir, folder, "http://127.0.0.1:9", **settings) as started:
        started.wait_for("/healthz", 60)
        yield started


@pytest_asyncio.fixture
async def door(nevus: GatewayProcess) -> AsyncIterator[GatewayProcess]:
    """The same process before and after, and still serving."""
    yield nevus
    assert nevus.process.poll() is None
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(nevus.url + "/healthz")).status_code == 200


@pytest.fixture(scope="module")
def key(nevus: GatewayProcess) -> str:
    return "Authorization: Bearer " + nevus.admin("create-key", "--role", "client", "--caller", "mallory")


def problem(answer: Answer, statuses: set[int]) -> str:
    assert answer.status in statuses, answer
    assert answer.headers["content-type"] == "application/problem+json"
    body = json.loads(answer.body)
    assert body["status"] == answer.status
    assert MARK not in answer.body
    return str(body["type"])


@pytest.mark.parametrize("name", DAMAGED)
async def test_a_damaged_body_is_refused(door: GatewayProcess, key: str, name: str) -> None:
    request, statuses = DAMAGED[name]
    problem(await sent(door.url, request, key), statuses)


@pytest.mark.parametrize("name", WRONG)
async def test_what_is_not_http_is_refused(door: GatewayProcess, name: str) -> None:
    answer = await sent(door.url, WRONG[name])
    assert problem(answer, {400}) == "/problems/malformed-request"
    assert answer.ended


@pytest.mark.parametrize("name", LARGE)
async def test_a_head_is_bounded(door: GatewayProcess, name: str) -> None:
    answer = await sent(door.url, LARGE[name])
    assert problem(answer, {431}) == "/problems/headers-too-large"
    assert answer.ended


@pytest.mark.parametrize("name", NAMES)
async def test_a_file_name_leads_nowhere(door: GatewayProcess, key: str, name: str) -> None:
    answer = await sent(door.url, form(part("image", PHOTO, name)), key)
    assert answer.status in {202, 422}
    names = [path.name for path in door.data.rglob("*")]
    assert not [kept for kept in names if "passwd" in kept or "boot.ini" in kept or "gpj" in kept or "xxx" in kept]


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("POST", "/v1/uploads", "application/json"),
        ("PUT", f"/v1/predictions/{'a' * 26}/diagnosis", "application/json"),
        ("PUT", "/v1/channels/champion", "application/json"),
        ("POST", "/sign-in", "application/x-www-form-urlencoded"),
        ("POST", "/sign-in", KIND.partition(" ")[2]),
    ],
)
async def test_only_a_photo_may_be_large_whoever_sends_it(
    door: GatewayProcess, method: str, path: str, kind: str
) -> None:
    told = head(method, path, f"Content-Type: {kind}", "Content-Length: 100000")
    problem(await sent(door.url, told + bytes(100_000)), {413})
    endless = head(method, path, f"Content-Type: {kind}", "Transfer-Encoding: chunked")
    statuses = {413, 422} if "boundary" in kind else {413}  # no form either, which shows in the first bytes
    problem(await sent(door.url, endless + chunked(bytes(50_000)) * 3), statuses)


async def test_chunks_without_end_have_one(door: GatewayProcess, key: str) -> None:
    request = head(
        "POST", "/v1/predictions", key, "Content-Type: multipart/form-data; boundary=x", "Transfer-Encoding: chunked"
    )
    answer = await sent(door.url, request + chunked(BEGUN) + chunked(bytes(1 << 20)) * 22)
    problem(answer, {408, 413})  # in time, on a machine with little time


@pytest.mark.parametrize("begun", [BEGUN, b""], ids=["some", "none"])
async def test_a_body_that_stops_is_answered_in_time(door: GatewayProcess, key: str, begun: bytes) -> None:
    told = head("POST", "/v1/predictions", key, KIND, "Content-Length: 5000")
    assert problem(await sent(door.url, told + begun), {408}) == "/problems/upload-timeout"


async def test_pipelined_requests_are_answered_one_after_another(door: GatewayProcess) -> None:
    many = head("GET", "/healthz") * 200 + head("GET", "/healthz", "Connection: close")
    answer = await sent(door.url, many, to_the_end=True)
    assert answer.status == 200
    assert answer.body.count(b"HTTP/1.1 200") == 200


@pytest.mark.torture
@pytest.mark.parametrize(
    "begun", [b"", b"GET /", head("GET", "/healthz", "A: b")[:-2]], ids=["nothing", "a line", "headers"]
)
async def test_who_sends_a_head_slowly_is_not_waited_for(door: GatewayProcess, begun: bytes) -> None:
    host, port = door.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(begun)
    dripping = asyncio.create_task(drip(writer, b"x" if begun else b""))
    async with asyncio.timeout(30):
        told = await reader.read(-1)
    dripping.cancel()
    writer.close()
    assert (b"408" in told.split(b"\r\n")[0]) == bool(begun)


async def drip(writer: asyncio.StreamWriter, data: bytes) -> None:
    with suppress(ConnectionError):
        while True:
            writer.write(data)
            await writer.drain()
            await asyncio.sleep(0.5)
