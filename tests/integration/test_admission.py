"""Which version may become champion: one that was checked and passed, one that led here, or by a written reason."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from tests.integration.test_channels import CHAMPION, add_version
from tests.security.door import Door, open_door
from tests.verdicts import verdict

from gateway.settings import Settings
from nevus.domain import ModelRef
from nevus.ports import Unavailable
from nevus.registry import Channel
from nevus.verdicts import verdict_key

REASON = "the clinic's board has decided so on 24 November"


@pytest_asyncio.fixture
async def door(models_dir: Path, tmp_path: Path) -> AsyncIterator[Door]:
    shutil.copytree(models_dir, tmp_path / "models", ignore=shutil.ignore_patterns("*.keras"))
    (source,) = (tmp_path / "models").glob("*/versions/*")
    for name in ("second", "third"):
        add_version(source.parent, source.name, name)
    settings = Settings(data_dir=tmp_path, models_dir=None, nevus_admin_key=None, intake_workers=1)
    async with open_door(settings) as opened:
        opened.client.headers.update(await opened.credentials("admin", "key"))
        yield opened


async def ref(door: Door, version: str) -> ModelRef:
    return await door.services.registry.by_version(version)


async def champion(door: Door) -> ModelRef:
    return await door.services.registry.resolve(Channel.CHAMPION)


async def move(door: Door, version: str, **more: str) -> httpx.Response:
    tag = (await door.client.get(CHAMPION)).headers["etag"]
    return await door.client.put(CHAMPION, json={"version": version, **more}, headers={"If-Match": tag})


async def check(door: Door, version: str, *, passed: bool = True) -> None:
    """A check of the version against the present champion was made."""
    await door.services.registry.record_verdict(verdict(await champion(door), await ref(door, version), passed=passed))


async def test_a_version_that_was_not_checked_against_this_champion_is_refused(door: Door) -> None:
    first = await champion(door)
    answer = await move(door, "second")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/verdict-missing")
    assert answer.json()["champion"] == first.version
    await check(door, "third")
    assert (await move(door, "third")).status_code == 200
    await door.services.registry.record_verdict(verdict(first, await ref(door, "second")))
    answer = await move(door, "second")  # it was checked, against another champion
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/verdict-missing")
    assert (await champion(door)).version == "third"


async def test_a_version_that_failed_is_refused_by_the_names_of_its_bars(door: Door) -> None:
    first = await champion(door)
    await check(door, "second", passed=False)
    answer = await move(door, "second")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/verdict-failed")
    assert answer.json()["failed"] == ["sensitivity, sex female"]
    await check(door, "second")  # a second check changes nothing
    assert (await move(door, "second")).status_code == 409
    assert await champion(door) == first
    assert not await door.services.records.audit_log()
    (told,) = (await door.client.get("/v1/models/second/verdicts")).json()
    assert (told["passed"], told["challenger"]["version"]) == (False, "second")
    assert (await door.client.get(f"/v1/models/{first.version}/verdicts")).json() == []


async def test_an_overruling_is_on_the_audit_log_with_its_reason(door: Door) -> None:
    await check(door, "second", passed=False)
    for bad in ("because", " " * 40, "x" * 501):
        assert (await move(door, "second", overrule=bad)).status_code == 422
    assert not await door.services.records.audit_log()
    assert (await move(door, "second", overrule=REASON)).status_code == 200
    promoted, overruled = await door.services.records.audit_log()
    assert (promoted.action, overruled.action) == ("promote", "overrule")
    assert (overruled.actor, overruled.subject) == ("admin", "champion -> second")
    assert overruled.detail == f"{REASON} [failed: sensitivity, sex female]"


async def test_nothing_is_overruled_where_the_reason_cannot_be_kept(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def down(entry: object) -> None:
        raise Unavailable("down")

    first = await champion(door)
    monkeypatch.setattr(door.services.records, "audit", down)
    assert (await move(door, "second", overrule=REASON)).status_code == 503
    assert await champion(door) == first


async def test_going_back_needs_no_verdict_however_far(door: Door) -> None:
    first = (await champion(door)).version
    for version, before in (("second", first), ("third", "second")):
        await check(door, version)
        assert (await move(door, version)).json()["previous"] == before
    assert (await move(door, "second")).json()["previous"] == first
    assert (await move(door, first)).json()["previous"] is None
    assert (await move(door, first)).status_code == 200  # it is there already
    assert (await move(door, "second")).status_code == 200  # its verdict against the first still holds
    assert (await move(door, "third")).status_code == 200


async def test_who_alternates_gets_no_refused_version_in_again(door: Door) -> None:
    """Going back forgets where it came from: what was overruled once needs its reason each time."""
    first = (await champion(door)).version
    await check(door, "second", passed=False)
    for _ in range(2):
        assert (await move(door, "second", overrule=REASON)).status_code == 200
        assert (await move(door, first)).status_code == 200
        assert (await move(door, "second")).json()["type"] == "/problems/verdict-failed"
    actions = [entry.action for entry in await door.services.records.audit_log()]
    assert actions == ["promote", "promote", "overrule"] * 2


async def test_a_pointer_from_before_there_was_a_history_still_goes_back(door: Door, tmp_path: Path) -> None:
    path = tmp_path / "models/channels/champion.json"
    second = await ref(door, "second")
    old = '{"name": "%s", "version": "%s", "manifest_sha256": "%s", "previous": "third"}'
    path.write_text(old % (second.name, second.version, second.sha256))
    assert (await move(door, "third")).status_code == 200
    assert (await move(door, "second")).status_code == 409


async def test_the_first_champion_needs_none(door: Door, tmp_path: Path) -> None:
    (tmp_path / "models/channels/champion.json").unlink()
    answer = await door.client.put(CHAMPION, json={"version": "second"}, headers={"If-Match": '"0"'})
    assert answer.status_code == 200


async def test_a_damaged_or_borrowed_verdict_counts_for_nothing(door: Door, tmp_path: Path) -> None:
    first, second, third = await champion(door), await ref(door, "second"), await ref(door, "third")
    path = tmp_path / "models" / verdict_key(first, second)
    path.parent.mkdir(parents=True)
    spoiled = verdict(first, second, passed=False).model_dump_json().replace('"passed":false', '"passed":true', 1)
    for text in (verdict(first, third).model_dump_json(), "{}", spoiled):
        path.write_text(text)
        answer = await move(door, "second")
        assert (answer.status_code, answer.json()["type"]) == (422, "/problems/model-unusable")
    assert await champion(door) == first
