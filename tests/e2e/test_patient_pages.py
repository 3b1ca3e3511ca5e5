"""Somebody with a spot, in a real browser: from the photo to the answer, over time, and to the deletion."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from playwright.async_api import FilePayload, Page, ViewportSize, expect
from tests.contract.predictions import prediction
from tests.e2e.pages import DESKTOP, PHONE, Person, Stage
from tests.photos import lesion
from tests.security.door import new_id

from nevus import clock
from nevus.adapters.file_photos import FilePhotos
from nevus.adapters.sqlite import SqliteRecords
from nevus.domain import Photo, Status

pytestmark = pytest.mark.asyncio(loop_scope="session")


def drawn(seed: int) -> FilePayload:
    return {"name": "private-name.jpg", "mimeType": "image/jpeg", "buffer": lesion(seed=seed)}


async def ask(page: Page, seed: int = 1, at: str = "/") -> None:
    """Send a drawn photo as somebody does who has read nothing."""
    await page.goto(at)
    await page.get_by_label("Photo of the spot").set_input_files(drawn(seed))
    consent = page.get_by_label("I have read the")
    if await consent.count():
        await consent.check()
    await page.get_by_role("button", name="Assess the photo").click()
    await page.wait_for_url("**/results/*")


def count(stage: Stage, person: Person) -> int:
    """Of this person's records."""
    with person.client(stage.nevus.url) as client:
        return len(client.get("/v1/predictions").json()["items"])


async def loaded(page: Page, name: str) -> bool:
    """Whether a picture is there."""
    picture = page.get_by_role("img", name=name)
    return bool(await picture.evaluate("async image => { await image.decode(); return image.naturalWidth > 100 }"))


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_from_a_photo_to_an_answer_that_explains_itself(stage: Stage, size: ViewportSize) -> None:
    async with stage.visit(stage.person("client"), size) as seen:
        page = seen.page
        await page.goto("/")
        await expect(page.get_by_role("heading", name="What Nevus can and cannot do")).to_be_visible()
        training = page.get_by_label("Optional: this")
        await expect(training).not_to_be_checked()
        await page.get_by_label("Photo of the spot").set_input_files(drawn(1))
        await expect(page.locator("#photo-says")).not_to_be_empty()
        assert await loaded(page, "The photo that you chose")
        await page.get_by_text("More about the photo").click()
        await page.get_by_label("Kind of photo").select_option("clinical")
        await page.get_by_role("button", name="Assess the photo").click()
        await expect(page).to_have_url(f"{stage.nevus.url}/")  # not without consent
        await page.get_by_label("I have read the").check()
        await page.get_by_role("button", name="Assess the photo").click()
        await page.wait_for_url("**/results/*")
        for name in ("What to do next", "What this answer is worth", "What Nevus can and cannot do"):
            await expect(page.get_by_role("heading", name=name)).to_be_visible()
        await expect(page.get_by_text("This is no diagnosis")).to_be_visible()
        await expect(page.get_by_role("cell").first).to_be_visible()
        assert await loaded(page, "Your photo of the spot")
        assert await loaded(page, "Heat map")
        await page.get_by_label("Strength of the heat map").fill("20")
        assert await page.locator("#map").evaluate("map => map.style.opacity") == "0.2"
        assert await page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    assert seen.faults == []
    assert "private-name" not in stage.nevus.log_file.read_text()


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_a_spot_gets_a_name_and_its_photos_stand_side_by_side(stage: Stage, size: ViewportSize) -> None:
    person = stage.person("client")
    async with stage.visit(person, size) as seen:
        page = seen.page
        await page.goto("/spots")
        await page.get_by_role("link", name="Take the first photo").click()
        await ask(page, 1)
        await page.get_by_label("A name for a new spot").fill("Left arm")
        await page.get_by_role("button", name="Save the spot").click()
        await expect(page.get_by_role("heading", name="Left arm")).to_be_visible()
        await page.get_by_role("link", name="Add a photo").click()
        await expect(page.get_by_label("Which spot is it?")).to_have_value("Left-arm")
        await ask(page, 2, at=page.url)
        await page.get_by_role("link", name="See how it changes").click()
        await expect(page.locator(".pair img")).to_have_count(2)
        await expect(page.get_by_text("Both photos are of the same day.")).to_be_visible()
        await expect(page.locator(".timeline li")).to_have_count(2)
        await page.get_by_role("link", name="Delete this spot").click()
        await expect(page.get_by_text("It has 2 photos.")).to_be_visible()
        await page.get_by_role("button", name="Delete for good").click()
        await expect(page.get_by_role("heading", name="No photos yet")).to_be_visible()
    assert (seen.faults, count(stage, person)) == ([], 0)


