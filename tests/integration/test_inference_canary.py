"""Two versions side by side: a canary answers those who name it, and whatever is wrong with it harms nobody else."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from tests.inference_process import InferenceProcess, inference
from tests.integration.test_channels import add_version

from inference.model import warm_up_photo
from nevus.adapters.files import FileStore
from nevus.adapters.http_classifier import HttpClassifier
from nevus.domain import Measurement, ModelRef
from nevus.ports import Absent, NotFound, Unavailable
from nevus.registry import Channel, Registry

CANARIES = "nevus_inference_canaries_total"


@pytest.fixture
def models(models_dir: Path, tmp_path: Path) -> Path:
    """The version that ships as champion, and it again as `second`."""
    models = shutil.copytree(models_dir, tmp_path / "models", ignore=shutil.ignore_patterns("*.keras"))
    champion = json.loads((models / "channels/champion.json").read_text())
    add_version(models / champion["name"] / "versions", champion["version"], "second")
    return models


def ref(models: Path, version: str) -> ModelRef:
    return asyncio.run(Registry(FileStore(models)).by_version(version))


def champion(models: Path) -> ModelRef:
    return asyncio.run(Registry(FileStore(models)).resolve(Channel.CHAMPION))


def point(models: Path, version: str, channel: Channel = Channel.CANARY) -> ModelRef:
    async def moved() -> ModelRef:
        registry = Registry(FileStore(models))
        try:
            _, generation = await registry.pointer(channel)
        except NotFound:
            generation = 0
        found = await registry.by_version(version)
        await registry.point(channel, found, if_generation=generation)
        return found

    return asyncio.run(moved())


@contextmanager
def serving(models: Path, folder: Path) -> Iterator[InferenceProcess]:
    with inference(models, folder, REFRESH_SECONDS=0.2) as server:
        server.wait_for("/v2/health/ready")
        yield server


def ask(server: InferenceProcess, by: ModelRef | None = None) -> Measurement:
    async def once() -> Measurement:
        classifier = HttpClassifier(server.url)
        try:
            return await classifier.measure(warm_up_photo(), timeout=10, by=by)
        finally:
            await classifier.close()

    return asyncio.run(once())


def until(reached: Callable[[], bool], seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.05)


def is_served(server: InferenceProcess, by: ModelRef) -> bool:
    try:
        return ask(server, by).model == by
    except Absent:
        return False


def test_both_are_served_and_the_canary_goes_when_its_channel_leaves_it(models: Path, tmp_path: Path) -> None:
    second = point(models, "second")
    with serving(models, tmp_path) as server:
        assert ask(server).model == champion(models)
        assert server.metric(CANARIES + '{outcome="loaded"}') == 0, "loaded before anybody asked"
        with pytest.raises(Absent):
            ask(server, second)
        until(lambda: is_served(server, second))
        assert ask(server).model == champion(models)
        assert server.status("/v2/models/canary/ready") == 200
        metadata = httpx.get(f"{server.url}/v2/models/{second.name}/versions/second", trust_env=False).json()
        assert metadata["parameters"]["manifest_sha256"] == second.sha256
        (models / "channels/canary.json").unlink()
        until(lambda: ask(server).model == champion(models) and not is_served(server, second))
        assert server.metric(CANARIES + '{outcome="dropped"}') == 1
        assert server.metric('nevus_inference_requests_total{outcome="error"}') == 0


def test_a_canary_that_becomes_the_champion_is_served_once(models: Path, tmp_path: Path) -> None:
    second = point(models, "second")
    with serving(models, tmp_path) as server:
        until(lambda: is_served(server, second))
        point(models, "second", Channel.CHAMPION)
        until(lambda: ask(server).model == second and server.metric(CANARIES + '{outcome="dropped"}') == 1)
        httpx.get(f"{server.url}/v2/models/canary", trust_env=False)
        time.sleep(1.2)  # a look later
        httpx.get(f"{server.url}/v2/models/canary", trust_env=False)
        assert server.metric(CANARIES + '{outcome="loaded"}') == 1, "loaded once more"


def test_a_canary_is_followed_to_another_version(models: Path, tmp_path: Path) -> None:
    first = point(models, "second")
    add_version(models / first.name / "versions", "second", "third")
    with serving(models, tmp_path) as server:
        until(lambda: is_served(server, first))
        third = point(models, "third")
        until(lambda: is_served(server, third))
        assert not is_served(server, first)


def test_a_damaged_canary_is_unavailable_and_the_champion_answers(models: Path, tmp_path: Path) -> None:
    second = point(models, "second")
    model = models / second.name / "versions/second/model.tflite"
    good = model.read_bytes()
    model.write_bytes(b"damage" + good[6:])
    with serving(models, tmp_path) as server:
        with pytest.raises(Absent):
            ask(server, second)
        until(lambda: bool(server.metric(CANARIES + '{outcome="refused"}')))
        with pytest.raises(Unavailable) as caught:
            ask(server, second)
        assert not isinstance(caught.value, Absent)
        assert ask(server).model == champion(models)
        assert any("model.tflite of second does not have" in line["message"] for line in server.log())
        model.write_bytes(good)
        until(lambda: is_usable(server, second))


def is_usable(server: InferenceProcess, by: ModelRef) -> bool:
    try:
        return is_served(server, by)
    except Unavailable:
        return False


def test_what_no_channel_names_is_unknown_and_an_unreadable_pointer_harms_nobody(models: Path, tmp_path: Path) -> None:
    second = ref(models, "second")
    with serving(models, tmp_path) as server:
        for path in ("/v2/models/canary", f"/v2/models/{second.name}/versions/second", "/v2/models/other/versions/1"):
            assert server.status(path) == 404
        with pytest.raises(Absent):
            ask(server, second)
        (models / "channels/canary.json").write_text("{}")
        time.sleep(1.1)
        with pytest.raises(Absent):
            ask(server, second)
        assert server.metric(CANARIES + '{outcome="unavailable"}') == 1
        assert ask(server).model == champion(models)


async def test_a_hanging_version_takes_no_place_of_others(models: Path) -> None:
    release = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await release.wait()
        writer.close()

    second = await Registry(FileStore(models)).by_version("second")
    async with await asyncio.start_server(hang, "127.0.0.1", 0) as listener:
        client = HttpClassifier(f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}", connections=4)
        held = [asyncio.create_task(client.measure(b"photo", timeout=5, by=second)) for _ in range(2)]
        await asyncio.sleep(0.05)
        with pytest.raises(Absent, match="too many"):
            await client.measure(b"photo", timeout=5, by=second)
        release.set()
        assert all(isinstance(each, Unavailable) for each in await asyncio.gather(*held, return_exceptions=True))
        await client.close()
