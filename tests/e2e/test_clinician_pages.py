"""The clinicians' pages in a real browser: the worklist by keys, a diagnosis in two, many photos, paper."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import FilePayload, Page, Route, ViewportSize, expect
from tests.e2e.browser import SHOTS, Scheme
from tests.e2e.pages import DESKTOP, PHONE, Stage, axe
from tests.photos import lesion

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def asked(stage: Stage) -> list[str]:
    """Four photos of one person: the first and the last of one spot, the third with a diagnosis."""
    person = stage.person("client")
    arm = {"case_id": "left-arm", "modality": "clinical", "age": "44", "site": "arm"}
    facts: list[dict[str, str]] = [arm, {"modality": "dermoscopic"}, {"modality": "clinical", "sex": "female"}, arm]
    ids = [stage.ask(person, seed, **said) for seed, said in enumerate(facts, 11)]
    with stage.known("clinician").client(stage.nevus.url) as client:
        said = {"label": "nevus", "malignant": False}
        assert client.put(f"/v1/predictions/{ids[2]}/diagnosis", json=said).status_code == 200
    return ids


def found(stage: Stage, record: str) -> str:
    """The label of its diagnosis."""
    with stage.known("clinician").client(stage.nevus.url) as client:
        diagnosis = client.get(f"/v1/predictions/{record}").json()["diagnosis"]
    return str(diagnosis["label"]) if diagnosis else ""


async def width(page: Page, name: str) -> float:
    """As it is seen, in pixels."""
    return float(await page.locator(f"#{name}").evaluate("e => e.getBoundingClientRect().width"))


def files(*seeds: int) -> list[FilePayload]:
    drawn = [FilePayload(name=f"=name {n}.jpg", mimeType="image/jpeg", buffer=lesion(seed=n)) for n in seeds]
    return [*drawn, FilePayload(name="text.jpg", mimeType="image/jpeg", buffer=b"not a photo")]


@pytest.mark.parametrize(("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")], ids=["desktop", "phone"])
async def test_everyone_can_read_a_full_list_and_a_whole_case(
    stage: Stage, asked: list[str], size: ViewportSize, scheme: Scheme
) -> None:
    async with stage.visit("clinician", size, scheme) as seen:
        for name, path in (("worklist", "/worklist?reviewed=all"), ("case", f"/worklist/{asked[3]}")):
            await seen.page.goto(path, wait_until="networkidle")
            assert await seen.page.evaluate("document.documentElement.scrollWidth") <= size["width"]
            await axe(seen.page)
            await seen.shot(f"full-{name}")
    assert seen.faults == []


async def test_the_worklist_and_a_diagnosis_by_keys(stage: Stage, asked: list[str]) -> None:
    async with stage.visit("clinician") as seen:
        page = seen.page
        await page.goto("/worklist")
        rows = page.locator("#worklist a")
        for key, at in (("j", 0), ("j", 1), ("k", 0), ("j", 1)):
            await page.keyboard.press(key)
            await expect(rows.nth(at)).to_be_focused()
        await page.keyboard.press("?")
        await expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
        await axe(page)
        await page.keyboard.press("Escape")
        await page.keyboard.press("/")
        await page.keyboard.type(asked[0][:12])
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"**/worklist/{asked[0]}*")
        await page.keyboard.press("m")
        await page.keyboard.press("1")
        await expect(page.get_by_text(f"The diagnosis of {asked[0][:8]} is saved.")).to_be_visible()
        assert found(stage, asked[0]) == "melanoma"
        assert asked[0] not in page.url.partition("?")[0]
        await page.get_by_role("link", name="Correct it").click()
        await expect(page.get_by_text("Malignant: melanoma")).to_be_visible()
        await page.keyboard.press("b")
        await page.keyboard.press("2")
        await expect(page.get_by_text("is saved.")).to_be_visible()
        assert found(stage, asked[0]) == "seborrheic keratosis"
    assert seen.faults == []


async def test_keys_can_be_put_away(stage: Stage, asked: list[str]) -> None:
    async with stage.visit("clinician") as seen:
        await seen.page.goto(f"/worklist/{asked[1]}")
        await seen.page.get_by_role("button", name="Keys").click()
        await seen.page.get_by_label("Use these keys on this device").uncheck()
        await seen.page.get_by_role("button", name="Close").click()
        await seen.page.keyboard.press("m")
        await seen.page.keyboard.press("1")
        await expect(seen.page.locator(".chosen")).to_have_count(0)
    assert found(stage, asked[1]) == ""


async def test_a_photo_is_seen_closely(stage: Stage, asked: list[str]) -> None:
    async with stage.visit("clinician") as seen:
        page = seen.page
        await page.goto(f"/worklist/{asked[3]}")
        before = await width(page, "photo")
        await page.get_by_role("button", name="Larger").click()
        assert await width(page, "photo") == pytest.approx(1.4 * before)
        await page.keyboard.press("0")
        assert await width(page, "photo") == before
        await expect(page.locator("#map")).to_be_hidden()
        await page.keyboard.press("h")
        await expect(page.locator("#map")).to_be_visible()
        await page.get_by_label("Strength of the heat map").fill("40")
        assert await page.locator("#map").evaluate("e => e.style.opacity") == "0.4"
        assert await width(page, "map") == await width(page, "photo")
        earlier = page.get_by_role("region", name="Other photos of this spot").get_by_role("link")
        assert asked[0] in str(await earlier.first.get_attribute("href"))
        alike = page.get_by_role("region", name="Confirmed photos that look alike")
        await expect(alike.get_by_role("link", name=asked[2][:8])).to_be_visible()
    assert seen.faults == []


async def test_without_javascript(stage: Stage) -> None:
    record = stage.ask(stage.known("client"), 15, modality="dermoscopic")
    async with stage.visit("clinician", PHONE, script=False) as seen:
        page = seen.page
        await page.goto("/worklist")
        await page.get_by_label("Kind of photo").select_option("dermoscopic")
        await page.get_by_role("button", name="Show").click()
        await page.locator(f"#worklist a[href*='{record}']").click()
        await page.get_by_role("button", name="dermatofibroma").click()
        await expect(page.get_by_text("is saved.")).to_be_visible()
        assert "modality=dermoscopic" in page.url
        assert found(stage, record) == "dermatofibroma"
        await page.goto("/batch")
        await page.get_by_label("Photos").set_input_files(files(16, 17))
        await page.get_by_role("button", name="Assess the photos").click()
        await expect(page.locator("#rows tr")).to_have_count(3)
        await expect(page.locator("#rows a")).to_have_count(2)
        await expect(page.locator("#rows .bad")).to_have_text("We cannot read this as a photo")
    assert seen.faults == []


async def test_many_photos_get_through_a_busy_service_and_a_lost_connection_once(stage: Stage) -> None:
    keys: list[str] = []

    async def badly(route: Route) -> None:
        keys.append((await route.request.all_headers())["idempotency-key"])
        if len(keys) == 1:
            await route.fulfill(status=503, headers={"Retry-After": "1"}, body="{}")
        elif len(keys) == 2:
            await route.abort("connectionreset")
        else:
            await route.continue_()

    async with stage.visit("clinician") as seen:
        page = seen.page
        await page.route("**/v1/predictions", badly)
        await page.goto("/batch")
        await page.get_by_label("Photos").set_input_files(files(21, 22, 23))
        await page.get_by_role("button", name="Assess the photos").click()
        await expect(page.get_by_text("4 of 4 photos are done. 1 could not be sent.")).to_be_visible(timeout=20_000)
        await expect(page.locator("#rows a")).to_have_count(3)
        once = await page.locator("#rows").inner_text()
        await page.get_by_role("button", name="Assess the photos").click()
        await expect(page.get_by_role("button", name="Save as CSV")).to_be_visible()
        assert await page.locator("#rows").inner_text() == once
        await axe(page)
        await seen.shot("clinician-batch-done")
        async with page.expect_download() as download:
            await page.get_by_role("button", name="Save as CSV").click()
        table = list(csv.DictReader(io.StringIO(Path(await (await download.value).path()).read_text())))
    assert sorted(row["file"] for row in table) == ["'=name 21.jpg", "'=name 22.jpg", "'=name 23.jpg", "text.jpg"]
    assert len({row["id"] for row in table if row["id"]}) == 3
    assert len(set(keys)) == 4
    assert len(keys) == 10


async def test_the_list_as_a_table_and_a_photo_on_one_sheet(stage: Stage, asked: list[str]) -> None:
    async with stage.visit("clinician", language="es") as seen:
        page = seen.page
        await page.goto("/worklist?reviewed=done")
        async with page.expect_download() as download:
            await page.get_by_role("link", name="Guardar como CSV").click()
        table = list(csv.DictReader(io.StringIO(Path(await (await download.value).path()).read_text())))
        assert {row["malignant"] for row in table} <= {"0", "1"}
        assert asked[2] in {row["id"] for row in table}
        await page.goto(f"/worklist/{asked[2]}/report")
        await page.wait_for_load_state("networkidle")
        sheet = await page.pdf(prefer_css_page_size=True, path=SHOTS / "clinician-report.pdf")
        assert len(re.findall(rb"/Type\s*/Page\b", sheet)) == 1
        await page.emulate_media(media="print")
        await expect(page.get_by_text("No es un producto sanitario.").first).to_be_visible()
        await seen.shot("clinician-report-printed")
    assert seen.faults == []