async def test_all_of_it_without_a_script(stage: Stage) -> None:
    person = stage.person("client")
    async with stage.visit(person, PHONE, script=False) as seen:
        page = seen.page
        await refused(page)
        await ask(page, 1)
        assert await loaded(page, "Heat map")
        await page.get_by_label("A name for a new spot").fill("back")
        await page.get_by_role("button", name="Save the spot").click()
        await ask(page, 2, at="/?spot=back")
        await page.get_by_role("button", name="Allow training").click()
        await page.get_by_role("button", name="No longer use it for training").click()
        await page.get_by_role("link", name="Delete this photo").click()
        await page.get_by_role("link", name="Keep it").click()
        await page.get_by_role("link", name="Delete this photo").click()
        await page.get_by_role("button", name="Delete for good").click()
        await expect(page.get_by_text("It was deleted for good.")).to_be_visible()
        assert count(stage, person) == 1
        await page.goto("/data")
        await page.get_by_role("link", name="Delete everything …").click()
        await page.get_by_label("Yes, delete all of them").check()
        await page.get_by_role("button", name="Delete everything for good").click()
        await expect(page.get_by_text("All your photos and answers were deleted")).to_be_visible()
        assert count(stage, person) == 0
        await page.get_by_role("button", name="Sign out").click()
        await expect(page.get_by_role("heading", name="Please sign in")).to_be_visible()


async def refused(page: Page) -> None:
    """What is no photo gets a page that says so."""
    await page.goto("/")
    await page.get_by_label("Photo of the spot").set_input_files(
        {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": b"not a photo"}
    )
    await page.get_by_label("I have read the").check()
    await page.get_by_role("button", name="Assess the photo").click()
    await expect(page.get_by_role("heading", name="We cannot read this as a photo")).to_be_visible()


async def test_a_link_signs_in_and_stays_secret(stage: Stage) -> None:
    link = stage.nevus.invite(caller="new")
    async with stage.visit("", PHONE, script=False) as seen:
        await seen.page.goto(link)
        await seen.page.get_by_role("button", name="Sign in").click()
        await expect(seen.page.get_by_role("heading", name="Should this spot be seen?")).to_be_visible()
    assert link.partition("token=")[2] not in stage.nevus.log_file.read_text()


async def test_ones_data_can_be_taken_along(stage: Stage, tmp_path: Path) -> None:
    person = stage.person("client")
    photo = stage.ask(person, seed=3)
    async with stage.visit(person, DESKTOP) as seen:
        await seen.page.goto("/data")
        async with seen.page.expect_download() as downloading:
            await seen.page.get_by_role("link", name="Download everything").click()
        await (await downloading.value).save_as(tmp_path / "export.zip")
    file = zipfile.ZipFile(io.BytesIO((tmp_path / "export.zip").read_bytes()))
    assert sum(photo in name for name in file.namelist()) == 2
    assert seen.faults == []


async def test_a_pending_photo_shows_its_answer_by_itself(stage: Stage) -> None:
    person, photo = stage.person("client"), lesion(seed=2)
    facts = Photo(sha256="0" * 64, width=600, height=450)
    record = prediction(
        new_id(), owner=person.name, photo=facts, status=Status.PENDING, result=None, created_at=clock.now()
    )
    records = SqliteRecords(stage.nevus.data / "records.db")
    await FilePhotos(stage.nevus.data / "photos").put(facts.key(record.id), photo)
    await records.create(record)
    await records.close()
    async with stage.visit(person, PHONE) as seen:
        await seen.page.goto(f"/results/{record.id}")
        await expect(seen.page.get_by_text("waits to be assessed")).to_be_visible()
        await expect(seen.page.get_by_text("Quality of the photo")).to_be_visible(timeout=20_000)
    assert seen.faults == []
