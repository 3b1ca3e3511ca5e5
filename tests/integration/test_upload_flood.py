"""How much one caller may have waiting in the quarantine; photos of others are not kept out by it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.direct import ask, begin, put
from tests.integration.test_uploads import bucket
from tests.security.door import PHOTO, Door, open_door

from gateway.quarantine import PREFIX
from gateway.settings import Settings

AT_MOST = 3
FULL = (429, "/problems/too-many-uploads")


@pytest_asyncio.fixture(params=["files", "gcs"])
async def door(request: pytest.FixtureRequest, models_dir: Path, tmp_path: Path) -> AsyncIterator[Door]:
    settings = Settings(data_dir=tmp_path, models_dir=models_dir, nevus_admin_key=None, upload_waiting=AT_MOST)
    async with open_door(settings.model_copy(update={"intake_workers": 1, "intake_places": 1})) as opened:
        if request.param == "gcs":
            opened.exchange(photos=bucket(request.getfixturevalue("gcs")))
        opened.client.headers.update(await opened.credentials("owner", "key"))
        yield opened


async def fill(door: Door) -> list[str]:
    """As many as there may be."""
    told = [await begin(door.client) for _ in range(AT_MOST)]
    assert [(await put(door.client, each, PHOTO)).status_code for each in told] == [200] * AT_MOST
    return [str(each["upload_id"]) for each in told]


async def test_no_url_is_given_for_more(door: Door) -> None:
    first, *_ = await fill(door)
    refused = await door.client.post("/v1/uploads")
    assert (refused.status_code, refused.json()["type"]) == FULL
    other = await door.credentials("other", "key")
    assert (await door.client.post("/v1/uploads", headers=other)).status_code == 201
    assert (await ask(door.client, first)).status_code == 201
    assert (await door.client.post("/v1/uploads")).status_code == 201


@pytest.mark.parametrize("door", ["files"], indirect=True)
async def test_urls_that_were_gathered_before_do_not_fill_the_disk(door: Door) -> None:
    told = [await begin(door.client) for _ in range(3 * AT_MOST)]
    answers = await asyncio.gather(*(put(door.client, each, PHOTO) for each in told))
    assert sorted(answer.status_code for answer in answers) == [200] * AT_MOST + [429] * 2 * AT_MOST
    assert len(await door.services.photos.list(PREFIX)) == AT_MOST
