"""What lies on a lesion in real photos, drawn: a ruler, surgical ink, hair, stickers, a dermoscope's dark rim.

Shapes are drawn at three times the size and mixed into the photo, so that edges are soft and the skin's texture stays.
Nothing here is shared with what training draws: a model that has only learned to overlook those drawings is found out.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from training_job.evidence.altering import Rng

FINE = 3
Points = NDArray[np.float64]
Overlay = Callable[[Image.Image, Rng], Image.Image]
INKS = ((88, 52, 160), (56, 70, 170), (40, 48, 110), (120, 60, 150))  # gentian violet and blue skin markers
STICKERS = ((214, 176, 40), (58, 140, 78), (44, 92, 170), (178, 52, 48), (30, 30, 32), (236, 234, 228))
HAIRS = ((38, 26, 22), (66, 42, 30), (20, 18, 20), (120, 92, 62))


class Layer:
    """A plane of strengths over a photo; lengths are shares of its short side, places shares of both sides."""

    def __init__(self, photo: Image.Image) -> None:
        self.size, self.unit = photo.size, FINE * min(photo.size)
        self.plane = Image.new("L", (FINE * photo.width, FINE * photo.height), 0)
        self.pen = ImageDraw.Draw(self.plane)

    def width(self, share: float) -> int:
        """A length in the layer's pixels, one at least."""
        return max(1, round(share * self.unit))

    def place(self, x: float, y: float) -> tuple[float, float]:
        """A place in the layer's pixels."""
        return x * self.plane.width, y * self.plane.height

    def strength(self, softness: float) -> Image.Image:
        """At the photo's size, its edges blurred by a share of the short side."""
        small = self.plane.resize(self.size, Image.Resampling.BOX)
        return small.filter(ImageFilter.GaussianBlur(softness * min(self.size)))


def ruler(photo: Image.Image, rng: Rng) -> Image.Image:
    """A millimetre scale: etched into the glass, across the photo or near an edge, or on a strip of paper."""
    paper = rng.random() < 0.4
    layer = Layer(photo)
    step, upright = rng.uniform(0.022, 0.045), rng.random() < 0.5
    offset = rng.uniform(0.03, 0.14) if paper or rng.random() < 0.6 else rng.uniform(0.3, 0.55)
    _ticks(layer, step, offset, rng.uniform(0.6, 1.0))
    if paper:
        strip = Layer(photo)
        strip.pen.rectangle((0, 0, strip.plane.width, strip.width(offset + 3.6 * step)), fill=235)
        photo = _mixed(photo, _placed(strip.strength(0.002), upright, photo), (228, 226, 216))
    return _mixed(photo, _placed(layer.strength(0.001), upright, photo), (24, 24, 28))


def _ticks(layer: Layer, step: float, offset: float, strength: float) -> None:
    """Ticks from a line at `offset`, every fifth longer, every tenth with its number."""
    dark, base = round(255 * strength), layer.width(offset)
    font = ImageFont.load_default(layer.width(1.4 * step))
    for number in range(int(layer.plane.width / (step * layer.unit)) + 1):
        x = number * step * layer.unit
        length = 2.4 if number % 10 == 0 else 1.8 if number % 5 == 0 else 1.1
        layer.pen.line((x, base, x, base + layer.width(length * step)), fill=dark, width=layer.width(0.004))
        if number % 10 == 0:
            layer.pen.text((x + layer.width(0.3 * step), base + layer.width(1.8 * step)), f"{number}", dark, font)
    layer.pen.line((0, base, layer.plane.width, base), fill=dark, width=layer.width(0.003))


def _placed(strength: Image.Image, upright: bool, photo: Image.Image) -> Image.Image:
    """Along the top, or along the left side."""
    return strength.transpose(Image.Transpose.ROTATE_90).resize(photo.size) if upright else strength


def ink(photo: Image.Image, rng: Rng) -> Image.Image:
    """A surgeon's felt pen: arcs around the lesion, dots, an arrow or a line that runs into the photo."""
    layer = Layer(photo)
    for draw in rng.choice(np.array([_arcs, _dots, _strokes], dtype=object), 2, replace=False):
        draw(layer, rng)
    worn = rng.uniform(0.55, 1.0, (9, 12)) * 255
    wear = Image.fromarray(worn.astype(np.uint8)).resize(photo.size, Image.Resampling.BICUBIC)
    strength = np.asarray(layer.strength(0.004), np.float32) * np.asarray(wear, np.float32) / 255**2
    colour = np.array(INKS[int(rng.integers(len(INKS)))], np.float32) / 255
    return _image(np.asarray(photo, np.float32) * (1 - 0.9 * strength[..., None] * (1 - colour)))


def _arcs(layer: Layer, rng: Rng) -> None:
    radius, start = rng.uniform(0.36, 0.46), rng.uniform(0, 360)
    left, top = layer.place(0.5 - radius, 0.5 - radius)
    right, bottom = layer.place(0.5 + radius, 0.5 + radius)
    for turn in range(int(rng.integers(1, 4))):
        begin = start + 110 * turn
        layer.pen.arc((left, top, right, bottom), begin, begin + rng.uniform(35, 100), 230, layer.width(0.022))


