"""From a direct upload to a prediction: what is kept, what is gone, and what a second request is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from tests.direct import ask, begin, put, uploaded
from tests.emulators import Emulator
from tests.photos import lesion
from tests.security.door import Door, open_door

from gateway.quarantine import KEPT, PREFIX, key_of, new_upload_id
from gateway.settings import Settings
from nevus.adapters.gcs import GcsPhotos
from nevus.domain import Caller, Measurement, Role
from nevus.ports import NotFound, PhotoStore, StoredObject, Unavailable

pytestmark = pytest.mark.asyncio(loop_scope="module")
PHOTO = lesion((240, 180), 1)
OWNER = Caller(id="owner", role=Role.CLIENT)


class Down:
    """A classifier that is not there."""

    async def measure(self, *_: object, **__: object) -> Measurement:
        raise Unavailable("down")

    async def ready(self) -> bool:
        return False


class Full:
    """A photo store that takes nothing more."""

    def __init__(self, real: PhotoStore) -> None:
        self._real = real

    async def put(self, *_: object, **__: object) -> int:
        raise Unavailable("full")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class Arriving:
    """A photo store in which an upload arrives just after it was looked for."""

    def __init__(self, real: PhotoStore) -> None:
        self._real = real

    async def get(self, key: str) -> StoredObject:
        try:
            return await self._real.get(key)
        except NotFound:
            await self._real.put(key, PHOTO, if_generation=0)
            raise

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def bucket(gcs: Emulator) -> GcsPhotos:
    """Photos in a new bucket of the emulator."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", gcs.url)
        return GcsPhotos(gcs.new_bucket())


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=["files", "gcs"])
async def opened(
    request: pytest.FixtureRequest, models_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Door]:
    data = tmp_path_factory.mktemp("data")
    settings = Settings(data_dir=data, models_dir=models_dir, nevus_admin_key=None, intake_workers=2, reconcile_after=9)
    async with open_door(settings) as door:
        door.client.headers.update(await door.credentials("owner", "key"))
        if request.param == "gcs":
            door.exchange(photos=bucket(request.getfixturevalue("gcs")))
        yield door


@pytest_asyncio.fixture(loop_scope="module")
async def door(opened: Door) -> AsyncIterator[Door]:
    """The door with an empty quarantine, whose parts a test may exchange for itself."""
    services = opened.services
    for key in await services.photos.list(PREFIX):
        await services.photos.delete(key)
    yield opened
    opened.app.state.services = services


async def waiting(door: Door) -> int:
    return len(await door.services.photos.list(PREFIX))


async def photos_of(door: Door, record_id: str) -> int:
    return len(await door.services.photos.list(record_id))


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


async def test_the_whole_round(door: Door) -> None:
    told = await begin(door.client, content_type="image/jpeg")
    assert (await put(door.client, told, PHOTO)).status_code == 200
    assert list(await door.services.photos.list(PREFIX)) == [key_of(OWNER, told["upload_id"])]
    answer = await ask(door.client, told["upload_id"], modality="clinical", age=54, consent_training=True)
    made = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, made["links"]["self"])
    assert (made["status"], made["context"]["age"], made["consent"]["training"]) == ("complete", 54, True)
    assert (await waiting(door), await photos_of(door, made["id"])) == (0, 1)
    assert (await door.client.get(made["links"]["photo"])).headers["content-type"] == "image/jpeg"


async def test_what_is_stored_is_encoded_anew_as_with_every_photo(door: Door) -> None:
    made = (await ask(door.client, await uploaded(door.client, PHOTO))).json()
    sent = await door.client.post("/v1/predictions", files={"image": ("a.jpg", PHOTO)})
    assert made["photo"] == sent.json()["photo"]
    assert (await door.client.get(made["links"]["photo"])).content != PHOTO


@pytest.mark.parametrize("key", [None, "an-upload"])
async def test_a_retry_is_told_the_same_when_the_upload_has_gone(door: Door, key: str | None) -> None:
    upload_id = await uploaded(door.client, PHOTO)
    first = await ask(door.client, upload_id, key, age=40)
    again = await ask(door.client, upload_id, key, age=40)
    assert (again.status_code, again.json()) == (201, first.json())
    assert problem(await ask(door.client, upload_id, key, age=41)) == (422, "idempotency-key-reused")


async def test_what_a_crash_left_behind_an_answer_goes_with_the_retry(door: Door) -> None:
    upload_id = await uploaded(door.client, PHOTO)
    first = await ask(door.client, upload_id)
    await door.services.photos.put(key_of(OWNER, upload_id), PHOTO)
    again = await ask(door.client, upload_id)
    assert (again.status_code, again.json()) == (201, first.json())
    assert (await waiting(door), await photos_of(door, first.json()["id"])) == (0, 1)


async def test_a_key_used_for_another_upload_takes_nothing_from_this_one(door: Door) -> None:
    await ask(door.client, await uploaded(door.client, PHOTO), "used")
    upload_id = await uploaded(door.client, PHOTO)
    assert problem(await ask(door.client, upload_id, "used")) == (422, "idempotency-key-reused")
    assert (await ask(door.client, upload_id, "unused")).status_code == 201


