"""The pages as a person meets them: a real browser, the real gateway and the real inference service."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, ViewportSize, expect
from tests.e2e.browser import DESKTOP, PHONE, visit
from tests.gateway_process import GatewayProcess
from tests.photos import lesion


async def sign_in(page: Page, link: str) -> None:
    await page.goto(link)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", name="Should this spot be seen?")).to_be_visible()


async def ask(page: Page, seed: int) -> None:
    photo = {"name": "private-name.jpg", "mimeType": "image/jpeg", "buffer": lesion(seed=seed)}
    await page.get_by_label("Photo of the spot").set_input_files(photo)  # type: ignore[arg-type]  # a FilePayload
    await page.get_by_text("More about the photo").click()
    await page.get_by_label("Kind of photo").select_option("clinical")
    await page.get_by_label("Age in years").fill("44")
    await page.get_by_role("button", name="Assess the photo").click()
    await page.wait_for_url("**/results/*")


async def shown(page: Page, name: str) -> bool:
    """Whether a picture was really loaded."""
    picture = page.get_by_role("img", name=name)
    await expect(picture).to_be_visible()
    return bool(await picture.evaluate("async image => { await image.decode(); return image.naturalWidth > 100 }"))


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_from_the_link_to_the_deletion(nevus: GatewayProcess, size: ViewportSize) -> None:
    link = nevus.invite(caller=f"person{size['width']}")
    async with visit(nevus.url, size) as seen:
        page = seen.page
        await sign_in(page, link)
        await ask(page, seed=1)
        await expect(page.locator(".result h1")).not_to_be_empty()
        assert await shown(page, "Your photo of the spot")
        assert await shown(page, "Heat map")
        await expect(page.get_by_text("Not a medical device")).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        await page.get_by_role("link", name="All photos").click()
        await expect(page.locator(".list li")).to_have_count(1)
        await page.locator(".list a").click()
        page.on("dialog", lambda dialog: dialog.accept())
        await page.get_by_role("button", name="Delete this photo").click()
        await expect(page.get_by_label("Photo of the spot")).to_be_visible()
        await expect(page.locator(".list li")).to_have_count(0)
        await page.get_by_role("button", name="Sign out").click()
        await expect(page.get_by_role("heading", name="Please sign in")).to_be_visible()
    assert seen.faults == []
    assert link.partition("token=")[2] not in nevus.log_file.read_text()
    assert "private-name" not in nevus.log_file.read_text()


async def test_without_javascript(nevus: GatewayProcess) -> None:
    async with visit(nevus.url, PHONE, script=False) as seen:
        await sign_in(seen.page, nevus.invite(caller="plain"))
        await ask(seen.page, seed=2)
        await seen.page.get_by_role("button", name="Delete this photo").click()
        await expect(seen.page.locator(".list li")).to_have_count(0)
    assert seen.faults == []


async def test_errors_and_the_reference_are_pages_too(nevus: GatewayProcess) -> None:
    link = nevus.invite(caller="lost")
    async with visit(nevus.url, DESKTOP) as seen:
        page = seen.page
        await page.goto("/")
        await expect(page.get_by_role("heading", name="Please sign in")).to_be_visible()
        await sign_in(page, link)
        text = {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": b"not a photo"}
        await page.get_by_label("Photo of the spot").set_input_files(text)  # type: ignore[arg-type]  # a FilePayload
        await page.get_by_role("button", name="Assess the photo").click()
        await expect(page.get_by_role("heading", name="We cannot read this as a photo")).to_be_visible()
        seen.faults.clear()  # the browser reports the 401 and the 415
        await page.goto("/docs")
        await expect(page.get_by_role("heading", name="POST /v1/predictions")).to_be_visible()
    assert seen.faults == []
