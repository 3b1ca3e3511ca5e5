"""Killed at any moment, either service comes back with every answered prediction, and none of them twice."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import DEVNULL, Popen

import httpx
import pytest
from tests.backends import Backend
from tests.conftest import ROOT
from tests.inference_process import free_port
from tests.photos import lesion

KEY = "nvs_crash-test-key-of-forty-characters-0000"
PHOTOS = [lesion((240, 180), seed) for seed in range(4)]


@contextmanager
def system(folder: Path, port: int, stores: dict[str, str]) -> Iterator[Popen[bytes]]:
    """The whole of it under its supervisor, as `make run` starts it."""
    settings = {"PORT": str(port), "DATA_DIR": str(folder), "NEVUS_ADMIN_KEY": KEY} | stores
    process = Popen([sys.executable, str(ROOT / "deploy/local/run.py")], env=os.environ | settings, stdout=DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


def children(parent: int) -> dict[str, int]:
    """Process ids by service name."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and f"\nPPid:\t{parent}\n" in (entry / "status").read_text():
            command = (entry / "cmdline").read_bytes().split(b"\0")
            found[command[command.index(b"-m") + 1].decode()] = int(entry.name)
    return found


def wait_until(true: object, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.1)


def send(caller: httpx.Client, number: int) -> str | None:
    """The id of upload `number`, or None where no answer came."""
    files = {"image": ("p.jpg", PHOTOS[number % len(PHOTOS)])}
    try:
        answer = caller.post("/v1/predictions", files=files, headers={"Idempotency-Key": f"upload-{number}"})
    except httpx.TransportError:
        time.sleep(0.05)
        return None
    return answer.json()["id"] if answer.status_code in (201, 202) else None


def answers(caller: httpx.Client) -> bool:
    try:
        return caller.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def terminal(caller: httpx.Client, record_id: str) -> bool:
    return caller.get(f"/v1/predictions/{record_id}").json()["status"] in {"complete", "failed"}


@pytest.mark.parametrize("uploads", [40, pytest.param(200, marks=pytest.mark.torture)])
@pytest.mark.parametrize("service", ["gateway", "inference"])
def test_nothing_answered_is_lost_or_doubled(tmp_path: Path, backend: Backend, service: str, uploads: int) -> None:
    port = free_port()
    headers = {"Authorization": f"Bearer {KEY}"}
    with (
        system(tmp_path, port, backend.settings(tmp_path)) as supervisor,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, trust_env=False, timeout=20) as caller,
    ):
        wait_until(lambda: answers(caller))
        found: dict[int, str | None] = {}
        for number in range(uploads):
            if number == uploads // 2:
                os.kill(children(supervisor.pid)[service], signal.SIGKILL)
            found[number] = send(caller, number)
        wait_until(lambda: answers(caller))
        for record_id in filter(None, found.values()):
            wait_until(lambda record_id=record_id: terminal(caller, record_id))
        again = {number: send(caller, number) for number in range(uploads)}
        assert None not in again.values()
        assert all(again[number] == first for number, first in found.items() if first)
        assert caller.get("/v1/stats").json()["records"] == uploads
