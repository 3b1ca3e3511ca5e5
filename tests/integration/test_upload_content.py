"""Where a signed URL leads when photos are kept in files: it takes one photo, as it was signed, once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from tests.direct import begin, put
from tests.security.door import HOST, PHOTO, Door, open_door

from gateway.intake import Intake
from gateway.quarantine import PREFIX
from gateway.settings import Settings

pytestmark = pytest.mark.asyncio(loop_scope="module")
MINUTE = timedelta(minutes=1)


class Elsewhere:
    """A photo store whose signed URLs are its own, as in the cloud."""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def opened(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    data = tmp_path_factory.mktemp("data")
    settings = Settings(data_dir=data, models_dir=models_dir, nevus_admin_key=None, intake_workers=1, intake_places=1)
    async with open_door(settings) as door:
        door.client.headers.update(await door.credentials("owner", "key"))
        yield door


@pytest_asyncio.fixture(loop_scope="module")
async def door(opened: Door) -> AsyncIterator[Door]:
    """The door with an empty quarantine, whose parts a test may exchange for itself."""
    services = opened.services
    for key in await services.photos.list(PREFIX):
        await services.photos.delete(key)
    yield opened
    opened.app.state.services = services


async def signed(door: Door, max_bytes: int = 1000, lifetime: timedelta = MINUTE) -> dict[str, Any]:
    """An upload with limits of its own."""
    made = await door.services.photos.sign_upload(
        f"{PREFIX}one", content_type="image/jpeg", max_bytes=max_bytes, lifetime=lifetime
    )
    return {"url": made.url, "method": made.method, "headers": dict(made.headers)}


async def refused(door: Door, answer: httpx.Response, *, left: int = 0) -> tuple[int, str]:
    """The problem; nothing more than `left` is stored."""
    assert len(await door.services.photos.list(PREFIX)) == left
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


async def test_the_url_is_whole_and_good_for_as_long_as_it_says(door: Door) -> None:
    told = await begin(door.client)
    assert told["url"].startswith(f"{HOST}/v1/uploads/content?")
    assert (told["method"], told["headers"]) == ("PUT", {"Content-Type": "image/jpeg"})
    assert told["max_bytes"] == 20 * 1024 * 1024
    async with httpx.AsyncClient(transport=httpx.ASGITransport(door.app), base_url=HOST) as stranger:
        assert (await put(stranger, told, PHOTO)).status_code == 200
    (key,) = await door.services.photos.list(PREFIX)
    assert (await door.services.photos.get(key)).data == PHOTO


@pytest.mark.parametrize("kind", ["image/jpeg", "image/png", "image/webp", "image/heic"])
async def test_each_kind_of_photo_is_signed_for(door: Door, kind: str) -> None:
    told = await begin(door.client, content_type=kind)
    assert (await put(door.client, told, PHOTO)).status_code == 200


@pytest.mark.parametrize("wanted", [{"content_type": "text/html"}, {"content_type": ""}, {"type": "image/png"}])
async def test_other_kinds_are_not(door: Door, wanted: dict[str, str]) -> None:
    answer = await door.client.post("/v1/uploads", json=wanted)
    assert await refused(door, answer) == (422, "invalid-request")


async def test_nothing_is_sent_there_twice(door: Door) -> None:
    told = await begin(door.client)
    await put(door.client, told, PHOTO)
    assert await refused(door, await put(door.client, told, b"another"), left=1) == (412, "upload-exists")
    (key,) = await door.services.photos.list(PREFIX)
    assert (await door.services.photos.get(key)).data == PHOTO


async def test_of_many_at_once_one_is_kept(door: Door) -> None:
    told = await begin(door.client)
    answers = await asyncio.gather(*(put(door.client, told, bytes([n]) * 100) for n in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7
    (key,) = await door.services.photos.list(PREFIX)
    winner = [answer.status_code for answer in answers].index(200)
    assert (await door.services.photos.get(key)).data == bytes([winner]) * 100


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("quarantine%2Fone", "quarantine%2Ftwo"),
        ("image%2Fjpeg", "image%2Fpng"),
        ("=1000", "=9000"),
        ("expires=1", "expires=2"),
    ],
)
async def test_a_changed_url_is_refused(door: Door, part: str, other: str) -> None:
    told = await signed(door)
    assert part in told["url"]
    headers = {"Content-Type": "image/png"} if "png" in other else told["headers"]
    answer = await put(door.client, told | {"url": told["url"].replace(part, other), "headers": headers}, PHOTO[:100])
    assert await refused(door, answer) == (403, "upload-refused")


@pytest.mark.parametrize("kind", ["image/png", "image/jpeg; q=1", "", None])
async def test_another_type_is_refused(door: Door, kind: str | None) -> None:
    told = await signed(door)
    headers = {} if kind is None else {"Content-Type": kind}
    assert await refused(door, await put(door.client, told | {"headers": headers}, b"x")) == (403, "upload-refused")


async def test_it_expires(door: Door) -> None:
    told = await signed(door, lifetime=timedelta(seconds=-1))
    assert await refused(door, await put(door.client, told, b"x")) == (403, "upload-refused")


async def test_what_is_empty_is_refused(door: Door) -> None:
    assert await refused(door, await put(door.client, await signed(door), b"")) == (422, "photo-unreadable")


async def test_what_is_too_large_is_refused_told_or_not(door: Door) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield bytes(100)

    told = await signed(door)
    assert await refused(door, await put(door.client, told, bytes(1001))) == (413, "photo-too-large")
    untold = await door.client.put(told["url"], content=chunks(), headers=told["headers"])
    assert await refused(door, untold) == (413, "photo-too-large")
    assert (await put(door.client, told, bytes(1000))).status_code == 200


async def test_what_takes_too_long_is_refused(door: Door) -> None:
    async def slowly() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.sleep(5)

    settings = door.services.settings.model_copy(update={"upload_timeout": 0.05})
    door.exchange(settings=settings)
    told = await signed(door)
    answer = await door.client.put(told["url"], content=slowly(), headers=told["headers"])
    assert await refused(door, answer) == (408, "upload-timeout")


async def test_a_full_door_says_when_to_come_back(door: Door) -> None:
    usual = door.services.intake
    door.exchange(intake=(intake := Intake(door.services.metrics, places=1, patience=0.05)))
    told = await signed(door)
    async with intake.place("anna"):
        answer = await put(door.client, told, b"x")
    door.exchange(intake=usual)
    await intake.close()
    assert (await refused(door, answer), answer.headers["retry-after"]) == ((503, "busy"), "1")
    assert (await put(door.client, told, b"x")).status_code == 200


async def test_it_is_not_there_when_clients_upload_to_the_cloud(door: Door) -> None:
    told = await signed(door)
    door.exchange(photos=Elsewhere())
    answer = await put(door.client, told, b"x")
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")


async def test_nothing_that_was_uploaded_is_served(door: Door) -> None:
    told = await begin(door.client)
    await put(door.client, told, PHOTO)
    (key,) = await door.services.photos.list(PREFIX)
    for url in (told["url"], f"/{key}", f"/v1/predictions/{key}/photo", f"/v1/uploads/{told['upload_id']}"):
        answer = await door.client.get(url)
        assert answer.status_code in {404, 405, 422}
        assert PHOTO not in answer.content
