"""Moving a channel: only from where it was seen to be, only to a version that is whole, and on the audit log.

Which version may become champion: test_admission.py.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest_asyncio
from tests.security.door import Door, open_door
from tests.verdicts import verdict

from gateway.settings import Settings
from nevus.adapters.files import FileStore
from nevus.ports import Unavailable
from nevus.registry import Channel, Registry

CHAMPION = "/v1/channels/champion"


def add_version(versions: Path, source: str, name: str) -> Path:
    """The same model again under another version's name."""
    folder = versions / name
    shutil.copytree(versions / source, folder, ignore=shutil.ignore_patterns("*.keras"))
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"version": name}))
    return folder


@pytest_asyncio.fixture
async def door(models_dir: Path, tmp_path: Path) -> AsyncIterator[Door]:
    shutil.copytree(models_dir, tmp_path / "models", ignore=shutil.ignore_patterns("*.keras"))
    (source,) = (tmp_path / "models").glob("*/versions/*")
    add_version(source.parent, source.name, "second")
    with (add_version(source.parent, source.name, "damaged") / "model.tflite").open("r+b") as file:
        file.write(b"damage")
    settings = Settings(data_dir=tmp_path, models_dir=None, nevus_admin_key=None, intake_workers=1)
    async with open_door(settings) as opened:
        opened.client.headers.update(await opened.credentials("admin", "key"))
        yield opened


async def passed(door: Door, *versions: str) -> None:
    """Each of these has a passing verdict against the champion."""
    registry = door.services.registry
    champion = await registry.resolve(Channel.CHAMPION)
    for version in versions:
        await registry.record_verdict(verdict(champion, await registry.by_version(version)))


async def move(door: Door, version: str, tag: str | bytes | None, channel: str = CHAMPION) -> httpx.Response:
    headers = {} if tag is None else {b"If-Match": tag.encode() if isinstance(tag, str) else tag}
    return await door.client.put(channel, json={"version": version}, headers=headers)


async def test_promoted_and_rolled_back(door: Door) -> None:
    before = await door.client.get(CHAMPION)
    first, tag = before.json()["version"], before.headers["etag"]
    await passed(door, "second")
    moved = await move(door, "second", tag)
    assert (moved.json()["version"], moved.json()["previous"]) == ("second", first)
    stale = await move(door, first, tag)
    assert (stale.status_code, stale.json()["type"]) == (412, "/problems/precondition-failed")
    back = await move(door, first, moved.headers["etag"])
    assert (back.status_code, back.json()["version"]) == (200, first)
    told = [(entry.actor, entry.action, entry.subject) for entry in await door.services.records.audit_log()]
    assert told == [("admin", "promote", f"champion -> {first}"), ("admin", "promote", "champion -> second")]


async def test_a_move_says_what_it_replaces(door: Door) -> None:
    await passed(door, "second")
    answers = [await move(door, "second", tag) for tag in (None, "*", '"1"', b'"\xb2"', '"' + "9" * 5000 + '"')]
    assert [answer.status_code for answer in answers] == [428, 412, 412, 412, 412]
    assert not await door.services.records.audit_log()


async def test_a_damaged_version_is_not_promoted(door: Door) -> None:
    before = await door.client.get(CHAMPION)
    answer = await move(door, "damaged", before.headers["etag"])
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/model-unusable")
    assert (await door.client.get(CHAMPION)).json() == before.json()


async def test_a_move_is_announced_and_its_failure_too(door: Door, tmp_path: Path) -> None:
    await passed(door, "second")
    door.exchange(promotion=Registry(OnlyChannels(tmp_path / "models", reader=True)))
    tag = (await door.client.get(CHAMPION)).headers["etag"]
    assert (await move(door, "second", tag)).status_code == 503
    failed, announced = await door.services.records.audit_log()
    assert (announced.action, failed.action) == ("promote", "promote.failed")
    assert announced.subject == failed.subject == "champion -> second"


class OnlyChannels(FileStore):
    """What the promoter may do; and, as `reader`, what the gateway itself may."""

    def __init__(self, root: Path, *, reader: bool) -> None:
        super().__init__(root)
        self.reader = reader
        self.written: list[str] = []

    async def put(self, key: str, data: bytes, *, if_generation: int | None = None) -> int:
        self.written.append(key)
        if self.reader or not key.startswith("channels/"):
            raise Unavailable("forbidden")
        return await super().put(key, data, if_generation=if_generation)


async def test_a_move_is_the_promoters_one_write(door: Door, tmp_path: Path) -> None:
    await passed(door, "second")
    reader, promoter = (OnlyChannels(tmp_path / "models", reader=reader) for reader in (True, False))
    door.app.state.services = dataclasses.replace(
        door.services, registry=Registry(reader), promotion=Registry(promoter)
    )
    tag = (await door.client.get(CHAMPION)).headers["etag"]
    assert (await move(door, "second", tag)).status_code == 200
    assert (reader.written, promoter.written) == ([], ["channels/champion.json"])


async def test_a_channel_may_point_nowhere_at_first(door: Door) -> None:
    await passed(door, "second")
    assert (await door.client.get("/v1/channels/canary")).status_code == 404
    assert (await move(door, "second", '"0"', "/v1/channels/canary")).status_code == 200
    assert (await move(door, "none", '"0"', "/v1/channels/challenger")).status_code == 404
    listed = {each["version"]: each["channels"] for each in (await door.client.get("/v1/models")).json()}
    assert listed["second"] == ["canary"]


async def test_a_report_runs_nothing_and_loads_nothing(door: Door) -> None:
    version = (await door.client.get(CHAMPION)).json()["version"]
    report = await door.client.get(f"/v1/models/{version}/report")
    assert report.headers["content-type"].startswith("text/html")
    assert report.headers["content-security-policy"].startswith("sandbox; default-src 'none';")
