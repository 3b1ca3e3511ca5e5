"""docs/mobile.md, typed as it stands: the three calls of a direct upload over real HTTP."""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from tests.backends import Backend
from tests.conftest import ROOT
from tests.gateway_process import GatewayProcess
from tests.photos import lesion

PAGE = (ROOT / "docs/mobile.md").read_text()
BEGIN, SEND, ASK = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
REQUESTS = re.findall(r"```http\n(.*?)\n```", PAGE, re.DOTALL)
PHOTO = lesion((1200, 900), 21)


def run(nevus: GatewayProcess, folder: Path, text: str, **named: str) -> str:
    environment = os.environ | {"NO_PROXY": "127.0.0.1"} | named
    command = ["sh", "-ec", text.replace("http://127.0.0.1:8080", nevus.url)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True).stdout


def written_out(nevus: GatewayProcess, text: str, **named: bytes) -> tuple[int, bytes]:
    """Status and body of the answer to a request of the page, sent as it stands there, with its body's length."""
    head, _, body = text.encode().partition(b"\n\n")
    for name, value in named.items():
        head, body = (part.replace(b"$" + name.encode(), value) for part in (head, body))
    if body:
        head += f"\nContent-Length: {len(body)}".encode()
    where = urlsplit(nevus.url)
    with socket.create_connection((where.hostname, where.port), 30) as connection:
        connection.sendall(head.replace(b"\n", b"\r\n") + b"\r\n\r\n" + body)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer.status, answer.read()


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


def test_the_same_in_plain_http(nevus: GatewayProcess) -> None:
    key = nevus.admin("create-key", "--role", "client").encode()
    begin, send, ask, look, heatmap, delete = REQUESTS
    status, body = written_out(nevus, begin, NEVUS_KEY=key)
    told = json.loads(body)
    assert (status, sorted(told)) == (201, sorted(json.loads(PAGE.split("```json\n")[1].split("```")[0])))
    where = urlsplit(told["url"])
    assert written_out(nevus, send, PATH_OF_URL=f"{where.path}?{where.query}".encode(), PHOTO=PHOTO)[0] == 200
    status, body = written_out(nevus, ask, NEVUS_KEY=key, UPLOAD_ID=told["upload_id"].encode())
    made = json.loads(body)
    assert (status, made["status"]) == (201, "complete")
    named = {"NEVUS_KEY": key, "ID": made["id"].encode()}
    assert written_out(nevus, look, **named) == (200, body)
    assert written_out(nevus, heatmap, **named)[1].startswith(b"\xff\xd8\xff")
    assert [written_out(nevus, delete, **named)[0] for _ in range(2)] == [204, 410]


def test_a_photo_that_is_none_is_refused_and_gone(
    client: httpx.Client, nevus: GatewayProcess, backend: Backend
) -> None:
    told = client.post("/v1/uploads").json()
    sent = httpx.request(told["method"], told["url"], headers=told["headers"], content=b"hello", trust_env=False)
    assert sent.status_code == 200
    answer = client.post("/v1/predictions", json={"upload_id": told["upload_id"]})
    assert (answer.status_code, answer.json()["type"]) == (415, "/problems/photo-unsupported")
    assert raw(backend, nevus) == []
