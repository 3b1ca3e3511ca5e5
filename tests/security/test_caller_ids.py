"""Whose a record is: nobody becomes its owner by another way in under the same name."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.direct import ask, uploaded
from tests.security.door import PHOTO, Door, open_door
from tests.security.test_matrix import OWN_PAGE

from gateway.settings import Settings

pytestmark = pytest.mark.asyncio
NAME = "anna"


async def kept(door: Door, headers: dict[str, str]) -> str:
    """A record that this caller has made."""
    answer = await door.client.post("/v1/predictions", files={"image": PHOTO}, headers=OWN_PAGE | headers)
    assert answer.status_code == 201
    return str(answer.headers["location"])


async def status(door: Door, method: str, path: str, headers: dict[str, str]) -> int:
    """Of the answer."""
    return (await door.client.request(method, path, headers=OWN_PAGE | headers)).status_code


async def test_equal_names_of_several_kinds_are_several_callers(models_dir: Path, tmp_path: Path) -> None:
    shutil.copytree(models_dir, tmp_path / "models", ignore=shutil.ignore_patterns("*.keras"))
    base: dict[str, Any] = {"data_dir": tmp_path, "nevus_admin_key": None, "intake_workers": 1}
    made: list[str] = []
    async with open_door(Settings(**base)) as door:
        made.append(await kept(door, await door.credentials(NAME, "key")))
        door.client.headers.update(await door.credentials(NAME, "key"))
        upload_id = await uploaded(door.client, PHOTO)
    async with open_door(Settings(**base).model_copy(update={"identity": "oidc"})) as door:
        ways = [await door.credentials(NAME, way) for way in ("token", "iap")]
        made += [await kept(door, headers) for headers in ways]
        for own, headers in enumerate(ways, 1):
            seen = [await status(door, "GET", path, headers) for path in made]
            assert seen == [200 if number == own else 404 for number in range(3)]
            assert await status(door, "DELETE", made[0], headers) == 404
        door.client.headers.update(ways[0])
        assert (await ask(door.client, upload_id)).status_code == 404
