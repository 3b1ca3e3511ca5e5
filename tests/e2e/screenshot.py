"""Pictures of the pages with drawn photos, for the README: `python -m tests.e2e.screenshot docs/screenshots`.

With `--all FOLDER` every page on a phone and a desktop, light and dark, to be looked at.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import tempfile
from pathlib import Path
from typing import get_args

from PIL import Image
from playwright.async_api import ViewportSize
from tests.e2e.all_pages import PAGES, address
from tests.e2e.browser import DESKTOP, PHONE, Scheme, launched
from tests.e2e.pages import Stage
from tests.gateway_process import GatewayProcess, gateway
from tests.inference_process import inference

MODELS = Path(__file__).parents[2] / "models"
COLOURS = 192
SIZES: dict[str, tuple[str, ViewportSize, Scheme]] = {  # of the README: a page of all_pages, its size and colours
    "worklist": ("worklist", DESKTOP, "light"),
    "clinician": ("case", ViewportSize(width=1280, height=1000), "dark"),
    "admin": ("admin-model", ViewportSize(width=1280, height=1000), "light"),
}
PHONES: dict[str, Scheme] = {"home": "light", "result": "light", "spot": "dark"}  # side by side: patient.png
BETWEEN = 30  # pixels
FOUND = (("nevus", False), ("melanoma", True), ("seborrheic keratosis", False), ("nevus", False))  # of drawn photos


def play(stage: Stage) -> None:
    """What makes the pages worth a picture: photos of several spots, one of them followed for a while."""
    client = stage.known("client")
    others = [stage.ask(client, seed, modality="clinical", site="back") for seed in (7, 6, 5, 4, 2, 1)]
    with stage.known("clinician").client(stage.nevus.url) as clinician:
        for record, (label, malignant) in zip(others, FOUND, strict=False):
            clinician.put(f"/v1/predictions/{record}/diagnosis", json={"label": label, "malignant": malignant})
    spot = {"modality": "clinical", "age": "44", "site": "arm", "case_id": "left-arm"}
    stage.ask(client, 8, **spot)
    stage.records.append(stage.ask(client, 3, **spot))


async def picture(stage: Stage, name: str, folder: Path) -> None:
    """One of the README's, with few colours so that the file stays small."""
    shown, size, scheme = SIZES[name]
    file = folder / f"{name}.png"
    async with stage.visit(PAGES[shown][0], size, scheme) as seen:
        await seen.page.goto(address(stage, shown), wait_until="networkidle")
        await seen.page.screenshot(path=file)
    with Image.open(file) as taken:
        small(taken, file)


async def phones(stage: Stage, folder: Path) -> None:
    """The patient's pages on phones, side by side."""
    taken = []
    for shown, scheme in PHONES.items():
        async with stage.visit(PAGES[shown][0], PHONE, scheme) as seen:
            await seen.page.goto(address(stage, shown), wait_until="networkidle")
            taken.append(Image.open(io.BytesIO(await seen.page.screenshot())))
    width = sum(each.width for each in taken) + BETWEEN * (len(taken) + 1)
    whole = Image.new("RGB", (width, PHONE["height"] + 2 * BETWEEN), "#dfe7e5")
    for number, each in enumerate(taken):
        whole.paste(each, (BETWEEN + number * (each.width + BETWEEN), BETWEEN))
    small(whole, folder / "patient.png")


def small(picture: Image.Image, file: Path) -> None:
    """Kept in few colours."""
    picture.convert("RGB").quantize(COLOURS).save(file, optimize=True)


async def every(stage: Stage, folder: Path) -> None:
    """Each page in each size and scheme."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (role, _) in PAGES.items():
        for scheme in get_args(Scheme):
            async with stage.visit(role, DESKTOP, scheme) as seen:
                await seen.page.goto(address(stage, name), wait_until="networkidle")
                for seen.size in (DESKTOP, PHONE):
                    await seen.page.set_viewport_size(seen.size)
                    await seen.shot(name, folder)


async def take(nevus: GatewayProcess, chosen: argparse.Namespace) -> None:
    """All that was asked for."""
    async with launched() as browser:
        stage = Stage(nevus, browser)
        play(stage)
        chosen.folder.mkdir(parents=True, exist_ok=True)
        await phones(stage, chosen.folder)
        for name in SIZES:
            await picture(stage, name, chosen.folder)
        if chosen.all:
            await every(stage, chosen.all)


def main() -> None:
    """Start both services, take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--all", type=Path, metavar="FOLDER")
    chosen = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as name,
        inference(MODELS, Path(name)) as model,
        gateway(MODELS, Path(name), model.url) as nevus,
    ):
        nevus.wait_for()
        asyncio.run(take(nevus, chosen))


if __name__ == "__main__":
    main()
