"""Retraining through a real gateway, its job a real process that writes into the same database."""

from __future__ import annotations

import os
import secrets
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import ROOT
from tests.emulators import Emulator
from tests.gateway_process import GatewayProcess, gateway

from nevus.adapters.job_tickets import Ticket, start_time

COMMAND = shlex.join([sys.executable, str(ROOT / "tests/training_writer.py")])
RUNS = "/v1/training-runs"


@dataclass
class Training:
    """A gateway and its admin."""

    process: GatewayProcess
    admin: httpx.Client

    def start(self, plan: str) -> str:
        self.process.data.with_name("plan").write_text(plan)
        answer = self.admin.post(RUNS)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def until(self, run_id: str, holds: Callable[[dict[str, Any]], bool], seconds: float = 30) -> dict[str, Any]:
        run: dict[str, Any] = {}
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            run = self.admin.get(f"{RUNS}/{run_id}").raise_for_status().json()
            if holds(run):
                return run
            time.sleep(0.05)
        raise AssertionError(f"{run} {self.process.log_file.read_text()}")

    def ended(self, run_id: str) -> dict[str, Any]:
        return self.until(run_id, lambda run: run["state"] not in ("queued", "running"))

    def ticket(self, run_id: str) -> Ticket:
        return Ticket.model_validate_json((self.process.data / f"jobs/{run_id}.json").read_bytes())


@contextmanager
def training(folder: Path, models: Path, **stores: str) -> Iterator[Training]:
    """Nothing listens where inference should be: nothing here needs it."""
    plan = folder / "plan"
    settings = {"TRAINING_DATA": plan, "TRAINING_COMMAND": COMMAND, "INTAKE_WORKERS": 1, "RECONCILE_AFTER": 0.2}
    with gateway(models, folder, "http://127.0.0.1:9", **settings, **stores) as process:
        process.wait_for("/healthz")
        headers = {"Authorization": f"Bearer {process.admin('create-key', '--role', 'admin')}"}
        with httpx.Client(base_url=process.url, headers=headers, trust_env=False) as admin:
            yield Training(process, admin)


def wait_for_end(job: Ticket, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while start_time(job.pid) == job.started:
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture(scope="module")
def nevus(tmp_path_factory: pytest.TempPathFactory, models_dir: Path) -> Iterator[Training]:
    with training(tmp_path_factory.mktemp("training"), models_dir) as opened:
        yield opened


def test_a_run_is_watched_to_its_end(nevus: Training) -> None:
    run_id = nevus.start("good")
    assert nevus.admin.post(RUNS).json()["training_run"] == run_id
    nevus.until(run_id, lambda run: run["state"] == "running" and 0 < run["step"] < 10)
    run = nevus.ended(run_id)
    assert (run["state"], run["step"], run["attempts"], run["log_tail"]) == ("succeeded", 10, 1, ["at 10"])
    second = nevus.start("good")
    assert nevus.ended(second)["state"] == "succeeded"
    assert [run["id"] for run in nevus.admin.get(RUNS).json()["items"]][:2] == [second, run_id]


def test_cancelled_while_it_writes(nevus: Training) -> None:
    run_id = nevus.start("long")
    nevus.until(run_id, lambda run: run["step"] > 2)
    job = nevus.ticket(run_id)
    assert nevus.admin.post(f"{RUNS}/{run_id}/cancel").status_code == 202
    assert nevus.ended(run_id)["state"] == "cancelled"
    wait_for_end(job)


def test_a_crash_is_tried_again_and_goes_on(nevus: Training) -> None:
    run = nevus.ended(nevus.start("crash"))
    assert (run["state"], run["attempts"], run["step"]) == ("succeeded", 2, 10)


def test_a_job_that_ends_without_a_word_has_failed(nevus: Training) -> None:
    run = nevus.ended(nevus.start("silent"))
    assert (run["state"], run["error"]) == ("failed", "The training job ended without saying how.")


def test_the_job_gets_the_stores_of_the_gateway(firestore: Emulator, tmp_path: Path, models_dir: Path) -> None:
    stores = {"RECORDS": "firestore", "GOOGLE_CLOUD_PROJECT": f"nevus-{secrets.token_hex(8)}"}
    with training(tmp_path, models_dir, FIRESTORE_EMULATOR_HOST=firestore.address, **stores) as nevus:
        run = nevus.ended(nevus.start("crash"))
        assert (run["state"], run["attempts"], run["step"]) == ("succeeded", 2, 10)
    assert not (tmp_path / "data/runs.db").exists()


def test_a_killed_gateway_takes_its_job_along_and_the_next_one_goes_on(tmp_path: Path, models_dir: Path) -> None:
    with training(tmp_path, models_dir) as nevus:
        run_id = nevus.start("long")
        before = nevus.until(run_id, lambda run: run["step"] > 5)
        job = nevus.ticket(run_id)
        os.kill(nevus.process.process.pid, signal.SIGKILL)
        wait_for_end(job)
    with training(tmp_path, models_dir) as nevus:
        after = nevus.until(run_id, lambda run: run["attempts"] == 2 and run["step"] > before["step"])
        assert after["state"] == "running"
        assert nevus.ticket(run_id).failures == 1
        assert nevus.admin.post(RUNS).status_code == 409
        nevus.admin.post(f"{RUNS}/{run_id}/cancel")
        assert nevus.ended(run_id)["state"] == "cancelled"
