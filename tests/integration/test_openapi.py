"""The OpenAPI document is valid, its examples have the types that it states, and each operation answers as it says."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate
from tests.security.door import PHOTO, Door, open_door, start_canary

from gateway.app import create_app
from gateway.problems import MEDIA_TYPE, TYPES
from gateway.settings import Settings
from nevus.registry import Channel

pytestmark = pytest.mark.asyncio(loop_scope="module")
DOCUMENT: dict[str, Any] = create_app(Settings(nevus_admin_key=None)).openapi()
OPERATIONS = [(method, path) for path, item in DOCUMENT["paths"].items() for method in item]
REQUESTS = [
    (method, path, kind)
    for method, path in OPERATIONS
    for kind in DOCUMENT["paths"][path][method].get("requestBody", {}).get("content", {"": None})
]
FILES = ("image/jpeg", "text/html", "application/zip")


def operation(method: str, path: str) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["paths"][path][method]
    return found


def check(value: Any, schema: dict[str, Any]) -> None:
    whole = schema | {"components": DOCUMENT["components"]}
    OAS31Validator(whole).validate(value)


def contents(each: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for status, answer in each["responses"].items():
        for kind, content in answer.get("content", {}).items():
            yield status, kind, content


async def test_the_document_is_valid_openapi_3_1() -> None:
    assert DOCUMENT["openapi"].startswith("3.1")
    validate(DOCUMENT)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
async def test_every_answer_has_an_example_of_its_type(method: str, path: str) -> None:
    for status, kind, content in contents(operation(method, path)):
        if status.startswith("2") and kind not in FILES:
            assert "example" in content
            check(content["example"], content.get("schema", {}))
        if not status.startswith("2"):
            assert kind == MEDIA_TYPE
            for name, example in content["examples"].items():
                check(example["value"], content["schema"])
                assert TYPES[name][0] == int(status)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def door(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    data = tmp_path_factory.mktemp("data")
    shutil.copytree(models_dir, data / "models", ignore=shutil.ignore_patterns("*.keras"))
    async with open_door(Settings(data_dir=data, models_dir=None, nevus_admin_key=None, intake_workers=1)) as opened:
        opened.client.headers.update(await opened.credentials("admin", "key"))
        yield opened


async def example_request(door: Door, method: str, path: str, kind: str) -> httpx.Request:
    """As the document shows it, on things that exist here."""
    pointer, generation = await door.services.registry.pointer(Channel.CHAMPION)
    places = {"version": pointer.version, "channel": "champion", "record_id": (await door.record()).id}
    places["run_id"] = (await door.training_run()).id
    headers = {"If-Match": f'"{generation}"'} if path.endswith("{channel}") else {}
    if kind == "image/*":
        signed = (await door.client.post("/v1/uploads")).json()
        return door.client.build_request(signed["method"], signed["url"], headers=signed["headers"], content=PHOTO)
    if path.endswith("/canary"):
        await start_canary(door)
    sent: dict[str, Any] = {}
    if kind:
        example = operation(method, path)["requestBody"]["content"][kind]["example"]
        here = {"version": pointer.version, "upload_id": await door.upload("admin")}
        real = example | {name: value for name, value in here.items() if name in example}
        sent = {"json": real} if kind == "application/json" else {"data": real, "files": {"image": ("a.jpg", PHOTO)}}
    return door.client.build_request(method.upper(), path.format(**places), headers=headers, **sent)


@pytest.mark.parametrize(("method", "path", "kind"), REQUESTS)
async def test_its_example_works(door: Door, method: str, path: str, kind: str) -> None:
    answer = await door.client.send(await example_request(door, method, path, kind))
    assert answer.is_success, answer.text
    told = operation(method, path)["responses"][str(answer.status_code)].get("content", {})
    answered = answer.headers.get("content-type", "").split(";")[0]
    assert (answered in told) if answer.content else not told
    if answered == "application/json":
        check(answer.json(), told[answered].get("schema", {}))
