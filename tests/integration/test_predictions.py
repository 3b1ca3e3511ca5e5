"""The way of a photo when a part fails, when it is asked twice, and when whoever asked has gone."""

from __future__ import annotations

import asyncio
import dataclasses
import io
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from PIL import Image
from tests.photos import lesion
from tests.security.door import Door, open_door

from gateway.intake import Intake
from gateway.reconcile import Reconciler
from gateway.services import Services
from gateway.settings import Settings
from nevus.domain import Measurement, ModelRef, Quality, Status
from nevus.ports import Busy, NotFound, Unavailable, Unprocessable

pytestmark = pytest.mark.asyncio(loop_scope="module")
PHOTO, OTHER = lesion((240, 180), 1), lesion((240, 180), 2)
NOT_ASSESSED = ["Not assessed; if the spot worries you, have it seen."]


class Failing:
    """A classifier or photo store whose every call fails in one way."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def measure(self, *_: object, **__: object) -> Measurement:
        raise self._error

    async def ready(self) -> bool:
        return True

    async def put(self, *_: object, **__: object) -> int:
        raise self._error

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} is not asked for")


class Dark:
    """A classifier that finds every photo too dark."""

    def __init__(self, services: Services) -> None:
        self._real = services.classifier

    async def measure(self, photo: bytes, *, timeout: float, by: ModelRef | None = None) -> Measurement:
        told = await self._real.measure(photo, timeout=timeout, by=by)
        quality = Quality(sharpness=20.0, brightness=0.0, contrast=0.2, glare=0.0, skin=0.9)
        return dataclasses.replace(told, quality=quality)

    async def ready(self) -> bool:
        return True


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def opened(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("data"),
        models_dir=models_dir,
        nevus_admin_key=None,
        intake_workers=2,
        reconcile_after=600,
    )
    async with open_door(settings) as door:
        door.client.headers.update(await door.credentials("owner", "key"))
        yield door


@pytest_asyncio.fixture(loop_scope="module")
async def door(opened: Door) -> AsyncIterator[Door]:
    """The door, whose parts a test may exchange for itself."""
    services = opened.services
    yield opened
    opened.app.state.services = services


async def send(door: Door, photo: bytes = PHOTO, key: str | None = None, **fields: str) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return await door.client.post(
        "/v1/predictions", files={"image": ("a.jpg", photo)}, data=fields, headers=headers, timeout=20
    )


async def records(door: Door) -> int:
    return sum(count for name, count in (await door.services.records.counts()).items() if name.startswith("status:"))


async def test_an_answer_has_everything_that_was_promised(door: Door) -> None:
    answer = await send(door, modality="clinical", age="54", site="back", case_id="arm-1", consent_training="true")
    told = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, told["links"]["self"])
    assert told["status"] == "complete"
    assert told["consent"] == {"version": "1", "training": True}
    assert told["context"]["age"] == 54
    assert set(told["links"]) == {"self", "photo", "heatmap"}
    assert told["result"]["advice"] == told["advice"]
    assert told["model"]["sha256"]
    assert (await door.client.get(told["links"]["self"])).json() == told


async def test_photo_and_heat_map_are_images_that_fit(door: Door) -> None:
    links = (await send(door)).json()["links"]
    photo, heatmap = await door.client.get(links["photo"]), await door.client.get(links["heatmap"])
    with Image.open(io.BytesIO(photo.content)) as clean, Image.open(io.BytesIO(heatmap.content)) as drawn:
        assert clean.size == (240, 180)
        assert drawn.width == clean.width
        assert drawn.height > clean.height
    again = await door.client.get(links["photo"], headers={"If-None-Match": photo.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("error", [Busy(), Unavailable("down")], ids=["busy", "down"])
async def test_without_inference_it_is_pending_and_completed_later(door: Door, error: Exception) -> None:
    working = door.services
    door.exchange(classifier=Failing(error))
    answer = await send(door)
    told = answer.json()
    assert (answer.status_code, told["status"], told["result"]) == (202, "pending", None)
    assert told["advice"] == NOT_ASSESSED
    assert answer.headers["location"] == told["links"]["self"]
    now = working.settings.model_copy(update={"reconcile_after": 0.0})
    await Reconciler(dataclasses.replace(working, settings=now)).round()
    done = (await door.client.get(told["links"]["self"])).json()
    assert done["status"] == "complete"
    assert done["result"]


async def test_after_five_tries_it_has_failed(door: Door) -> None:
    door.exchange(classifier=Failing(Unavailable("down")))
    told = (await send(door)).json()
    now = door.services.settings.model_copy(update={"reconcile_after": 0.0})
    reconciler = Reconciler(dataclasses.replace(door.services, settings=now))
    for attempt in range(1, 5):
        assert (await door.services.records.get(told["id"])).attempts == attempt
        await reconciler.round()
    failed = (await door.client.get(told["links"]["self"])).json()
    assert (failed["status"], failed["advice"]) == ("failed", NOT_ASSESSED)


async def test_a_fault_that_nobody_foresaw_does_not_stop_the_others(door: Door) -> None:
    working = door.services
    door.exchange(classifier=Failing(Unavailable("down")))
    first, second = [(await send(door, photo)).json() for photo in (PHOTO, OTHER)]
    now = working.settings.model_copy(update={"reconcile_after": 0.0})
    broken = dataclasses.replace(working, settings=now, classifier=Failing(ZeroDivisionError()))
    await Reconciler(broken).round()
    found = [await working.records.get(told["id"]) for told in (first, second)]
    assert [(record.status, record.attempts) for record in found] == [(Status.PENDING, 2)] * 2
    await Reconciler(dataclasses.replace(working, settings=now)).round()


async def test_what_inference_can_never_read_has_failed(door: Door) -> None:
    door.exchange(classifier=Failing(Unprocessable("no")))
    answer = await send(door)
    assert (answer.status_code, answer.json()["status"]) == (201, "failed")
    assert (await door.client.get(f"{answer.headers['location']}/heatmap")).json()["type"] == "/problems/no-heatmap"


async def test_without_the_photo_store_nothing_is_recorded(door: Door) -> None:
    before = await records(door)
    door.exchange(photos=Failing(Unavailable("full")))
    answer = await send(door, key="store-is-down")
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable")
    assert await records(door) == before


async def test_a_full_door_says_when_to_come_back(door: Door) -> None:
    door.exchange(intake=(intake := Intake(door.services.metrics, places=1, queue=0)))
    try:
        async with intake.place("anna"):
            answer = await send(door)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert answer.json()["type"] == "/problems/busy"
    finally:
        await intake.close()


async def test_the_same_request_twice_is_one_record(door: Door) -> None:
    before = await records(door)
    first, second = await send(door, key="twice", age="40"), await send(door, key="twice", age="40")
    assert first.json() == second.json()
    assert await records(door) == before + 1


async def test_the_same_key_for_another_request_is_refused(door: Door) -> None:
    await send(door, key="reused")
    for other in (await send(door, OTHER, key="reused"), await send(door, key="reused", age="40")):
        assert (other.status_code, other.json()["type"]) == (422, "/problems/idempotency-key-reused")


async def test_two_requests_of_one_key_at_once_are_one_record(door: Door) -> None:
    before = await records(door)
    answers = await asyncio.gather(*(send(door, key="at-once") for _ in range(6)))
    assert {answer.json()["id"] for answer in answers} == {answers[0].json()["id"]}
    assert await records(door) == before + 1


async def test_a_key_is_its_callers_own(door: Door) -> None:
    mine = await send(door, key="mine")
    other = await door.credentials("other", "key")
    theirs = await door.client.post(
        "/v1/predictions", files={"image": ("a.jpg", PHOTO)}, headers=other | {"Idempotency-Key": "mine"}
    )
    assert mine.json()["id"] != theirs.json()["id"]


async def test_what_was_erased_stays_away(door: Door) -> None:
    told = (await send(door, key="erased")).json()
    assert (await door.client.delete(told["links"]["self"])).status_code == 204
    for answer in (await door.client.get(told["links"]["photo"]), await send(door, key="erased")):
        assert (answer.status_code, answer.json()["type"]) == (410, "/problems/erased")
    assert not await door.services.photos.list(told["id"])


async def test_the_second_unusable_photo_of_a_case_advises_a_visit(door: Door) -> None:
    door.exchange(classifier=Dark(door.services))
    first, second, elsewhere = [
        (await send(door, photo, case_id=case)).json()["result"]
        for photo, case in ((PHOTO, "dim"), (OTHER, "dim"), (OTHER, "else"))
    ]
    assert first["decision"] == second["decision"] == "rejected"
    assert first["probability"] is None
    assert "second_unusable" in second["reasons"]
    assert "second_unusable" not in [*first["reasons"], *elsewhere["reasons"]]


async def test_pages_of_the_list_follow_each_other(door: Door) -> None:
    sent = [(await send(door, case_id="list")).json()["id"] for _ in range(3)]
    first = (await door.client.get("/v1/predictions", params={"case_id": "list", "limit": 2})).json()
    rest = await door.client.get("/v1/predictions", params={"case_id": "list", "limit": 2, "cursor": first["next"]})
    assert [item["id"] for item in [*first["items"], *rest.json()["items"]]] == sent[::-1]
    assert rest.json()["next"] is None
    wrong = await door.client.get("/v1/predictions", params={"cursor": "made-up"})
    assert (wrong.status_code, wrong.json()["type"]) == (422, "/problems/invalid-request")


async def test_old_tombstones_and_photos_without_a_record_are_swept(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = (await send(door, key="old")).json()
    kept = (await send(door)).json()["id"]
    await door.client.delete(told["links"]["self"])
    await door.services.photos.put("aaaaaaaaaaaaaaaaaaaaaaaaaa/orphan.jpg", b"x")
    later = datetime.now(UTC) + timedelta(hours=2)
    listed, deleted = door.services.photos.list, door.services.photos.delete

    async def aged(prefix: str, *, before: datetime | None = None) -> Sequence[str]:
        return await listed(prefix, before=later if before else None)

    async def gone(key: str, *, before: datetime | None = None) -> None:
        await deleted(key, before=later if before else None)

    monkeypatch.setattr(door.services.photos, "list", aged)
    monkeypatch.setattr(door.services.photos, "delete", gone)
    await Reconciler(door.services).sweep()
    assert not await door.services.photos.list("aaaaaaaaaaaaaaaaaaaaaaaaaa")
    assert await door.services.photos.list(kept)
    assert (await door.client.get(told["links"]["self"])).status_code == 410
    await door.services.records.forget_tombstones(before=datetime.now(UTC) + timedelta(minutes=1))
    with pytest.raises(NotFound):
        await door.services.records.get(told["id"])


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"age": "old"}, "age"),
        ({"age": "130"}, "age"),
        ({"modality": "x-ray"}, "modality"),
        ({"case_id": "a b"}, "case_id"),
    ],
)
async def test_wrong_facts_are_told_by_field_and_not_repeated(door: Door, fields: dict[str, str], where: str) -> None:
    answer = await send(door, PHOTO, None, **fields)
    assert (answer.status_code, answer.json()["errors"][0]["where"]) == (422, where)
    assert fields[where] not in answer.json()["errors"][0].values()