@pytest.mark.parametrize("key", [None, "twins"])
async def test_requests_at_once_are_one_record_and_one_photo(door: Door, key: str | None) -> None:
    upload_id = await uploaded(door.client, PHOTO)
    answers = await asyncio.gather(*(ask(door.client, upload_id, key) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    (record_id,) = {answer.json()["id"] for answer in answers}
    assert (await waiting(door), await photos_of(door, record_id)) == (0, 1)


@pytest.mark.parametrize(
    "upload_id",
    ["", "../x", "x" * 26, "0" * 26, new_upload_id(datetime.now(UTC))],
    ids=["empty", "path", "letters", "zeros", "unknown"],
)
async def test_an_upload_that_is_none_is_missing(door: Door, upload_id: str) -> None:
    assert problem(await ask(door.client, upload_id)) == (404, "upload-missing")


async def test_an_upload_that_was_not_sent_yet_is_missing(door: Door) -> None:
    told = await begin(door.client)
    assert problem(await ask(door.client, told["upload_id"])) == (404, "upload-missing")
    await put(door.client, told, PHOTO)
    assert (await ask(door.client, told["upload_id"])).status_code == 201


async def test_an_upload_that_arrives_while_it_is_asked_for_stays(door: Door) -> None:
    upload_id, photos = (await begin(door.client))["upload_id"], door.services.photos
    door.exchange(photos=Arriving(photos))
    assert problem(await ask(door.client, upload_id)) == (404, "upload-missing")
    door.exchange(photos=photos)
    assert (await ask(door.client, upload_id)).status_code == 201


async def test_an_upload_is_its_callers_own(door: Door) -> None:
    upload_id = await uploaded(door.client, PHOTO)
    for kind in ("other", "clinician", "admin"):
        headers = await door.credentials(kind, "key")
        theirs = await door.client.post("/v1/predictions", json={"upload_id": upload_id}, headers=headers)
        assert problem(theirs) == (404, "upload-missing")
    assert (await ask(door.client, upload_id)).status_code == 201


async def test_an_upload_older_than_a_day_is_missing_and_gone(door: Door) -> None:
    upload_id = new_upload_id(datetime.now(UTC) - KEPT - timedelta(minutes=1))
    await door.services.photos.put(key_of(OWNER, upload_id), PHOTO)
    assert problem(await ask(door.client, upload_id)) == (404, "upload-missing")
    assert await waiting(door) == 0


@pytest.mark.parametrize("key", [None, "to-be-erased"])
async def test_what_was_erased_stays_away(door: Door, key: str | None) -> None:
    upload_id = await uploaded(door.client, PHOTO)
    made = (await ask(door.client, upload_id, key)).json()
    assert (await door.client.delete(made["links"]["self"])).status_code == 204
    await door.services.photos.put(key_of(OWNER, upload_id), PHOTO)  # as if it could not be discarded
    assert problem(await ask(door.client, upload_id, key)) == (410, "erased")
    assert (await waiting(door), await photos_of(door, made["id"])) == (0, 0)


@pytest.mark.parametrize(
    ("photo", "why"), [(b"hello", (415, "photo-unsupported")), (PHOTO[:2000], (422, "photo-unreadable"))]
)
async def test_a_refused_photo_is_gone(door: Door, photo: bytes, why: tuple[int, str]) -> None:
    assert problem(await ask(door.client, await uploaded(door.client, photo))) == why
    assert await waiting(door) == 0


async def test_too_large_a_photo_is_refused_again_where_the_store_let_it_in(door: Door) -> None:
    upload_id = new_upload_id(datetime.now(UTC))
    await door.services.photos.put(key_of(OWNER, upload_id), bytes(20 * 1024 * 1024 + 1))
    assert problem(await ask(door.client, upload_id)) == (413, "photo-too-large")
    assert await waiting(door) == 0


async def test_a_pending_one_has_left_the_quarantine(door: Door) -> None:
    upload_id = await uploaded(door.client, PHOTO)
    door.exchange(classifier=Down())
    answer = await ask(door.client, upload_id)
    assert (answer.status_code, await waiting(door)) == (202, 0)
    assert (await ask(door.client, upload_id)).json()["id"] == answer.json()["id"]


@pytest.mark.parametrize("key", [None, "after-a-fault"])
async def test_after_a_fault_of_ours_the_upload_is_still_there(door: Door, key: str | None) -> None:
    working, upload_id = door.services, await uploaded(door.client, PHOTO)
    door.exchange(photos=Full(working.photos))
    assert problem(await ask(door.client, upload_id, key)) == (503, "unavailable")
    assert await waiting(door) == 1
    door.exchange(photos=working.photos)
    assert (await ask(door.client, upload_id, key)).status_code == 201
    assert await waiting(door) == 0


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({}, "invalid-request"),
        ({"upload_id": "0" * 26, "age": 130}, "invalid-request"),
        ({"upload_id": "0" * 26, "fitzpatric": 6}, "invalid-request"),
        ({"upload_id": 7}, "invalid-request"),
        ({"upload_id": "0" * 65}, "invalid-request"),
        ({"upload_id": "0" * 26, "site": "x" * 70_000}, "invalid-request"),
        ([], "invalid-request"),
    ],
)
async def test_wrong_json_is_refused(door: Door, body: object, kind: str) -> None:
    assert problem(await door.client.post("/v1/predictions", json=body)) == (422, kind)


async def test_damaged_json_is_refused(door: Door) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    answer = await door.client.post("/v1/predictions", content=b'{"upload_id"', headers=headers)
    assert problem(answer) == (422, "invalid-request")
