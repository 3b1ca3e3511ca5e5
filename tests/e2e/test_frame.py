"""What holds for every page: usable by everyone, in every width, by keyboard, in each language, and light to load."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, Response, ViewportSize, expect
from tests.e2e.all_pages import PAGES, address
from tests.e2e.browser import Scheme, Visit
from tests.e2e.pages import DESKTOP, NARROWEST, PHONE, WIDEST, ZOOMED, Stage, axe

pytestmark = pytest.mark.asyncio(loop_scope="session")
# A theme changes no layout, and zoom no colour: two looks see both themes, the phone and 200 %.
CHECKED: tuple[tuple[ViewportSize, Scheme], ...] = ((PHONE, "light"), (ZOOMED, "dark"))
MOST = 150 * 1024  # bytes of a page with all that it loads, photos excepted
MOST_STOPS = 60  # of the keyboard; the reference has hundreds, all alike
PICTURES = ("/photo", "/heatmap")
STOPS = "a[href], button:not([disabled]), input:not([type=hidden]), select, textarea, summary, [tabindex='0']"
FOCUSABLE = f"""() => [...document.querySelectorAll("{STOPS}")].filter(each => each.checkVisibility()).length"""
FOCUSED = """() => {
  const all = [...document.querySelectorAll("*")], style = getComputedStyle(document.activeElement);
  return [all.indexOf(document.activeElement), document.activeElement === document.body, style.outlineStyle];
}"""


@pytest.mark.parametrize("name", PAGES)
async def test_everyone_can_use_it(stage: Stage, name: str) -> None:
    loaded: list[Response] = []
    async with stage.visit(PAGES[name][0], PHONE) as seen:
        seen.page.on("response", lambda answer: loaded.append(answer))  # noqa: PLW0108  # a built-in is refused
        await seen.page.goto(address(stage, name))
        await light_and_at_home(seen, loaded)
        await by_keyboard(seen.page)
        await fitting_every_width(seen)
        for size, scheme in CHECKED:
            await as_if(seen, size, scheme)
            await axe(seen.page)


async def light_and_at_home(seen: Visit, loaded: list[Response]) -> None:
    bodies = [await each.body() for each in loaded if not each.url.endswith(PICTURES)]
    assert sum(map(len, bodies)) < MOST
    assert not [fault for fault in seen.faults if "a request to" in fault or "Content Security" in fault]


async def by_keyboard(page: Page) -> None:
    """The skip link first, then every control once, in the order of the page, each with its focus in view."""
    there = min(MOST_STOPS, await page.evaluate(FOCUSABLE))
    met: list[tuple[int, bool, str]] = []
    while len(met) < there:
        await page.keyboard.press("Tab")
        met.append(await page.evaluate(FOCUSED))
        if len(met) == 1:
            await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    places = [place for place, _, _ in met]
    assert places == sorted(set(places))
    assert not any(lost or outline == "none" for _, lost, outline in met)


async def fitting_every_width(seen: Visit) -> None:
    for size in (NARROWEST, ZOOMED, DESKTOP, WIDEST):
        await as_if(seen, size, "light")
        assert await seen.page.evaluate("document.documentElement.scrollWidth") <= size["width"], size


async def as_if(seen: Visit, size: ViewportSize, scheme: Scheme) -> None:
    seen.size, seen.scheme = size, scheme
    await seen.page.set_viewport_size(size)
    await seen.page.emulate_media(color_scheme=scheme)


async def test_the_language_is_a_button_that_comes_back_here(stage: Stage) -> None:
    async with stage.visit("client", PHONE, script=False) as seen:
        page = seen.page
        await page.goto("/?order=time")
        await page.get_by_role("button", name="Español").click()
        await expect(page.locator("html")).to_have_attribute("lang", "es")
        assert page.url.endswith("/?order=time")
        await expect(page.get_by_text("No es un producto sanitario.")).to_be_visible()
        await page.goto("/docs")
        await page.get_by_role("button", name="English").click()
        await expect(page.get_by_text("Not a medical device.", exact=True)).to_be_visible()
        assert page.url.endswith("/docs")
        assert seen.faults == []


async def test_a_browser_in_spanish_is_answered_in_spanish(stage: Stage) -> None:
    async with stage.visit("", PHONE, language="es-MX") as seen:
        await seen.page.goto("/sign-in")
        await expect(seen.page.get_by_role("heading")).to_have_text("Entra, por favor")
        await axe(seen.page)


async def test_offline_is_told_and_over_when_it_is(stage: Stage) -> None:
    async with stage.visit("client", PHONE) as seen:
        await seen.page.goto("/")
        notice = seen.page.get_by_text("You are offline.")
        await expect(notice).to_be_hidden()
        await seen.page.context.set_offline(True)
        await expect(notice).to_be_visible()
        await seen.page.context.set_offline(False)
        await expect(notice).to_be_hidden()


async def test_paper_and_calm(stage: Stage) -> None:
    async with stage.visit("client", DESKTOP, reduced_motion="reduce") as seen:
        await seen.page.goto("/")
        await seen.page.evaluate("document.querySelector('main h1').classList.add('loading')")
        turning = "getComputedStyle(document.querySelector('.loading'), '::before').animationDuration"
        assert await seen.page.evaluate(turning) == "0s"
        await seen.page.emulate_media(media="print")
        await expect(seen.page.locator(".bar")).to_be_hidden()
        await expect(seen.page.locator("main h1")).to_be_visible()
