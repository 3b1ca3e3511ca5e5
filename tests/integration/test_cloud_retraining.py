"""Retraining as on Cloud Run: runs in Firestore, their jobs with a stand-in for Cloud Run's API."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from tests.cloud_run_server import JOB, UNAVAILABLE, CloudRun, State, cloud_run
from tests.emulators import Emulator
from tests.fakes import world

from gateway.bootstrap import job_runner
from gateway.settings import Settings
from nevus.adapters.firestore_runs import FirestoreRuns
from nevus.domain import Role, RunState
from nevus.ports import RunStore
from nevus.training_runs import change

RUNS = "/v1/training-runs"


@dataclass
class Cloud:
    """What stands behind the gateway, and its admin."""

    server: CloudRun
    runs: RunStore
    admin: httpx.AsyncClient


@pytest.fixture
async def cloud(
    firestore: Emulator, tmp_path: Path, models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Cloud]:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore.address)
    async with cloud_run() as server, world(tmp_path, models_dir) as nevus:
        named = {"jobs": "cloud_run", "training_job": JOB, "cloud_run_endpoint": server.endpoint}
        jobs = await job_runner(Settings.model_validate(named))
        runs = FirestoreRuns(f"nevus-{secrets.token_hex(8)}")
        services = dataclasses.replace(nevus.services, jobs=jobs, runs=runs)
        async with dataclasses.replace(nevus, services=services).client(Role.ADMIN) as admin:
            yield Cloud(server, runs, admin)
        await jobs.close()
        await runs.close()


async def test_from_start_to_end(cloud: Cloud) -> None:
    run = (await cloud.admin.post(RUNS)).json()
    (name,) = cloud.server.executions
    assert cloud.server.executions[name].template.containers[0].args[-1] == run["id"]
    assert (await cloud.admin.post(RUNS)).status_code == 409
    await change(cloud.runs, run["id"], lambda it: it.model_copy(update={"state": RunState.RUNNING, "step": 5}))
    seen = (await cloud.admin.get(run["links"]["self"])).json()
    assert (seen["state"], seen["step"], seen["logs_url"]) == ("running", 5, f"https://logs.test/{name}")
    await change(cloud.runs, run["id"], lambda it: it.model_copy(update={"state": RunState.SUCCEEDED}))
    second = await cloud.admin.post(RUNS)
    assert second.status_code == 202
    cancelled = await cloud.admin.post(second.json()["links"]["cancel"])
    assert (cancelled.status_code, cancelled.json()["cancel_requested"]) == (202, True)
    assert (await cloud.admin.get(second.json()["links"]["self"])).json()["state"] == "cancelled"


async def test_an_execution_that_fails_without_a_word(cloud: Cloud) -> None:
    run = (await cloud.admin.post(RUNS)).json()
    (execution,) = cloud.server.executions.values()
    cloud.server.complete(execution, State.CONDITION_FAILED)
    seen = (await cloud.admin.get(run["links"]["self"])).json()
    assert (seen["state"], seen["error"]) == ("failed", "Task nevus-0 ended.")


async def test_cloud_run_is_down(cloud: Cloud) -> None:
    cloud.server.faults["ListExecutions"] = [UNAVAILABLE] * 10
    answer = await cloud.admin.post(RUNS)
    assert answer.status_code == 503
    seen = (await cloud.admin.get(f"{RUNS}/{answer.json()['training_run']}")).json()
    assert (seen["state"], seen["error"]) == ("failed", f"{JOB}: ServiceUnavailable.")
