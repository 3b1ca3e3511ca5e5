"""`kill -9` at random points, start included, over and over on the same data: nothing answered is lost or doubled."""

from __future__ import annotations

import asyncio
import os
import random
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest
from tests.e2e.senders import AT_ONCE, KEY, Senders
from tests.gateway_process import GatewayProcess, gateway
from tests.inference_process import inference

MANY = int(os.environ.get("NEVUS_KILLS", "1000"))
DAY = 24 * 3600


@pytest.mark.parametrize("kills", [3, pytest.param(MANY, marks=[pytest.mark.torture, pytest.mark.timeout(DAY)])])
async def test_nothing_answered_is_lost_or_doubled_by_kills(models_dir: Path, tmp_path: Path, kills: int) -> None:
    rng, senders = random.Random(kills), Senders()
    settings = {"NEVUS_ADMIN_KEY": KEY, "RECONCILE_AFTER": 0.2}
    with inference(models_dir, tmp_path) as model:
        model.wait_for("/v2/health/ready", seconds=90)
        for _ in range(kills):
            with gateway(models_dir, tmp_path, model.url, **settings) as nevus:
                await life(nevus, senders, rng)
        with gateway(models_dir, tmp_path, model.url, **settings) as nevus:
            await asyncio.to_thread(nevus.wait_for, seconds=90)
            await senders.check(nevus)
            assert "is whole" in nevus.admin("verify")
    assert len(senders.answered) > kills // 2


async def life(nevus: GatewayProcess, senders: Senders, rng: random.Random) -> None:
    """From its start to its end, amid requests; one in three dies before it is ready, one in three loses a child."""
    way = rng.randrange(3)
    async with senders.client(nevus) as client:
        sending = [asyncio.create_task(senders.until_killed(client)) for _ in range(AT_ONCE)]
        if way:
            await asyncio.to_thread(nevus.wait_for, "/healthz", 90)
        await asyncio.sleep(rng.uniform(0, 1.0))
        if way == 1:
            with suppress(psutil.NoSuchProcess, IndexError):
                rng.choice(psutil.Process(nevus.process.pid).children(recursive=True)).kill()
            await asyncio.sleep(rng.uniform(0, 0.3))
        nevus.process.kill()
        await asyncio.to_thread(nevus.process.wait)
        for task in sending:
            task.cancel()
        results = await asyncio.gather(*sending, return_exceptions=True)
    assert all(isinstance(each, asyncio.CancelledError | httpx.TransportError) for each in results), results
