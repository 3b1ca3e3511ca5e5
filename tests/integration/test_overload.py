"""More comes than can be done: real servers, and what their callers see."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest
from tests.gateway_process import GatewayProcess, gateway
from tests.inference_process import free_port, inference
from tests.photos import lesion
from tests.security.test_slow_senders import begun, key_of
from tests.waiting import until

from nevus.adapters.sqlite import SqliteRecords

PHOTO = lesion((300, 225))
NOWHERE = "http://127.0.0.1:9"
FORM = {"Content-Type": "multipart/form-data; boundary=x"}


@asynccontextmanager
async def running(models: Path, folder: Path, url: str, **settings: object) -> AsyncIterator[GatewayProcess]:
    with gateway(models, folder, url, INTAKE_WORKERS=1, **settings) as process:
        process.wait_for("/healthz", 120)
        yield process


@pytest.fixture(scope="module")
def crowded(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """Four places, a line of eight, and no inference."""
    folder = tmp_path_factory.mktemp("crowded")
    with gateway(
        models_dir, folder, NOWHERE, INTAKE_WORKERS=1, INTAKE_PLACES=4, INTAKE_QUEUE=8, INTAKE_PATIENCE=60
    ) as process:
        process.wait_for("/healthz", 120)
        yield process


async def send(nevus: GatewayProcess, key: dict[str, str], **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=nevus.url, trust_env=False, timeout=30) as client:
        return await client.post("/v1/predictions", files={"image": PHOTO}, headers=key | headers)


async def head_alone(nevus: GatewayProcess, key: dict[str, str]) -> tuple[float, str]:
    """Seconds until the answer to a request whose body never comes, and its head."""
    host, port = nevus.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    told = key | FORM | {"Host": f"{host}:{port}", "Content-Length": "1000000"}
    lines = ["POST /v1/predictions HTTP/1.1", *(f"{name}: {value}" for name, value in told.items()), "", ""]
    begin = time.perf_counter()
    writer.write("\r\n".join(lines).encode())
    try:
        head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)).decode().lower()
        return time.perf_counter() - begin, head
    finally:
        writer.close()
        await writer.wait_closed()


def metric(nevus: GatewayProcess, name: str) -> float:
    lines = httpx.get(nevus.url + "/metrics", trust_env=False).text.splitlines()
    return next((float(line.split()[-1]) for line in lines if line.startswith(name + " ")), 0.0)


async def test_a_full_door_says_no_before_a_body_comes(crowded: GatewayProcess) -> None:
    """And a greedy caller's photos wait, not a polite one's."""
    nevus = crowded
    async with AsyncExitStack() as closing:
        slow, other, greedy, calm = (key_of(nevus, name) for name in ("slow", "other", "greedy", "calm"))
        for where, keys in (("inside", [slow, slow, slow, other]), ("waiting", [greedy] * 8)):
            for key in keys:
                await closing.enter_async_context(begun(nevus, "POST", "/v1/predictions", key | FORM))
            await until(lambda: metric(nevus, f'nevus_door_uploads{{where="{where}"}}') == len(keys), 60)  # noqa: B023
        answers = [await head_alone(nevus, greedy) for _ in range(5)]
        assert all(" 429 " in head and "retry-after: " in head for _, head in answers), answers
        assert min(seconds for seconds, _ in answers) < 0.1
        polite = asyncio.create_task(head_alone(nevus, calm))
        await until(lambda: metric(nevus, 'nevus_door_refusals_total{why="greedy"}') == 6)  # one has made way
        assert not polite.done()
        polite.cancel()
        await asyncio.wait({polite})


async def test_a_greedy_caller_does_not_starve_a_polite_one(crowded: GatewayProcess) -> None:
    greedy, polite = key_of(crowded, "greedy"), key_of(crowded, "polite")
    flood = [asyncio.create_task(send(crowded, greedy)) for _ in range(40)]
    await asyncio.sleep(0.1)
    answers = [await send(crowded, polite) for _ in range(3)]
    told = await asyncio.gather(*flood)
    assert [answer.status_code for answer in answers] == [202] * 3
    assert {answer.status_code for answer in told} <= {202, 429, 503}
    refused = [answer for answer in told if answer.status_code != 202]
    assert all(1 <= int(answer.headers["retry-after"]) <= 10 for answer in refused)
    longest = max(answer.elapsed.total_seconds() for answer in told if answer.status_code == 202)
    assert max(answer.elapsed.total_seconds() for answer in answers) < longest


@asynccontextmanager
async def hanging(port: int) -> AsyncIterator[None]:
    """Takes calls and answers none."""
    held: list[asyncio.StreamWriter] = []
    async with await asyncio.start_server(lambda _, writer: held.append(writer), "127.0.0.1", port):
        yield
        for writer in held:
            writer.close()


async def test_the_circuit_opens_closes_and_what_is_pending_is_drained_at_its_pace(
    models_dir: Path, tmp_path: Path
) -> None:
    port, rate = free_port(), 10
    settings = {"INFERENCE_TIMEOUT": 0.5, "RECONCILE_RATE": rate, "RECONCILE_AFTER": 1, "BREAKER_FAILURES": 3}
    async with running(models_dir, tmp_path, f"http://127.0.0.1:{port}", **settings) as nevus:
        key = key_of(nevus, "anna")
        async with hanging(port):
            ids = [(await send(nevus, key)).json()["id"] for _ in range(3)]
            assert metric(nevus, "nevus_breaker_open") == 1
            answers = [await send(nevus, key) for _ in range(6)]
            assert [answer.status_code for answer in answers] == [202] * 6
            assert min(answer.elapsed.total_seconds() for answer in answers) < 0.4
            assert all(int(answer.headers["retry-after"]) >= 1 for answer in answers)
            ids += [answer.json()["id"] for answer in answers]
        with inference(models_dir, tmp_path, PORT=port, WORKERS=1):
            await until(lambda: metric(nevus, 'nevus_reconciled_total{outcome="complete"}') == len(ids), 60)
            assert metric(nevus, "nevus_breaker_open") == 0
            assert (await send(nevus, key)).status_code == 201
    records = SqliteRecords(nevus.data / "records.db")
    tried = sorted([moment for each in ids if (moment := (await records.get(each)).tried_at)])
    await records.close()
    assert (tried[-1] - tried[0]).total_seconds() >= 0.7 * (len(ids) - 2) / rate
