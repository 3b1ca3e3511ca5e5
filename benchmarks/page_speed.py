"""How fast the pages are on a phone: Chromium with a phone's screen, a slower processor and a slower network.

`python -m benchmarks.page_speed [--network slow-4g|4g|fast-4g] [--slowdown 4] [--rounds 5] [--models models]` starts
both services of this checkout and a browser, on a machine that does nothing else. Each round has an empty cache. Prints
the median and the worst of each figure in milliseconds:

- `first_paint`: the first content on the screen after the address was opened;
- `ready`: every script has run, so that a tap is answered;
- `answer`: from the choice of a 12-megapixel photo, sent at once, until the answer can be read.

The browser's own emulation holds each request up for the network's round trip and its bytes for the rate; it leaves out
what a new connection costs on a real network: two round trips more with TLS 1.3, once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.async_api import Page
from tests.e2e.browser import PHONE, launched
from tests.e2e.pages import Stage
from tests.gateway_process import gateway
from tests.inference_process import inference
from tests.photos import draw_lesion

NETWORKS = {  # round trip in ms, Mbit/s down and up: Lighthouse's slow 4G, WebPageTest's 4G, Chrome's fast 4G
    "slow-4g": (150, 1.6, 0.75),
    "4g": (170, 9.0, 9.0),
    "fast-4g": (165, 8.1, 1.35),
}
TWELVE_MEGAPIXELS = (4000, 3000)
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
READY = "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"


async def slow_down(page: Page, network: str, slowdown: float) -> None:
    """Make this page's network and processor a phone's."""
    trip, down, up = NETWORKS[network]
    session = await page.context.new_cdp_session(page)
    await session.send("Network.enable")
    rates = {"downloadThroughput": down * 1e6 / 8, "uploadThroughput": up * 1e6 / 8}
    await session.send("Network.emulateNetworkConditions", {"offline": False, "latency": trip, **rates})
    await session.send("Emulation.setCPUThrottlingRate", {"rate": slowdown})


async def opening(page: Page, path: str) -> dict[str, float]:
    """The figures of opening a page."""
    await page.goto(path)
    await page.wait_for_function(f"{PAINT} && {READY}")
    return {"first_paint": await page.evaluate(PAINT), "ready": await page.evaluate(READY)}


async def answering(page: Page, photo: Path) -> float:
    """Milliseconds from the choice of a photo to its answer, on the page that asks for one."""
    for box in await page.locator("main input[type=checkbox][required]").all():
        await box.check()
    begun = time.perf_counter()
    await page.locator("#image").set_input_files(photo)
    await page.evaluate("document.querySelector('form#ask button[type=submit]').click()")
    await page.locator(".result h1").wait_for(timeout=60_000)
    return (time.perf_counter() - begun) * 1000


async def rounds(stage: Stage, chosen: argparse.Namespace, photo: Path) -> dict[str, list[float]]:
    """The figures of each round, by their names."""
    found: dict[str, list[float]] = {}
    for _ in range(chosen.rounds):
        async with stage.visit(stage.person("client"), PHONE) as seen:
            await slow_down(seen.page, chosen.network, chosen.slowdown)
            figures = await opening(seen.page, "/")
            figures["answer"] = await answering(seen.page, photo)
        for name, value in figures.items():
            found.setdefault(name, []).append(value)
    return found


async def measure(chosen: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Start everything and measure."""
    photo = folder / "photo.jpg"
    draw_lesion(TWELVE_MEGAPIXELS, 3).save(photo, quality=92)
    with inference(chosen.models, folder) as model, gateway(chosen.models, folder, model.url) as door:
        door.wait_for()
        async with launched() as browser:
            stage = Stage(door, browser)
            stage.ask(stage.person("client"))  # the first answer of a new process is no measure
            found = await rounds(stage, chosen, photo)
    told = {name: {"median": round(statistics.median(each)), "worst": round(max(each))} for name, each in found.items()}
    return {"network": chosen.network, "slowdown": chosen.slowdown, "photo_bytes": photo.stat().st_size, **told}


def main() -> None:
    """Measure, and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", choices=NETWORKS, default="4g")
    parser.add_argument("--slowdown", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--models", type=Path, default=Path("models"))
    with tempfile.TemporaryDirectory() as name:
        print(json.dumps(asyncio.run(measure(parser.parse_args(), Path(name))), indent=2))


if __name__ == "__main__":
    main()
