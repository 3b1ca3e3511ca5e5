"""SIGTERM under load: the gateway finishes what it was asked, within 8 s, and no request fails."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from tests.e2e.senders import KEY, Senders
from tests.gateway_process import gateway
from tests.inference_process import inference

AT_ONCE = 12
WITHIN = 8.0  # seconds; Cloud Run kills after 10


async def test_no_request_fails_and_none_is_lost(models_dir: Path, tmp_path: Path) -> None:
    senders, settings = Senders(), {"NEVUS_ADMIN_KEY": KEY, "RECONCILE_AFTER": 0.2}
    with inference(models_dir, tmp_path) as model:
        model.wait_for("/v2/health/ready", seconds=90)
        with gateway(models_dir, tmp_path, model.url, **settings) as nevus:
            await asyncio.to_thread(nevus.wait_for, seconds=90)
            async with senders.client(nevus) as client:
                sending = [asyncio.create_task(senders.until_refused(client)) for _ in range(AT_ONCE)]
                await asyncio.sleep(1)
                begun = time.monotonic()
                nevus.process.terminate()
                assert await asyncio.to_thread(nevus.process.wait, 2 * WITHIN) == 0
                taken = time.monotonic() - begun
                await asyncio.gather(*sending)
        assert taken < WITHIN
        assert set(senders.statuses) <= {201, 202}
        with gateway(models_dir, tmp_path, model.url, **settings) as nevus:
            await asyncio.to_thread(nevus.wait_for, seconds=90)
            await senders.check(nevus)
    assert len(senders.answered) > AT_ONCE
