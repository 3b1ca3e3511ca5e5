"""Drawn photos that look like a lesion on skin; nobody's, and no model's training data."""

from __future__ import annotations

import io
import math
import random

from PIL import Image, ImageDraw, ImageFilter

SKINS = ((236, 200, 178), (222, 178, 150), (199, 150, 118), (150, 104, 76))
BROWNS = ((150, 98, 70), (118, 70, 50), (86, 50, 38), (62, 38, 34))


def draw_lesion(size: tuple[int, int] = (600, 450), seed: int = 0) -> Image.Image:
    """One pigmented spot with an uneven edge on grained skin; another seed draws another."""
    rng = random.Random(seed)
    width, height = size
    image = Image.new("RGB", size, SKINS[seed % len(SKINS)])
    pen = ImageDraw.Draw(image)
    radius = min(size) * rng.uniform(0.2, 0.28)
    centre = (width * rng.uniform(0.45, 0.55), height * rng.uniform(0.45, 0.55))
    for step, brown in enumerate(BROWNS):
        pen.polygon(blob(rng, centre, radius * (1 - 0.22 * step)), fill=brown)
    image = image.filter(ImageFilter.GaussianBlur(min(size) / 120))
    return Image.blend(image, grain(size, rng), 0.06)


def blob(rng: random.Random, centre: tuple[float, float], radius: float) -> list[tuple[float, float]]:
    """A closed outline that wavers around a circle."""
    waves = [(rng.uniform(0.02, 0.1), rng.randint(2, 7), rng.uniform(0, math.tau)) for _ in range(4)]
    turns = [math.tau * step / 90 for step in range(90)]
    radii = [radius * (1 + sum(size * math.sin(many * turn + start) for size, many, start in waves)) for turn in turns]
    return [(centre[0] + r * math.cos(t), centre[1] + r * math.sin(t)) for t, r in zip(turns, radii, strict=True)]


def grain(size: tuple[int, int], rng: random.Random) -> Image.Image:
    """Noise, so that the photo is not mistaken for a blurred one."""
    noise = Image.frombytes("L", size, rng.randbytes(size[0] * size[1]))
    return noise.convert("RGB")


def lesion(size: tuple[int, int] = (600, 450), seed: int = 0, form: str = "JPEG") -> bytes:
    """As `draw_lesion`, encoded."""
    data = io.BytesIO()
    draw_lesion(size, seed).save(data, form, quality=92)
    return data.getvalue()
