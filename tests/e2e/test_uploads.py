"""docs/mobile.md, typed as it stands: the three calls of a direct upload over real HTTP."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import httpx
from tests.backends import Backend
from tests.conftest import ROOT
from tests.gateway_process import GatewayProcess
from tests.photos import lesion

BEGIN, SEND, ASK = re.findall(r"```sh\n(.*?)```", (ROOT / "docs/mobile.md").read_text(), re.DOTALL)
PHOTO = lesion((1200, 900), 21)


def run(nevus: GatewayProcess, folder: Path, text: str, **named: str) -> str:
    environment = os.environ | {"NO_PROXY": "127.0.0.1"} | named
    command = ["sh", "-ec", text.replace("http://127.0.0.1:8080", nevus.url)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True).stdout


def raw(backend: Backend, nevus: GatewayProcess) -> list[str]:
    return [key for key in backend.photos(nevus.data) if key.startswith("quarantine/")]


def test_the_round_as_the_page_tells_it(nevus: GatewayProcess, backend: Backend, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(PHOTO)
    key = nevus.admin("create-key", "--role", "client")
    told: dict[str, Any] = json.loads(run(nevus, tmp_path, BEGIN, NEVUS_KEY=key))
    run(nevus, tmp_path, SEND, URL=told["url"])
    assert len(raw(backend, nevus)) == 1
    made = json.loads(run(nevus, tmp_path, ASK, NEVUS_KEY=key, UPLOAD_ID=told["upload_id"]))
    assert (made["status"], made["context"]["modality"]) == ("complete", "clinical")
    assert raw(backend, nevus) == []
    assert f"{made['id']}.{made['photo']['sha256']}.jpg" in backend.photos(nevus.data)
    again = json.loads(run(nevus, tmp_path, ASK, NEVUS_KEY=key, UPLOAD_ID=told["upload_id"]))
    assert again == made


def test_a_photo_that_is_none_is_refused_and_gone(
    client: httpx.Client, nevus: GatewayProcess, backend: Backend
) -> None:
    told = client.post("/v1/uploads").json()
    sent = httpx.request(told["method"], told["url"], headers=told["headers"], content=b"hello", trust_env=False)
    assert sent.status_code == 200
    answer = client.post("/v1/predictions", json={"upload_id": told["upload_id"]})
    assert (answer.status_code, answer.json()["type"]) == (415, "/problems/photo-unsupported")
    assert raw(backend, nevus) == []
