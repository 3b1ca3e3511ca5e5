from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest
from prometheus_client.metrics import MetricWrapperBase
from pydantic import ValidationError
from starlette.routing import Route

from inference import metrics, refusals
from inference.desk import Desk
from inference.model import LoadedVersion, ModelHolder, Work
from inference.refusals import CallerGone, Full, Late, NotReady, Refusal
from inference.routes import ROUTES
from inference.settings import Settings, from_environment
from nevus.domain import Measurement

DOCUMENT = (Path(__file__).parents[2] / "docs" / "inference.md").read_text()
FOUND = cast(Measurement, object())


@dataclass
class Gate:
    """Stands in for a loaded version: work waits until it is opened."""

    opened: threading.Event
    begun: int = 0

    def run(self, _: Work) -> Measurement:
        self.begun += 1
        self.opened.wait(5)
        return FOUND


def nothing(_: object) -> Measurement:
    return FOUND


def never() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()


async def begun(desk: Desk, gate: Gate) -> asyncio.Task[Measurement]:
    loaded = cast(LoadedVersion, gate)
    task = asyncio.create_task(desk.measure(loaded, nothing, gone=never()))
    await asyncio.sleep(0.02)
    return task


async def test_the_desk_is_full_at_workers_and_queue() -> None:
    gate, desk = Gate(threading.Event()), Desk(workers=1, queue=2)
    tasks = [await begun(desk, gate) for _ in range(3)]
    with pytest.raises(Full):
        desk.check()
    with pytest.raises(Full):
        await desk.measure(cast(LoadedVersion, gate), nothing, gone=never())
    gate.opened.set()
    assert await asyncio.gather(*tasks) == [FOUND] * 3
    desk.check()
    desk.close()


async def test_dropped_work_frees_its_place_and_is_never_begun() -> None:
    gate, desk = Gate(threading.Event()), Desk(workers=1, queue=1)
    loaded, first = cast(LoadedVersion, gate), await begun(desk, gate)
    with pytest.raises(Late):
        await desk.measure(loaded, nothing, gone=never(), timeout=0.01)
    gone = never()
    gone.set_result(None)
    with pytest.raises(CallerGone):
        await desk.measure(loaded, nothing, gone=gone)
    desk.check()
    gate.opened.set()
    await first
    await asyncio.sleep(0.02)
    assert gate.begun == 1
    desk.close()


async def test_what_cannot_begin_in_time_is_refused_at_once_and_what_comes_too_late_is_not_begun() -> None:
    gate, desk = Gate(threading.Event()), Desk(workers=1, queue=9)
    gate.opened.set()
    await (await begun(desk, gate))
    gate.opened.clear()
    desk._seconds = 2.0  # what the one before is known to have taken
    first = await begun(desk, gate)
    with pytest.raises(Late, match="will have passed"):
        desk.check(1.9)
    desk.check(2.1)
    other = Gate(threading.Event())
    with pytest.raises(Late, match="has passed"):
        desk._timed(cast(LoadedVersion, other), nothing, time.perf_counter() - 0.001)
    assert other.begun == 0
    many = [await begun(desk, gate) for _ in range(9)]
    with pytest.raises(Full) as full:
        desk.check()
    assert full.value.retry_after == 20
    gate.opened.set()
    await asyncio.gather(first, *many)
    desk.close()


def test_the_holder_has_nothing_then_a_version_then_another_then_no_new_work() -> None:
    holder, versions = ModelHolder(), [cast(LoadedVersion, object()) for _ in range(2)]
    with pytest.raises(NotReady, match="no model version"):
        _ = holder.current
    for version in versions:
        holder.put(version)
        assert holder.current is version
    holder.drain()
    with pytest.raises(NotReady, match="stopping"):
        _ = holder.current


def test_settings_from_the_environment() -> None:
    settings = from_environment({"PORT": "9000", "QUEUE": "", "DATA_DIR": "/d", "OTHER": "x"})
    assert (settings.port, settings.queue, settings.registry_dir) == (9000, 32, Path("/d/models"))
    assert from_environment({"MODELS_DIR": "/m"}).registry_dir == Path("/m")
    with pytest.raises(ValidationError, match="workers"):
        from_environment({"WORKERS": "0"})


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented(name: str) -> None:
    assert f"`{name.upper()}`" in DOCUMENT


@pytest.mark.parametrize("route", ROUTES)
def test_every_route_is_documented(route: Route) -> None:
    path = route.path.split("/versions/{version}/")[0]
    assert f"{path}`" in DOCUMENT


@pytest.mark.parametrize(
    "metric", [metrics.REQUESTS, metrics.WAITING, metrics.SECONDS, metrics.READY, metrics.CANARIES]
)
def test_every_metric_is_documented(metric: MetricWrapperBase) -> None:
    assert f"`{next(iter(metric.describe())).name}" in DOCUMENT


@pytest.mark.parametrize("kind", [each for each in vars(refusals).values() if isinstance(each, type)])
def test_every_refusal_is_documented(kind: type[Refusal]) -> None:
    assert kind.status == 499 or f"| {kind.status} |" in DOCUMENT
