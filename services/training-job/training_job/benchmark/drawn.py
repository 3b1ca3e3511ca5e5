"""A drawn set of photos for benchmarks, the same on every machine without downloading any.

The pictures are drawings: they measure machines and code, and say nothing about how well skin lesions are told apart.
What goes with the class is how uneven the outline and how mixed the colours are, with so much overlap that nothing
can be perfect.
"""

from __future__ import annotations

import csv
import hashlib
import math
import random
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

SIZE = (160, 120)
SPLITS = {"train": 480, "val": 160, "test": 400}
SKINS = ((236, 200, 178), (222, 178, 150), (199, 150, 118))
BROWNS = ((150, 98, 70), (118, 70, 50), (86, 50, 38), (62, 38, 34), (96, 84, 100), (160, 70, 60))
SEED = 20_260_101
MANIFEST = "manifest.csv"


def drawn_set(folder: Path, splits: dict[str, int] | None = None) -> Path:
    """The set's manifest; it is drawn unless it is there already."""
    manifest = folder / MANIFEST
    if manifest.is_file():
        return manifest
    folder.mkdir(parents=True, exist_ok=True)
    lines = [("file", "malignant", "source", "modality", "split", "group_id")]
    for split, count in (splits or SPLITS).items():
        for number in range(count):
            malignant, name = number % 2, f"{split}-{number:04}.png"
            draw(random.Random(f"{SEED} {split} {number}"), malignant).save(folder / name)  # noqa: S311  # no secret
            lines.append((name, str(malignant), "drawn", "dermoscopic", split, name))
    unfinished = manifest.with_suffix(".part")
    with unfinished.open("w", newline="") as file:
        csv.writer(file).writerows(lines)
    unfinished.replace(manifest)
    return manifest


def fingerprint(folder: Path) -> str:
    """Hex digest of all pixels: equal where the same set was drawn."""
    found = hashlib.sha256()
    for path in sorted(folder.glob("*.png")):
        with Image.open(path) as image:
            found.update(path.name.encode() + image.convert("RGB").tobytes())
    return found.hexdigest()


def draw(rng: random.Random, malignant: int) -> Image.Image:
    """One spot on skin."""
    uneven = rng.triangular(0.2, 1.0, 0.7) if malignant else rng.triangular(0.0, 0.8, 0.3)
    image = Image.new("RGB", SIZE, rng.choice(SKINS))
    pen = ImageDraw.Draw(image)
    centre = (SIZE[0] * rng.uniform(0.42, 0.58), SIZE[1] * rng.uniform(0.42, 0.58))
    radius = SIZE[1] * rng.uniform(0.22, 0.32)
    pen.polygon(outline(rng, centre, radius, uneven), fill=rng.choice(BROWNS[:3]))
    for _ in range(1 + round(5 * uneven)):
        off = radius * 0.5 * uneven
        middle = (centre[0] + rng.uniform(-off, off), centre[1] + rng.uniform(-off, off))
        colour = BROWNS[rng.randrange(2 + round(4 * uneven))]
        pen.polygon(outline(rng, middle, radius * rng.uniform(0.15, 0.5), uneven), fill=colour)
    image = image.filter(ImageFilter.BoxBlur(1))
    noise = Image.frombytes("L", SIZE, rng.randbytes(SIZE[0] * SIZE[1])).convert("RGB")
    return Image.blend(image, noise, 0.08)


def outline(rng: random.Random, centre: tuple[float, float], radius: float, uneven: float) -> list[tuple[float, float]]:
    """A closed line that wavers around a circle, the more the more uneven; whole pixels, for any machine's sines."""
    waves = [(0.12 * uneven * rng.random(), rng.randint(2, 7), rng.uniform(0, math.tau)) for _ in range(4)]
    turns = [math.tau * step / 72 for step in range(72)]
    radii = [radius * (1 + sum(size * math.sin(many * turn + start) for size, many, start in waves)) for turn in turns]
    return [
        (round(centre[0] + r * math.cos(t)), round(centre[1] + r * math.sin(t)))
        for t, r in zip(turns, radii, strict=True)
    ]
