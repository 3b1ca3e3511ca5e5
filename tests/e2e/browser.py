"""A real Chromium that tells of everything a page must not do."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from playwright.async_api import Browser, FloatRect, Page, ViewportSize, async_playwright

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # a camera that shows a test picture, and is allowed
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
]
PHONE = ViewportSize(width=390, height=844)
DESKTOP = ViewportSize(width=1280, height=800)
NARROWEST = ViewportSize(width=320, height=568)
WIDEST = ViewportSize(width=3840, height=2160)
ZOOMED = ViewportSize(width=640, height=400)  # the desktop at 200 %
NAMES = {390: "phone", 1280: "desktop", 320: "320px", 3840: "4k", 640: "zoomed"}
TALLEST = 6000  # pixels of a picture
SHOTS = Path(__file__).parents[1] / "screenshots"
Scheme = Literal["light", "dark"]


@dataclass
class Visit:
    """A page, and what went wrong on it: messages of the console, requests to elsewhere, failed answers."""

    page: Page
    host: str
    size: ViewportSize = field(default_factory=lambda: DESKTOP)
    scheme: Scheme = "light"
    faults: list[str] = field(default_factory=list)

    def watch(self) -> None:
        self.page.on("console", lambda m: self.faults.append(m.text) if m.type in {"error", "warning"} else None)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", lambda request: self._requested(request.url))

    def _requested(self, url: str) -> None:
        if not url.startswith((self.host, "blob:", "data:")):
            self.faults.append(f"a request to {url}")

    async def shot(self, name: str, folder: Path = SHOTS) -> None:
        """A picture of the page, kept beside the tests: NAME-phone-dark.png; of a very long one its beginning."""
        height = min(TALLEST, await self.page.evaluate("document.documentElement.scrollHeight"))
        size = NAMES.get(self.size["width"], f"{self.size['width']}px")
        clip = FloatRect(x=0, y=0, width=self.size["width"], height=height)
        await self.page.screenshot(path=folder / f"{name}-{size}-{self.scheme}.png", full_page=True, clip=clip)


def chromium() -> str | None:
    """The system's Chromium; None means that which Playwright installs."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


@asynccontextmanager
async def launched() -> AsyncIterator[Browser]:
    """A browser for many visits."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        yield browser
        await browser.close()


@asynccontextmanager
async def visiting(
    browser: Browser, host: str, size: ViewportSize, scheme: Scheme = "light", *, script: bool = True, **options: Any
) -> AsyncIterator[Visit]:
    """A visit with cookies of its own; `options` are those of Playwright's `new_context`."""
    context = await browser.new_context(
        viewport=size,
        color_scheme=scheme,
        base_url=host,
        java_script_enabled=script,
        has_touch=size["width"] <= PHONE["width"],
        **options,
    )
    watched = Visit(await context.new_page(), host, size, scheme)
    watched.watch()
    try:
        yield watched
    finally:
        await context.close()


@asynccontextmanager
async def visit(
    host: str, size: ViewportSize, scheme: Scheme = "light", *, script: bool = True
) -> AsyncIterator[Visit]:
    """A browser of its own, with no cookies."""
    async with launched() as browser, visiting(browser, host, size, scheme, script=script) as watched:
        yield watched
