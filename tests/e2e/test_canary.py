"""Bad canaries with both services really running: they end by themselves, and every photo is answered."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.backends import CLOUD, Backend
from tests.e2e.test_loop import person
from tests.gateway_process import GatewayProcess, gateway
from tests.inference_process import inference
from tests.integration.test_channels import add_version
from tests.photos import lesion

CANARY = "/v1/channels/canary"
QUICK = {
    "CANARY_REFRESH": 0.3,
    "CANARY_EVERY": 10,
    "CANARY_ALPHA": 0.05,
    "CANARY_TIMEOUT": 2,
    "CANARY_LATENCY_BAND": 50,
}
pytestmark = pytest.mark.skipif(CLOUD, reason="the emulator's bucket holds the version that ships alone")
WHY = "this test is to see what becomes of it"


def call_all_malignant(folder: Path) -> None:
    """The same model with another calibration."""
    manifest = json.loads((folder / "manifest.json").read_text())
    for constants in manifest["modalities"].values():
        constants["bias"] += 20
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.fixture(scope="module")
def models(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The champion that ships, and it again as `unlike` and as `damaged`, which is whole yet."""
    models = tmp_path_factory.mktemp("models") / "models"
    shutil.copytree(models_dir, models, ignore=shutil.ignore_patterns("*.keras"))
    champion = json.loads((models / "channels/champion.json").read_text())
    versions = models / champion["name"] / "versions"
    call_all_malignant(add_version(versions, champion["version"], "unlike"))
    add_version(versions, champion["version"], "damaged")
    return models


@pytest.fixture(scope="module")
def nevus(models: Path, tmp_path_factory: pytest.TempPathFactory, backend: Backend) -> Iterator[GatewayProcess]:
    folder = tmp_path_factory.mktemp("canary")
    stores = backend.settings(folder / "data")
    with (
        inference(models, folder, REFRESH_SECONDS=0.3, **stores) as model,
        gateway(models, folder, model.url, **stores, **QUICK) as door,
    ):
        door.wait_for()
        yield door


@pytest.fixture
def admin(nevus: GatewayProcess) -> Iterator[httpx.Client]:
    with person(nevus, "admin") as client:
        yield client


def start(client: httpx.Client, version: str) -> None:
    tag = client.get(CANARY).headers.get("etag", '"0"')
    body = {"version": version, "share": 0.5, "overrule": WHY}
    started = client.put(CANARY, json=body, headers={"If-Match": tag})
    assert started.status_code == 200, started.text


def send(client: httpx.Client, number: int) -> dict[str, Any]:
    answer = client.post("/v1/predictions", files={"image": ("a.jpg", lesion((240, 180), number % 9))})
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


def until_ended(client: httpx.Client) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The channel after its end, and what every photo until then was answered."""
    answers: list[dict[str, Any]] = []
    end = time.monotonic() + 60
    with ThreadPoolExecutor(4) as threads:
        while not (told := client.get(CANARY).json())["ended"]:
            assert time.monotonic() < end, told
            answers += threads.map(lambda n: send(client, n), range(12))
    return told, answers


def test_one_that_tells_other_things_ends_by_itself(nevus: GatewayProcess, admin: httpx.Client) -> None:
    start(admin, "unlike")
    told, answers = until_ended(admin)
    assert told["reason"].startswith("scores: ")
    assert {each["status"] for each in answers} == {"complete"}
    by_canary = [each["result"]["probability"] for each in answers if each["model"]["version"] == "unlike"]
    assert len(by_canary) >= 10
    assert min(by_canary) > 0.99
    assert 'nevus_canary_ends_total{measure="scores"} 1.0' in admin.get("/metrics").text
    champion = admin.get("/v1/channels/champion").json()["version"]
    assert {send(admin, n)["model"]["version"] for n in range(10)} == {champion}


def test_one_that_cannot_answer_ends_by_itself_and_costs_no_answer(
    nevus: GatewayProcess, admin: httpx.Client, models: Path
) -> None:
    start(admin, "damaged")
    (file,) = models.glob("*/versions/damaged/model.tflite")
    with file.open("r+b") as opened:
        opened.write(b"damage")
    told, answers = until_ended(admin)
    assert told["reason"].startswith("errors: ")
    champion = admin.get("/v1/channels/champion").json()["version"]
    assert {(each["status"], each["model"]["version"]) for each in answers} == {("complete", champion)}