def _dots(layer: Layer, rng: Rng) -> None:
    for turn in rng.uniform(0, math.tau, int(rng.integers(3, 8))):
        x, y = layer.place(0.5 + 0.42 * math.cos(turn), 0.5 + 0.42 * math.sin(turn))
        r = layer.width(rng.uniform(0.012, 0.025))
        layer.pen.ellipse((x - r, y - r, x + r, y + r), fill=240)


def _strokes(layer: Layer, rng: Rng) -> None:
    for _ in range(int(rng.integers(1, 3))):
        turn, inner = rng.uniform(0, math.tau), rng.uniform(0.12, 0.3)
        reach = np.array([0.75, inner])
        ends = [layer.place(0.5 + r * math.cos(turn), 0.5 + r * math.sin(turn)) for r in reach]
        layer.pen.line(ends, fill=230, width=layer.width(rng.uniform(0.015, 0.03)), joint="curve")


def hair(photo: Image.Image, rng: Rng) -> Image.Image:
    """Body hair across the photo, mostly one way, thinner towards its tip, with a faint shadow beside it."""
    layer, flow = Layer(photo), rng.uniform(0, math.tau)
    for _ in range(int(rng.integers(6, 19))):
        turn, length = flow + rng.normal(0, 0.35), rng.uniform(0.35, 0.9)
        points = _bent(rng.uniform(0, 1, 2), turn, length, rng.normal(0, 0.9))
        thickness = rng.uniform(0.005, 0.012)
        for i, (a, b) in enumerate(pairwise(points)):
            thin = thickness * (1 - 0.75 * i / len(points))
            layer.pen.line([layer.place(*a), layer.place(*b)], fill=225, width=layer.width(thin))
    strength = layer.strength(0.001)
    shadow = Image.new("L", photo.size, 0)
    shadow.paste(strength.filter(ImageFilter.GaussianBlur(0.008 * min(photo.size))), (2, 2))
    photo = _mixed(photo, shadow.point([each // 4 for each in range(256)]), (40, 24, 20))
    return _mixed(photo, strength, HAIRS[int(rng.integers(len(HAIRS)))])


def _bent(start: Points, turn: float, length: float, bend: float) -> Points:
    """(17, 2) an arc that turns by `bend` radians on its way."""
    turns = turn + bend * np.linspace(0, 1, 16)
    steps = length / 16 * np.column_stack([np.cos(turns), np.sin(turns)])
    return np.vstack([start, start + np.cumsum(steps, axis=0)])


def patch(photo: Image.Image, rng: Rng) -> Image.Image:
    """Coloured stickers at the rim, round or square, as in photos of children's moles, where they give the class away.

    Nauta et al., Diagnostics 12:40 (2022).
    """
    for colour in rng.choice(np.array(STICKERS), int(rng.integers(1, 3)), replace=False):
        layer, radius, turn = Layer(photo), rng.uniform(0.06, 0.2), rng.uniform(0, math.tau)
        x, y = layer.place(0.5 + 0.47 * math.cos(turn), 0.5 + 0.47 * math.sin(turn))
        r = layer.width(radius)
        shape = layer.pen.ellipse if rng.random() < 0.6 else layer.pen.rectangle
        shape((x - r, y - r, x + r, y + r), fill=242)
        photo = _mixed(photo, layer.strength(0.003), (int(colour[0]), int(colour[1]), int(colour[2])))
    return photo


def vignette(photo: Image.Image, rng: Rng) -> Image.Image:
    """The dermoscope's tube: black outside of a circle whose rim is out of focus, light that falls off towards it."""
    y, x = np.mgrid[: photo.height, : photo.width]
    short = min(photo.size)
    centre = np.array([photo.width, photo.height]) / 2 + rng.normal(0, 0.02, 2) * short
    distance = np.hypot(x - centre[0], y - centre[1]) / (math.hypot(*photo.size) / 2)
    radius, rim = rng.uniform(0.74, 0.92), rng.uniform(0.01, 0.05)
    light = 1 / (1 + np.exp((distance - radius) / (rim / 2)))
    falloff = 1 - rng.uniform(0.1, 0.3) * np.clip(distance / radius, 0, 1) ** 3
    tube = np.array((rng.uniform(2, 18),) * 3)
    mixed = np.asarray(photo, np.float32) * (light * falloff)[..., None] + tube * (1 - light)[..., None]
    return _image(mixed)


def _mixed(photo: Image.Image, strength: Image.Image, colour: tuple[int, int, int]) -> Image.Image:
    return Image.composite(Image.new("RGB", photo.size, colour), photo, strength)


def _image(pixels: NDArray[np.floating]) -> Image.Image:
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


KINDS: dict[str, Overlay] = {"ruler": ruler, "ink": ink, "hair": hair, "patch": patch, "vignette": vignette}
