"""A real Chromium that tells of everything a page must not do."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

from playwright.async_api import Page, ViewportSize, async_playwright

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE = ViewportSize(width=390, height=844)
DESKTOP = ViewportSize(width=1280, height=800)
Scheme = Literal["light", "dark"]


@dataclass
class Visit:
    """A page, and what went wrong on it: messages of the console, requests to elsewhere, failed answers."""

    page: Page
    host: str
    faults: list[str] = field(default_factory=list)

    def watch(self) -> None:
        self.page.on("console", lambda m: self.faults.append(m.text) if m.type in {"error", "warning"} else None)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", lambda request: self._requested(request.url))

    def _requested(self, url: str) -> None:
        if not url.startswith((self.host, "blob:", "data:")):
            self.faults.append(f"a request to {url}")


def chromium() -> str | None:
    """The system's Chromium; None means that which Playwright installs."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


@asynccontextmanager
async def visit(
    host: str, size: ViewportSize, scheme: Scheme = "light", *, script: bool = True
) -> AsyncIterator[Visit]:
    """A browser of its own, with no cookies."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        context = await browser.new_context(
            viewport=size, color_scheme=scheme, base_url=host, java_script_enabled=script, has_touch=size == PHONE
        )
        watched = Visit(await context.new_page(), host)
        watched.watch()
        yield watched
        await browser.close()
