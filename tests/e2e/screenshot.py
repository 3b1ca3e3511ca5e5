"""Pictures of the pages with a drawn photo: `python -m tests.e2e.screenshot docs/screenshot.png`.

With `--all FOLDER` also the home page and the result, on a phone and a desktop, light and dark.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path
from typing import get_args

from PIL import Image
from playwright.async_api import Page, ViewportSize
from tests.e2e.browser import DESKTOP, PHONE, Scheme, visit
from tests.gateway_process import GatewayProcess, gateway
from tests.inference_process import inference
from tests.photos import lesion

MODELS = Path(__file__).parents[2] / "models"
SIZES = {"phone": PHONE, "desktop": DESKTOP}
PICTURE = ViewportSize(width=900, height=1000)


async def ask(page: Page, link: str, seeds: tuple[int, ...]) -> None:
    """Sign in and ask about drawn photos; the last result is shown."""
    await page.goto(link)
    await page.get_by_role("button", name="Sign in").click()
    for seed in seeds:
        await page.goto("/")
        photo = {"name": "drawn.jpg", "mimeType": "image/jpeg", "buffer": lesion(seed=seed)}
        await page.get_by_label("Photo of the spot").set_input_files(photo)  # type: ignore[arg-type]  # a FilePayload
        await page.get_by_role("button", name="Assess the photo").click()
        await page.wait_for_url("**/results/*")
    await page.wait_for_load_state("networkidle")


async def one(nevus: GatewayProcess, file: Path) -> None:
    """The result page, with few colours so that the file stays small."""
    async with visit(nevus.url, PICTURE) as seen:
        await ask(seen.page, nevus.invite(), (3,))
        await seen.page.screenshot(path=file)
    with Image.open(file) as picture:
        picture.convert("RGB").quantize(192).save(file, optimize=True)


async def every(nevus: GatewayProcess, folder: Path) -> None:
    """Home and result in each size and scheme."""
    for name, size in SIZES.items():
        for scheme in get_args(Scheme):
            async with visit(nevus.url, size, scheme) as seen:
                await ask(seen.page, nevus.invite(caller=f"{name}-{scheme}"), (1, 2, 3))
                await seen.page.screenshot(path=folder / f"result-{name}-{scheme}.png", full_page=True)
                await seen.page.goto("/")
                await seen.page.wait_for_load_state("networkidle")
                await seen.page.screenshot(path=folder / f"home-{name}-{scheme}.png", full_page=True)


def main() -> None:
    """Start both services, take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--all", type=Path, metavar="FOLDER")
    chosen = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as name,
        inference(MODELS, Path(name)) as model,
        gateway(MODELS, Path(name), model.url) as nevus,
    ):
        nevus.wait_for()
        asyncio.run(one(nevus, chosen.file))
        if chosen.all:
            asyncio.run(every(nevus, chosen.all))


if __name__ == "__main__":
    main()
