"""Taking a photo in the page, and sending it over connections that are slow or break."""

from __future__ import annotations

import base64
import io
from typing import Any

import pytest
from PIL import Image
from playwright.async_api import FilePayload, Page, expect
from tests.conftest import ROOT
from tests.e2e.lossy import lossy
from tests.e2e.pages import DESKTOP, PHONE, Stage
from tests.e2e.test_patient_pages import count, drawn
from tests.photos import draw_lesion

from nevus.imaging import to_input
from nevus.quality import measure_quality

pytestmark = pytest.mark.asyncio(loop_scope="session")
SIDE = 64
MEASURED = """async ([pixels, side]) => {
    const { measure } = await import("/static/patient_measure.js");
    return measure(Uint8ClampedArray.from(atob(pixels), c => c.charCodeAt(0)), side);
}"""
ADVISED = """async ([measured, limits]) => (await import("/static/patient_measure.js")).fault(measured, limits)"""


async def fill(page: Page, payload: FilePayload, host: str = "") -> None:
    """The form, up to its button."""
    await page.goto(f"{host}/")
    await page.get_by_label("Photo of the spot").set_input_files(payload)
    await page.get_by_label("I have read the").check()


async def test_a_lost_answer_is_asked_for_again_and_makes_no_second_record(stage: Stage) -> None:
    person = stage.person("client")
    async with lossy(stage.nevus.url) as way, stage.visit(person, PHONE) as seen:
        await fill(seen.page, drawn(1), way.url)
        way.losing = True  # a browser tries once more by itself on a connection that it had
        await seen.page.get_by_role("button", name="Assess the photo").click()
        await expect(seen.page.locator("#sending-says")).to_contain_text("The connection was lost.")
        way.losing = False
        await seen.page.get_by_role("button", name="Try again now").click()
        await seen.page.wait_for_url("**/results/*")
    assert count(stage, person) == 1


async def test_offline_the_photo_waits_for_the_connection(stage: Stage) -> None:
    person = stage.person("client")
    async with stage.visit(person, PHONE) as seen:
        await fill(seen.page, drawn(2))
        await expect(seen.page.locator("#photo-says")).not_to_be_empty()
        await seen.page.context.set_offline(offline=True)
        await seen.page.get_by_role("button", name="Assess the photo").click()
        await expect(seen.page.locator("#sending-says")).to_contain_text("You are offline.")
        await seen.page.context.set_offline(offline=False)
        await seen.page.wait_for_url("**/results/*")
    assert count(stage, person) == 1


async def test_a_refusal_is_told_on_the_page_and_another_photo_can_follow(stage: Stage) -> None:
    person = stage.person("client")
    async with stage.visit(person, DESKTOP, language="es") as seen:
        page = seen.page
        await page.goto("/")
        await page.get_by_label("Foto de la mancha").set_input_files(
            {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": b"not a photo"}
        )
        await page.get_by_label("He leído").check()
        await page.get_by_role("button", name="Evaluar la foto").click()
        await expect(page.get_by_role("alert")).to_contain_text("JPEG")
        await expect(page.get_by_role("alert")).to_be_focused()
        await page.get_by_label("Foto de la mancha").set_input_files(drawn(3))
        await expect(page.get_by_role("alert")).to_be_hidden()
        await page.get_by_role("button", name="Evaluar la foto").click()
        await page.wait_for_url("**/results/*")
    assert count(stage, person) == 1


@pytest.mark.parametrize(("name", "smaller"), [("large.jpg", True), ("lesion.heic", False)])
async def test_a_large_photo_travels_small_and_an_unreadable_one_as_it_is(
    stage: Stage, name: str, smaller: bool
) -> None:
    photo = large() if smaller else (ROOT / "tests" / name).read_bytes()
    async with lossy(stage.nevus.url) as way, stage.visit(stage.person("client"), PHONE) as seen:
        await fill(seen.page, {"name": name, "mimeType": "image/jpeg", "buffer": photo}, way.url)
        await seen.page.get_by_role("button", name="Assess the photo").click()
        await seen.page.wait_for_url("**/results/*")
    assert 2000 < way.sent < len(photo) / 3 if smaller else len(photo) < way.sent < len(photo) + 8192


def large() -> bytes:
    """12 megapixels."""
    data = io.BytesIO()
    draw_lesion((800, 600), 1).resize((4000, 3000), Image.Resampling.BILINEAR).save(data, "JPEG", quality=92)
    return data.getvalue()


async def test_a_photo_is_taken_in_the_page(stage: Stage) -> None:
    async with stage.visit("client", PHONE) as seen:
        page = seen.page
        await page.goto("/")
        await page.get_by_role("button", name="Take a photo").click()
        framing = page.get_by_role("dialog")
        await expect(framing.get_by_role("status")).to_contain_text("No skin")  # the test picture is green
        await seen.shot("patient-camera")
        await framing.get_by_role("button", name="Take the photo").click()
        await expect(framing).to_be_hidden()
        await expect(page.locator("#preview")).to_be_visible()
        await expect(page.locator("#photo-says")).to_contain_text("little skin")
        assert await page.locator("#image").evaluate("image => image.files[0].size > 1000")
        assert await page.locator("video").evaluate("video => video.srcObject === null")
    assert seen.faults == []


async def test_the_page_measures_what_the_service_measures_and_says_what_to_change(stage: Stage) -> None:
    good = draw_lesion((400, 300), 1)
    changed: dict[str, Image.Image] = {
        "": good,
        "closer": framed(good, 0.12),
        "further": good.crop((150, 110, 250, 190)),
        "dark": good.point(lambda value: value // 8),
        "no_lesion": Image.new("RGB", good.size, (222, 178, 150)),
    }
    limits = {
        "min_sharpness": 0.5, "min_brightness": 0.18, "max_brightness": 0.93, "min_contrast": 0.025, "max_glare": 0.2,
        "min_skin": 0.1, "min_spot": 5.2,
    }  # fmt: skip
    async with stage.visit("client", DESKTOP) as seen:
        await seen.page.goto("/data")
        for expected, image in changed.items():
            measured = await measure(seen.page, image)
            told = measure_quality(to_input(image, SIDE)).model_dump()
            assert {name: pytest.approx(measured[name], abs=0.006) for name in told} == told
            assert await seen.page.evaluate(ADVISED, [measured, limits]) == expected


async def measure(page: Page, image: Image.Image) -> dict[str, Any]:
    """By the page's own script."""
    pixels = Image.fromarray(to_input(image, SIDE)).convert("RGBA").tobytes()
    found = await page.evaluate(MEASURED, [base64.b64encode(pixels).decode(), SIDE])
    assert isinstance(found, dict)
    return found


def framed(image: Image.Image, share: float) -> Image.Image:
    """Smaller by that much, with skin around."""
    small = image.resize((int(image.width * share * 2), int(image.height * share * 2)))
    whole = Image.new("RGB", image.size, image.getpixel((2, 2)))
    whole.paste(small, ((image.width - small.width) // 2, (image.height - small.height) // 2))
    return whole
