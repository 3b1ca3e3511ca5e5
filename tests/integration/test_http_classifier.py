from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from tests.inference_process import InferenceProcess, inference, slow_photo

from inference.model import warm_up_photo
from nevus.adapters.files import FileStore
from nevus.adapters.http_classifier import HttpClassifier
from nevus.measure import Measurer
from nevus.ports import Busy, Unavailable, Unprocessable
from nevus.registry import Channel, Registry
from nevus.telemetry import request_id


@pytest.fixture(scope="module")
def server(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InferenceProcess]:
    with inference(models_dir, tmp_path_factory.mktemp("inference"), WORKERS=1, QUEUE=2) as process:
        process.wait_for("/v2/health/ready")
        yield process


@asynccontextmanager
async def classifier(url: str, connections: int = 8) -> AsyncIterator[HttpClassifier]:
    client = HttpClassifier(url, connections=connections)
    try:
        yield client
    finally:
        await client.close()


async def test_measures_as_the_measurer_does(server: InferenceProcess, models_dir: Path) -> None:
    registry = Registry(FileStore(models_dir))
    own = Measurer(await registry.load(await registry.resolve(Channel.CHAMPION))).measure(warm_up_photo())
    async with classifier(server.url) as client:
        assert await client.ready()
        found = await client.measure(warm_up_photo(), timeout=5)
    assert found.logit == pytest.approx(own.logit)
    assert np.array_equal(found.cam, own.cam)
    assert (found.quality, found.skin_tone, found.model) == (own.quality, own.skin_tone, own.model)


async def test_passes_the_request_id_on(server: InferenceProcess) -> None:
    request_id.set("from-the-gateway")
    async with classifier(server.url) as client:
        await client.measure(warm_up_photo(), timeout=5)
    assert any(line.get("request_id") == "from-the-gateway" for line in server.log())


async def test_speaks_over_a_unix_socket(models_dir: Path, tmp_path: Path) -> None:
    path = tmp_path / "inference.sock"
    with inference(models_dir, tmp_path, UDS=path):
        async with classifier(f"unix:{path}") as client:
            for _ in range(250):
                if await client.ready():
                    break
                await asyncio.sleep(0.02)
            assert np.isfinite((await client.measure(warm_up_photo(), timeout=5)).logit)


async def test_an_unreadable_photo_is_unprocessable(server: InferenceProcess) -> None:
    async with classifier(server.url) as client:
        with pytest.raises(Unprocessable):
            await client.measure(b"no photo", timeout=5)


async def test_a_full_queue_is_busy(server: InferenceProcess) -> None:
    photo = slow_photo()
    async with classifier(server.url) as client:
        calls = [client.measure(photo, timeout=20) for _ in range(4)]
        found = await asyncio.gather(*calls, return_exceptions=True)
    busy = [each for each in found if isinstance(each, Busy)]
    assert len(busy) == 1
    assert busy[0].retry_after == 1


async def test_late_is_unavailable_also_before_a_place_is_free(server: InferenceProcess) -> None:
    photo = slow_photo()
    async with classifier(server.url, connections=1) as client:
        calls = [client.measure(photo, timeout=0.15), client.measure(warm_up_photo(), timeout=0.1)]
        found = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(each, Unavailable) for each in found), found


async def test_nobody_there_is_unavailable(tmp_path: Path) -> None:
    for url in ("http://127.0.0.1:9", f"unix:{tmp_path / 'none.sock'}"):
        async with classifier(url) as client:
            assert not await client.ready()
            with pytest.raises(Unavailable):
                await client.measure(warm_up_photo(), timeout=2)


async def test_what_a_token_took_is_not_promised_to_inference() -> None:
    told: list[float] = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        told.append(float(head.partition("nevus-timeout-ms: ")[2].partition("\r\n")[0]))
        writer.close()

    async def token() -> str:
        await asyncio.sleep(0.5)
        return "token"

    async with await asyncio.start_server(note, "127.0.0.1", 0) as listener:
        client = HttpClassifier(f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}", token=token)
        with pytest.raises(Unavailable):
            await client.measure(b"photo", timeout=5)
        await client.close()
    assert told[0] <= 4500
