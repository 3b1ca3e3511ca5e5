"""Starting, seeing and ending a canary by the API."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from tests.integration.test_channels import add_version, passed
from tests.security.door import Door, open_door

from gateway.settings import Settings

CANARY = "/v1/channels/canary"


@pytest_asyncio.fixture
async def door(models_dir: Path, tmp_path: Path) -> AsyncIterator[Door]:
    shutil.copytree(models_dir, tmp_path / "models", ignore=shutil.ignore_patterns("*.keras"))
    settings = Settings(data_dir=tmp_path, models_dir=None, nevus_admin_key=None, intake_workers=1)
    champion = json.loads((tmp_path / "models/channels/champion.json").read_text())
    add_version(tmp_path / "models" / champion["name"] / "versions", champion["version"], "second")
    async with open_door(settings) as opened:
        opened.client.headers.update(await opened.credentials("admin", "key"))
        yield opened


async def start(door: Door, tag: str = '"0"', **body: Any) -> httpx.Response:
    return await door.client.put(CANARY, json={"version": "second"} | body, headers={"If-Match": tag})


async def test_it_is_started_seen_and_ended(door: Door) -> None:
    await passed(door, "second")
    started = await start(door)
    assert (started.status_code, started.json()["share"]) == (200, 0.1)
    seen = await door.client.get(CANARY)
    assert (seen.json()["version"], seen.json()["ended"], seen.headers["etag"]) == (
        "second",
        None,
        started.headers["etag"],
    )
    more = await start(door, seen.headers["etag"], share=0.25)
    assert (more.json()["share"], more.json()["since"] > seen.json()["since"]) == (0.25, True)
    assert (await door.client.delete(CANARY, headers={"If-Match": seen.headers["etag"]})).status_code == 412
    ended = await door.client.delete(CANARY, headers={"If-Match": more.headers["etag"]})
    assert (ended.status_code, ended.json()["reason"]) == (200, "ended by an admin")
    assert (await door.client.delete(CANARY)).status_code == 404
    assert (await door.client.get(CANARY)).json() == ended.json()
    listed = {each["version"]: each["channels"] for each in (await door.client.get("/v1/models")).json()}
    assert listed["second"] == []
    assert (await start(door, ended.headers["etag"])).json()["ended"] is None
    told = [(each.action, each.detail.split(", ")[-1]) for each in reversed(await door.services.records.audit_log())]
    assert [action for action, _ in told] == ["promote", "promote", "canary-end", "promote"]
    assert [detail for action, detail in told if action == "promote"] == ["share 0.1", "share 0.25", "share 0.1"]


async def test_it_needs_a_passing_verdict_or_a_reason(door: Door) -> None:
    refused = await start(door)
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/verdict-missing")
    assert (await start(door, overrule="the clinic's board has decided so")).status_code == 200
    assert [each.action for each in await door.services.records.audit_log()] == ["promote", "overrule"]


@pytest.mark.parametrize("share", [0, -0.1, 0.51, 1, "all"])
async def test_its_share_is_half_at_most(door: Door, share: object) -> None:
    await passed(door, "second")
    assert (await start(door, share=share)).status_code == 422


async def test_no_other_channel_has_a_share_and_the_champion_is_no_canary(door: Door) -> None:
    champion = await door.client.get("/v1/channels/champion")
    body = {"version": "second", "share": 0.1}
    tag = {"If-Match": champion.headers["etag"]}
    assert (await door.client.put("/v1/channels/champion", json=body, headers=tag)).status_code == 422
    assert (await start(door, version=champion.json()["version"])).status_code == 422
    assert not await door.services.records.audit_log()
