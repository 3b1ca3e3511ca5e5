"""What people do with their own photos on the pages: consent, naming, taking along, deleting; never with another's."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from tests.fakes import World, world
from tests.unit.test_predict import OTHER, PHOTO

from gateway import consent, own_data
from nevus.domain import Prediction, Role
from nevus.ports import Gone

FORM = {"consent_version": consent.CURRENT}
TEXTS = {"1": "133419826f59f03e", "2": "4ef8082e1fa45a25"}


@pytest_asyncio.fixture
async def nevus(tmp_path: Path, models_dir: Path) -> AsyncIterator[World]:
    async with world(tmp_path, models_dir) as made:
        yield made


@pytest_asyncio.fixture
async def anna(nevus: World) -> AsyncIterator[httpx.AsyncClient]:
    async with nevus.client() as client:
        yield client


async def send(client: httpx.AsyncClient, image: bytes = PHOTO, **fields: str) -> httpx.Response:
    files = {"image": ("a.jpg", image, "image/jpeg")}
    return await client.post("/results", data=FORM | fields, files=files)


async def sent(nevus: World, client: httpx.AsyncClient, image: bytes = PHOTO, **fields: str) -> Prediction:
    answer = await send(client, image, **fields)
    assert answer.status_code == 303, answer.text
    return await nevus.records.get(answer.headers["location"].rpartition("/")[2])


async def test_no_photo_without_consent_to_a_text(nevus: World, anna: httpx.AsyncClient) -> None:
    refused = await anna.post("/results", files={"image": ("a.jpg", PHOTO, "image/jpeg")})
    assert refused.status_code == 422
    assert "tick its box" in refused.json()["detail"]
    assert (await send(anna, consent_version="9")).status_code == 422
    assert not (await nevus.records.page(owner="anna")).items


async def test_the_record_names_the_text_that_was_shown_and_the_next_form_knows(
    nevus: World, anna: httpx.AsyncClient
) -> None:
    shown = re.search('type="checkbox" name="consent_version" value="(.)" required', (await anna.get("/")).text)
    assert shown is not None
    record = await sent(nevus, anna, consent_version=shown[1])
    assert (record.consent.version, record.consent.training) == (consent.CURRENT, False)
    assert f'href="/consent/{consent.CURRENT}"' in (await anna.get(f"/results/{record.id}")).text
    again = (await anna.get("/")).text
    assert f'type="hidden" name="consent_version" value="{consent.CURRENT}"' in again


@pytest.mark.parametrize("version", consent.VERSIONS)
async def test_a_text_that_was_in_use_does_not_change(anna: httpx.AsyncClient, version: str) -> None:
    page = (await anna.get(f"/consent/{version}")).text
    words = " ".join(re.sub("<[^>]*>", " ", page[page.index('id="text">') + 10 : page.index("</article")]).split())
    assert hashlib.sha256(words.encode()).hexdigest()[:16] == TEXTS[version], words
    assert (await anna.get("/consent/3")).status_code == 404


async def test_an_api_call_may_name_the_text_too(anna: httpx.AsyncClient) -> None:
    files: dict[str, Any] = {"image": ("a.jpg", PHOTO, "image/jpeg")}
    answer = await anna.post("/v1/predictions", files=files, data={"consent_version": "2", "consent_training": "true"})
    assert answer.json()["consent"] == {"version": "2", "training": True}
    assert (await anna.post("/v1/predictions", files=files)).json()["consent"]["version"] == consent.UNTOLD
    assert (await anna.post("/v1/predictions", files=files, data={"consent_version": "x"})).status_code == 422


async def test_the_same_form_sent_twice_is_one_record_however_it_is_answered(
    nevus: World, anna: httpx.AsyncClient
) -> None:
    first = await sent(nevus, anna, idempotency_key="k", spot_name="left arm")
    answer = await anna.post(
        "/results",
        data=FORM | {"idempotency_key": "k", "spot_name": "left arm"},
        files={"image": ("b.jpg", PHOTO, "image/jpeg")},
        headers={"Prefer": "return=minimal"},
    )
    assert (answer.status_code, answer.headers["location"]) == (201, f"/results/{first.id}")
    assert len((await nevus.records.page(owner="anna")).items) == 1


async def test_consent_to_training_is_given_and_taken_back(nevus: World, anna: httpx.AsyncClient) -> None:
    record = await sent(nevus, anna, consent_training="true")
    await anna.post(f"/results/{record.id}/training")
    assert not (await nevus.records.get(record.id)).consent.training
    await anna.post(f"/results/{record.id}/training", data={"allowed": "true"})
    assert (await nevus.records.get(record.id)).consent.training
    assert (await anna.post("/data/training")).headers["location"] == "/data?withdrawn=1"
    assert not (await nevus.records.get(record.id)).consent.training
    actions = [entry.action for entry in await nevus.records.audit_log(limit=3)]
    assert actions == ["consent.withdraw", "consent.give", "consent.withdraw"]


async def test_a_photo_gets_a_spot_and_another_one(nevus: World, anna: httpx.AsyncClient) -> None:
    record = await sent(nevus, anna)
    answer = await anna.post(f"/results/{record.id}/spot", data={"spot_name": "left arm"})
    assert answer.headers["location"] == "/spots/left-arm"
    assert "left arm" in (await anna.get("/spots/left-arm")).text
    await anna.post(f"/results/{record.id}/spot", data={"case_id": "back", "spot_name": ""})
    assert (await nevus.records.get(record.id)).context.case_id == "back"
    assert (await anna.get("/spots/left-arm")).status_code == 404
    assert (await anna.get("/spots/back")).status_code == 200


async def test_nobody_else_touches_what_is_anyones_own(nevus: World, anna: httpx.AsyncClient) -> None:
    record = await sent(nevus, anna, spot_name="arm")
    for role, name in ((Role.CLIENT, "ben"), (Role.CLINICIAN, "cleo"), (Role.ADMIN, "ada")):
        async with nevus.client(role, name) as other:
            for path in ("spot", "training"):
                assert (await other.post(f"/results/{record.id}/{path}")).status_code == 404
            assert (await other.get("/spots/arm")).status_code == 404
            assert (await other.post("/spots/arm/delete")).status_code == 404
            await other.post("/data/delete", data={"sure": "true"})
            assert zipfile.ZipFile(io.BytesIO((await other.get("/v1/export")).content)).namelist() == ["README.txt"]
    assert await nevus.records.get(record.id) == record


async def test_everything_is_taken_along_in_one_file(
    nevus: World, anna: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.export.AT_ONCE", 2)
    records = [await sent(nevus, anna, image) for image in (PHOTO, OTHER, PHOTO)]
    lost = records[1]
    await nevus.photos.delete(lost.photo.key(lost.id))
    answer = await anna.get("/v1/export")
    assert (answer.headers["content-type"], "content-length" in answer.headers) == ("application/zip", False)
    file = zipfile.ZipFile(io.BytesIO(answer.content))
    assert file.testzip() is None
    names = {
        f"{folder}{each.created_at:%Y-%m-%d}_{each.id}{end}"
        for each in (records[0], records[2])
        for folder, end in (("photos/", ".jpg"), ("answers/", ".json"))
    }
    assert set(file.namelist()) == names | {"README.txt"}
    for name in names:
        if name.endswith(".json"):
            assert json.loads(file.read(name)) == (await anna.get(f"/v1/predictions/{name[-31:-5]}")).json()


async def test_deleting_everything_is_asked_for_twice_and_goes_on_where_it_stopped(
    nevus: World, anna: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [await sent(nevus, anna, image) for image in (PHOTO, OTHER)]
    assert (await anna.post("/data/delete")).status_code == 422
    monkeypatch.setattr(own_data, "PATIENCE", -1.0)
    assert (await anna.post("/data/delete", data={"sure": "true"})).headers["location"] == "/data/delete?left=1"
    monkeypatch.undo()
    assert (await anna.post("/data/delete", data={"sure": "true"})).headers["location"] == "/data?deleted=1"
    for record in records:
        with pytest.raises(Gone):
            await nevus.records.get(record.id)
    assert await nevus.photos.list("") == []


async def test_a_spot_is_deleted_with_its_photos_and_no_others(nevus: World, anna: httpx.AsyncClient) -> None:
    for image in (PHOTO, OTHER):
        await sent(nevus, anna, image, spot_name="arm")
    kept = await sent(nevus, anna, spot_name="back")
    assert "2 photos" in (await anna.get("/spots/arm/delete")).text
    await anna.post("/spots/arm/delete")
    assert [each.id for each in (await nevus.records.page(owner="anna")).items] == [kept.id]
