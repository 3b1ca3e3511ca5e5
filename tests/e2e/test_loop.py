"""The whole loop while photos keep coming: corrections, retraining, promotion and roll-back, and no request fails."""

from __future__ import annotations

import io
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.backends import Backend
from tests.gateway_process import GatewayProcess, gateway
from tests.inference_process import inference
from tests.photos import draw_lesion, lesion

CHAMPION = "/v1/channels/champion"
TRAINING_SECONDS = 320  # it runs at the lowest priority
CORRECTIONS = 6


@dataclass
class Traffic:
    """A client that sends one photo after the other, and what it was answered."""

    caller: httpx.Client
    answers: list[tuple[int, dict[str, Any] | None]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    pause: float = 0.3  # seconds; a training takes long

    def run(self) -> None:
        number = 0
        while not self.over.is_set():
            number += 1
            answer = self.caller.post("/v1/predictions", files={"image": ("a.jpg", lesion((240, 180), number % 9))})
            self.answers.append((answer.status_code, answer.json().get("model")))
            time.sleep(self.pause)

    def until_answered_by(self, version: str) -> None:
        end = time.monotonic() + 30
        while not (self.answers and (self.answers[-1][1] or {}).get("version") == version):
            assert time.monotonic() < end, f"{version} never answered"
            time.sleep(0.1)


@contextmanager
def traffic(caller: httpx.Client) -> Iterator[Traffic]:
    flowing = Traffic(caller)
    thread = threading.Thread(target=flowing.run)
    thread.start()
    try:
        yield flowing
    finally:
        flowing.over.set()
        thread.join()


@contextmanager
def person(nevus: GatewayProcess, role: str) -> Iterator[httpx.Client]:
    key = nevus.admin("create-key", "--role", role, "--caller", role)
    with httpx.Client(
        base_url=nevus.url, headers={"Authorization": f"Bearer {key}"}, trust_env=False, timeout=60
    ) as caller:
        yield caller


@pytest.fixture
def nevus(models_dir: Path, tmp_path: Path, backend: Backend, drawn: Path) -> Iterator[GatewayProcess]:
    models, stores = shutil.copytree(models_dir, tmp_path / "models"), backend.settings(tmp_path / "data")
    training = {"TRAINING_DATA": drawn, "RETRAIN_STEPS": 2, "RETRAIN_BATCH_SIZE": 4, "RETRAIN_RATE": 1e-6}
    with (
        inference(models, tmp_path, REFRESH_SECONDS=0.5, **stores) as model,
        gateway(models, tmp_path, model.url, **stores, **training) as door,
    ):
        door.wait_for()
        yield door


def off_centre(number: int) -> bytes:
    """A photo that none of the base is alike; a correction of one that is would be left out."""
    left, top, data = 20 * number, 150 - 25 * number, io.BytesIO()
    draw_lesion((480, 360), 50 + number).crop((left, top, left + 240, top + 180)).save(data, "JPEG")
    return data.getvalue()


def corrected(client: httpx.Client, clinician: httpx.Client) -> None:
    """Photos whose owner lets them be trained on, with a clinician's diagnosis."""
    for number in range(CORRECTIONS):
        sent = client.post(
            "/v1/predictions",
            files={"image": ("a.jpg", off_centre(number))},
            data={"consent_training": "true", "modality": "clinical"},
        )
        diagnosis = {"label": "melanoma" if number % 2 else "nevus", "malignant": bool(number % 2)}
        answer = clinician.put(f"{sent.json()['links']['self']}/diagnosis", json=diagnosis)
        assert answer.status_code == 200, answer.text


def retrained(admin: httpx.Client) -> dict[str, Any]:
    """The run, once it has ended well."""
    begun = admin.post("/v1/training-runs")
    assert begun.status_code == 202, begun.text
    again = admin.post("/v1/training-runs")
    assert (again.status_code, again.json()["type"]) == (409, "/problems/training-run-active")
    stages, end = set[str](), time.monotonic() + TRAINING_SECONDS
    while True:
        run: dict[str, Any] = admin.get(begun.headers["Location"]).json()
        stages.add(run["stage"])
        if run["state"] not in {"queued", "running"}:
            break
        assert time.monotonic() < end, run
        time.sleep(0.5)
    assert run["state"] == "succeeded", run
    assert "training" in stages
    return run


def move(admin: httpx.Client, version: str, **overruled: str) -> httpx.Response:
    tag = admin.get(CHAMPION).headers["etag"]
    return admin.put(CHAMPION, json={"version": version, **overruled}, headers={"If-Match": tag})


def refused_then_overruled(admin: httpx.Client, version: str) -> None:
    """The run has checked it, on a handful of drawn photos that can show of no version what a champion must."""
    refused = move(admin, version)
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/verdict-failed"), refused.text
    assert "evidence, all photos" in refused.json()["failed"]
    assert admin.get(CHAMPION).json()["version"] != version
    answer = move(admin, version, overrule="the test promotes it, whatever it is worth")
    assert answer.status_code == 200, answer.text


@pytest.mark.timeout(480)
def test_from_corrections_to_a_promoted_challenger_and_back(nevus: GatewayProcess) -> None:
    with person(nevus, "client") as client, person(nevus, "clinician") as clinician, person(nevus, "admin") as admin:
        first = admin.get(CHAMPION).json()["version"]
        corrected(client, clinician)
        with traffic(client) as flowing:
            run = retrained(admin)
            flowing.pause = 0.02
            second = run["version"]["version"]
            assert (run["corrections"], run["parent"]["version"]) == (CORRECTIONS, first)
            assert admin.get("/v1/channels/challenger").json()["version"] == second
            assert admin.get(f"/v1/models/{second}/report").status_code == 200
            assert run["metrics"]["promotion_passed"] == 0
            assert any("not met: evidence, all photos" in line for line in run["log_tail"])
            refused_then_overruled(admin, second)
            flowing.until_answered_by(second)
            assert move(admin, first).status_code == 200
            flowing.until_answered_by(first)
        hashes = {each["version"]: each["sha256"] for each in admin.get("/v1/models").json()}
        assert {status for status, _ in flowing.answers} == {201}
        for _, model in flowing.answers:
            assert model
            assert model["sha256"] == hashes[model["version"]]
        assert {model["version"] for _, model in flowing.answers if model} == {first, second}
