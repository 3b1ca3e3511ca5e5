"""A channel that moves while photos come: no request fails, and a version that is not whole never answers."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from tests.inference_process import InferenceProcess, inference
from tests.integration.test_channels import add_version

from inference.metrics import REFRESHES
from inference.model import ModelHolder, warm_up_photo
from inference.refresh import Follower
from nevus.adapters.files import FileStore
from nevus.adapters.http_classifier import HttpClassifier
from nevus.domain import ModelRef
from nevus.ports import StoredObject, Unavailable
from nevus.registry import Channel, Registry

MODEL = "/v2/models/champion"


def models_with_a_second(models_dir: Path, folder: Path) -> tuple[Path, str]:
    """A registry whose champion is the version that ships, with the same under another name beside it."""
    models = shutil.copytree(models_dir, folder / "models", ignore=shutil.ignore_patterns("*.keras"))
    (source,) = models.glob("*/versions/*")
    add_version(source.parent, source.name, "second")
    return models, source.name


def point(models: Path, version: str) -> None:
    async def moved() -> None:
        registry = Registry(FileStore(models))
        _, generation = await registry.pointer(Channel.CHAMPION)
        await registry.point(Channel.CHAMPION, await registry.by_version(version), if_generation=generation)

    asyncio.run(moved())


@contextmanager
def serving(models: Path, folder: Path) -> Iterator[InferenceProcess]:
    with inference(models, folder, REFRESH_SECONDS=0.2) as server:
        server.wait_for("/v2/health/ready")
        yield server


def answered(server: InferenceProcess, photos: int) -> list[str]:
    """The version of each of so many answers, four requests at a time; raises when one fails."""

    async def ask() -> list[str]:
        classifier, places = HttpClassifier(server.url), asyncio.Semaphore(4)

        async def one() -> str:
            async with places:
                return (await classifier.measure(warm_up_photo(), timeout=10)).model.version

        try:
            return list(await asyncio.gather(*(one() for _ in range(photos))))
        finally:
            await classifier.close()

    return asyncio.run(ask())


def answered_until(server: InferenceProcess, version: str) -> None:
    for _ in range(100):
        if version in answered(server, 20):
            return
    raise AssertionError(f"{version} never answered")


def test_swaps_with_requests_under_way_and_back(models_dir: Path, tmp_path: Path) -> None:
    models, first = models_with_a_second(models_dir, tmp_path)
    with serving(models, tmp_path) as server:
        assert set(answered(server, 20)) == {first}
        for version in ("second", first):
            point(models, version)
            answered_until(server, version)
            assert set(answered(server, 20)) == {version}
        assert server.metric('nevus_inference_refreshes_total{outcome="swapped"}') == 2
        assert server.metric('nevus_inference_requests_total{outcome="error"}') == 0


def test_a_damaged_candidate_leaves_the_old_one_and_is_told(models_dir: Path, tmp_path: Path) -> None:
    models, first = models_with_a_second(models_dir, tmp_path)
    (model,) = models.glob("*/versions/second/model.tflite")
    good = model.read_bytes()
    model.write_bytes(b"damage" + good[6:])
    with serving(models, tmp_path) as server:
        point(models, "second")
        while not server.metric('nevus_inference_refreshes_total{outcome="refused"}'):
            assert set(answered(server, 20)) == {first}
        parameters = httpx.get(server.url + MODEL, trust_env=False).json()["parameters"]
        assert "model.tflite of second does not have the hash" in parameters["refused"]
        assert any("model.tflite of second" in line["message"] for line in server.log())
        model.write_bytes(good)
        answered_until(server, "second")
        assert "refused" not in httpx.get(server.url + MODEL, trust_env=False).json()["parameters"]


def test_an_unreadable_pointer_leaves_the_old_one(models_dir: Path, tmp_path: Path) -> None:
    models, first = models_with_a_second(models_dir, tmp_path)
    with serving(models, tmp_path) as server:
        (models / "channels/champion.json").write_text(json.dumps({"version": 3}))
        while not server.metric('nevus_inference_refreshes_total{outcome="refused"}'):
            assert set(answered(server, 20)) == {first}


class Faulty(FileStore):
    """Down, or slow, when a test says so."""

    down = False
    slow = 0.0

    async def get(self, key: str) -> StoredObject:
        await asyncio.sleep(self.slow)
        if self.down:
            raise Unavailable("down")
        return await super().get(key)


async def followed(follower: Follower, holder: ModelHolder) -> ModelRef:
    await follower.follow()
    return holder.current.version.ref


async def test_a_store_that_is_down_costs_no_answer(models_dir: Path, tmp_path: Path) -> None:
    models, first = models_with_a_second(models_dir, tmp_path)
    store, holder = Faulty(models), ModelHolder()
    follower = Follower(Registry(store), Channel.CHAMPION, holder, workers=1, interval=0.0)
    await follower.load()
    before = REFRESHES.labels("unavailable")._value.get()
    store.down = True
    assert (await followed(follower, holder)).version == first
    assert REFRESHES.labels("unavailable")._value.get() == before + 1
    assert follower.refused is None


@pytest.mark.parametrize(("slow", "version"), [(0.0, "second"), (30.0, "first")], ids=["waits", "not for ever"])
async def test_after_a_long_sleep_a_request_waits_for_the_look(
    models_dir: Path, tmp_path: Path, slow: float, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inference.refresh.PATIENCE", 2.0 if not slow else 0.1)
    models, first = models_with_a_second(models_dir, tmp_path)
    store, holder = Faulty(models), ModelHolder()
    follower = Follower(Registry(store), Channel.CHAMPION, holder, workers=1, interval=0.01)
    await follower.load()
    registry = Registry(FileStore(models))
    _, generation = await registry.pointer(Channel.CHAMPION)
    await registry.point(Channel.CHAMPION, await registry.by_version("second"), if_generation=generation)
    await asyncio.sleep(0.1)
    store.slow = slow
    assert (await followed(follower, holder)).version == version.replace("first", first)
    follower.close()


async def took(follower: Follower, **limits: float) -> float:
    """Seconds that a request was held up."""
    begun = time.monotonic()
    await follower.follow(**limits)
    return time.monotonic() - begun


@pytest_asyncio.fixture
async def asleep(models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Faulty, Follower]]:
    """A follower that has not looked for long, and its store."""
    monkeypatch.setattr("inference.refresh.PATIENCE", 0.3)
    store = Faulty(models_dir)
    follower = Follower(Registry(store), Channel.CHAMPION, ModelHolder(), workers=1, interval=0.2)
    await follower.load()
    await asyncio.sleep(0.85)
    yield store, follower
    follower.close()


async def test_a_store_that_hangs_delays_only_the_first_requests(asleep: tuple[Faulty, Follower]) -> None:
    store, follower = asleep
    store.slow = 30.0
    assert min(await asyncio.gather(*(took(follower) for _ in range(50)))) > 0.2
    assert max(await asyncio.gather(*(took(follower) for _ in range(50)))) < 0.15


async def test_a_store_that_stays_down_delays_only_the_first_requests(asleep: tuple[Faulty, Follower]) -> None:
    store, follower = asleep
    store.slow, store.down = 0.2, True
    assert await took(follower) > 0.15
    await asyncio.sleep(0.22)
    assert await took(follower) < 0.1


async def test_a_caller_in_a_hurry_waits_for_half_its_time(asleep: tuple[Faulty, Follower]) -> None:
    store, follower = asleep
    store.slow = 30.0
    assert 0.05 < await took(follower, timeout=0.2) < 0.2


async def test_a_caller_who_leaves_does_not_end_the_look(asleep: tuple[Faulty, Follower]) -> None:
    store, follower = asleep
    store.slow = 0.2
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(follower.follow(), 0.05)
    assert 0.05 < await took(follower) < 0.3


async def test_looks_that_fail_beside_requests_are_followed_by_one_that_is_waited_for(
    asleep: tuple[Faulty, Follower],
) -> None:
    store, follower = asleep
    await follower.follow()
    await asyncio.sleep(0.3)
    store.down, store.slow = True, 0.25  # as when there is no CPU between requests
    held_up = []
    for _ in range(6):
        await asyncio.sleep(0.21)
        held_up.append(await took(follower))
    assert held_up[0] < 0.12 < max(held_up)
