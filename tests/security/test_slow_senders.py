"""Who sends slowly keeps a place at the door; not all of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest
from tests.direct import begin
from tests.gateway_process import GatewayProcess, gateway
from tests.photos import lesion

PLACES = 4
PHOTO = lesion((300, 225))


@asynccontextmanager
async def begun(nevus: GatewayProcess, method: str, path: str, headers: dict[str, str]) -> AsyncIterator[None]:
    """A request of which a first byte of the body comes and then nothing more."""
    host, port = nevus.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    told = headers | {"Host": f"{host}:{port}", "Content-Length": "1000"}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items())]
    writer.write("\r\n".join([*lines, "", "-"]).encode())
    await writer.drain()
    try:
        yield
    finally:
        writer.close()


def key_of(nevus: GatewayProcess, caller: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {nevus.admin('create-key', '--role', 'client', '--caller', caller)}"}


@pytest.fixture(scope="module")
def nevus(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    folder, settings = tmp_path_factory.mktemp("slow"), {"INTAKE_PLACES": PLACES, "INTAKE_WORKERS": 1}
    with gateway(models_dir, folder, "http://127.0.0.1:9", **settings) as started:
        started.wait_for("/healthz")
        yield started


@pytest.fixture(scope="module")
def keys(nevus: GatewayProcess) -> tuple[dict[str, str], dict[str, str]]:
    return key_of(nevus, "slow"), key_of(nevus, "other")


@pytest.mark.parametrize("ways", [("PUT",), ("POST",), ("PUT", "POST")], ids="+".join)
async def test_one_caller_does_not_close_the_door_to_others(
    nevus: GatewayProcess, keys: tuple[dict[str, str], dict[str, str]], ways: tuple[str, ...]
) -> None:
    slow, other = keys
    async with AsyncExitStack() as closing:
        client = await closing.enter_async_context(httpx.AsyncClient(base_url=nevus.url, trust_env=False, timeout=20))
        for _ in range(2 * PLACES):
            if "PUT" in ways:
                client.headers.update(slow)
                told = await begin(client)
                path = told["url"].removeprefix(nevus.url)
                await closing.enter_async_context(begun(nevus, "PUT", path, told["headers"]))
            if "POST" in ways:
                form = slow | {"Content-Type": "multipart/form-data; boundary=x"}
                await closing.enter_async_context(begun(nevus, "POST", "/v1/predictions", form))
        await asyncio.sleep(0.3)
        answer = await client.post("/v1/predictions", files={"image": PHOTO}, headers=other)
        assert answer.status_code == 202  # there is no inference here
        assert answer.elapsed.total_seconds() < 3
