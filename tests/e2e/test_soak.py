"""A soak: half an hour at half load, after which memory and descriptors are what they were in its first half."""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest
from tests.e2e.senders import KEY, Senders
from tests.gateway_process import gateway
from tests.inference_process import inference

SECONDS = float(os.environ.get("NEVUS_SOAK_SECONDS", "1800"))
CAPACITY_SECONDS = min(30.0, SECONDS / 6)
FULL = 8  # connections that make a full load
MORE_MEMORY, MORE_DESCRIPTORS = 16.0, 4  # MB and files that the last quarter may have over the second


@dataclass(frozen=True)
class Sample:
    """Of both services with all their processes: resident memory in MB, open files."""

    memory: float
    descriptors: int


def sample(pids: tuple[int, ...]) -> Sample:
    """As it is now; workers come and go."""
    memory, descriptors = 0, 0
    for process in family(pids):
        with suppress(psutil.NoSuchProcess):
            memory += process.memory_info().rss
            descriptors += process.num_fds()
    return Sample(memory / 2**20, descriptors)


def family(pids: tuple[int, ...]) -> Iterator[psutil.Process]:
    """These and their children."""
    for pid in pids:
        parent = psutil.Process(pid)
        yield parent
        yield from parent.children(recursive=True)


async def capacity(senders: Senders, client: httpx.AsyncClient) -> float:
    """Answers a second at full load."""
    before = len(senders.statuses)
    with suppress(TimeoutError):
        async with asyncio.timeout(CAPACITY_SECONDS):
            await asyncio.gather(*(senders.until_killed(client) for _ in range(FULL)))
    return (len(senders.statuses) - before) / CAPACITY_SECONDS


async def session(senders: Senders, client: httpx.AsyncClient) -> None:
    """Send a photo, look, list; every fifth is erased."""
    senders.begun = number = senders.begun + 1
    await senders.send(client, number)
    if number not in senders.answered:
        return
    link = f"/v1/predictions/{senders.answered[number]}"
    for path in (link, link + "/photo", "/v1/predictions"):
        assert (await client.get(path)).status_code == 200
    if number % 5 == 0:
        assert (await client.delete(link)).status_code == 204
        del senders.answered[number]
        senders.erased.add(number)


async def at_half_load(senders: Senders, client: httpx.AsyncClient, rate: float, pids: tuple[int, ...]) -> list[Sample]:
    """Sessions at a steady pace, whether earlier ones have ended or not; samples all along."""
    samples: list[Sample] = []
    begun = time.monotonic()
    every = max(1.0, SECONDS / 200)
    async with asyncio.TaskGroup() as group:
        while (past := time.monotonic() - begun) < SECONDS:
            if past >= len(samples) * every:
                samples.append(await asyncio.to_thread(sample, pids))
            group.create_task(session(senders, client))
            await asyncio.sleep(2 / rate)
    return samples


@pytest.mark.torture
@pytest.mark.timeout(SECONDS + 1200)
async def test_memory_and_descriptors_stay_flat(
    models_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    senders = Senders()
    with inference(models_dir, tmp_path) as model:
        model.wait_for("/v2/health/ready", seconds=90)
        with gateway(models_dir, tmp_path, model.url, NEVUS_ADMIN_KEY=KEY) as nevus:
            await asyncio.to_thread(nevus.wait_for, seconds=90)
            async with senders.client(nevus) as client:
                rate = await capacity(senders, client)
                pids = (nevus.process.pid, model.process.pid)
                samples = await at_half_load(senders, client, rate, pids)
            await senders.check(nevus)
    quarter = len(samples) // 4
    early, late = samples[quarter : 2 * quarter], samples[3 * quarter :]
    memory = [statistics.median(each.memory for each in part) for part in (early, late)]
    files = [statistics.median(each.descriptors for each in part) for part in (early, late)]
    told = f"{rate:.0f} answers/s at full load; {len(senders.statuses)} answers; MB {memory}, descriptors {files}"
    with capsys.disabled():
        sys.stdout.write(told + "\n")
    assert set(senders.statuses) <= {201, 202}, told
    assert memory[1] - memory[0] < MORE_MEMORY, told
    assert files[1] - files[0] <= MORE_DESCRIPTORS, told
