"""Augmentation that removes shortcuts: what must not decide is drawn at random on both classes.

Effective resolution, vignettes, rulers, ink, hair, aspect, colour, blur, noise and JPEG quality go with the class in
public collections; here they go with nothing.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from nevus.imaging import RgbArray, crop_box
from training_job.augment_skin import shift_skin

Rng = np.random.Generator
Plane = NDArray[np.uint8]


@dataclass(frozen=True)
class Sample:
    """A photo ready for training: `pixels` (side, side, 3) RGB and the `mask` (side, side) of its lesion, if known.

    With `lesion` false its lesion was painted over: nothing in it tells malignant from benign.
    """

    pixels: RgbArray
    mask: Plane | None
    lesion: bool = True


def augment(photo: Image.Image, mask: Image.Image | None, rng: Rng, side: int) -> Sample:
    """One random view of a photo."""
    image, mask = _crop(photo, mask, rng, side)
    image, mask = _turn(image, mask, rng)
    lesion = mask is None or rng.random() >= 0.05
    if mask is not None and not lesion:
        image = _paint_over(image, mask, rng)
    elif mask is not None and rng.random() < 0.1:
        image = _hide_surroundings(image, mask, rng)
    if rng.random() < 0.25:
        image = shift_skin(image, mask, rng)
    image = _recolour(image, rng)
    for draw, chance in ((_hair, 0.15), (_ruler, 0.15), (_ink, 0.15)):
        if rng.random() < chance:
            draw(image, rng)
    if rng.random() < 0.25:
        image = _vignette(image, rng)
    image = _degrade(image, rng)
    return Sample(np.asarray(image, np.uint8), None if mask is None else np.asarray(mask, np.uint8), lesion)


def _crop(photo: Image.Image, mask: Image.Image | None, rng: Rng, side: int) -> tuple[Image.Image, Image.Image | None]:
    """A random part of what the model would see, squeezed to a square with random aspect."""
    left, top, right, bottom = crop_box(photo.width, photo.height)
    share, aspect = rng.uniform(0.5, 1.0) ** 0.5, np.exp(rng.uniform(-0.25, 0.25))
    width = (right - left) * min(1.0, share * aspect**0.5)
    height = (bottom - top) * min(1.0, share / aspect**0.5)
    x = left + rng.uniform(0, right - left - width)
    y = top + rng.uniform(0, bottom - top - height)
    box = (x, y, x + width, y + height)
    cropped = photo.resize((side, side), Image.Resampling.BILINEAR, box=box)
    return cropped, mask and mask.resize((side, side), Image.Resampling.NEAREST, box=box)


def _turn(image: Image.Image, mask: Image.Image | None, rng: Rng) -> tuple[Image.Image, Image.Image | None]:
    """One of the eight symmetries, and half the time any angle with mirrored rims."""
    quarter, mirrored = int(rng.integers(4)), rng.random() < 0.5
    angle = rng.uniform(-45, 45) if rng.random() < 0.5 else 0.0

    def turned(plane: Image.Image, resampling: Image.Resampling) -> Image.Image:
        pixels = np.rot90(np.asarray(plane), quarter)
        pixels = pixels[:, ::-1] if mirrored else pixels
        if not angle:
            return Image.fromarray(np.ascontiguousarray(pixels))
        pad = plane.width // 4
        padded = np.pad(pixels, ((pad, pad), (pad, pad)) + ((0, 0),) * (pixels.ndim - 2), mode="reflect")
        rotated = Image.fromarray(padded).rotate(angle, resampling)
        return rotated.crop((pad, pad, pad + plane.width, pad + plane.height))

    return turned(image, Image.Resampling.BILINEAR), mask and turned(mask, Image.Resampling.NEAREST)


def _hide_surroundings(image: Image.Image, mask: Image.Image, rng: Rng) -> Image.Image:
    """Keep the lesion with a rim, blur what is around it to a wash of colour."""
    rim = int(rng.integers(4, 12)) * 2 + 1
    kept = mask.resize((image.width // 4, image.height // 4)).filter(ImageFilter.MaxFilter(rim // 4 * 2 + 1))
    kept = kept.resize(image.size, Image.Resampling.BILINEAR).filter(ImageFilter.GaussianBlur(4))
    wash = image.resize((6, 6), Image.Resampling.BOX).resize(image.size, Image.Resampling.BICUBIC)
    return Image.composite(image, wash, kept)


def _paint_over(image: Image.Image, mask: Image.Image, rng: Rng) -> Image.Image:
    """The lesion with a rim replaced by grainy skin of the colour around it."""
    rim = int(rng.integers(2, 7)) * 2 + 1
    hidden = mask.resize((image.width // 4, image.height // 4)).filter(ImageFilter.MaxFilter(rim))
    pixels = np.asarray(image.resize(hidden.size, Image.Resampling.BOX), np.float32)
    seen = np.asarray(hidden) < 128
    skin = np.median(pixels[seen], axis=0) if seen.any() else np.full(3, 128.0)
    coarse = rng.normal(0, rng.uniform(1, 8), (7, 7, 1)) + rng.normal(0, 1.5, (7, 7, 3)) + skin
    painted = Image.fromarray(np.clip(coarse, 0, 255).astype(np.uint8)).resize(image.size, Image.Resampling.BICUBIC)
    grain = rng.normal(0, rng.uniform(0.5, 5), (image.height, image.width, 1))
    painted = Image.fromarray(np.clip(np.asarray(painted) + grain, 0, 255).astype(np.uint8))
    soft = hidden.resize(image.size, Image.Resampling.BILINEAR).filter(ImageFilter.GaussianBlur(rng.uniform(1, 4)))
    return Image.composite(painted, image, soft)


def _recolour(image: Image.Image, rng: Rng) -> Image.Image:
    """White balance, brightness, contrast and saturation as one linear map of RGB, then gamma."""
    gains = rng.normal(1.0, 0.06, 3) * rng.uniform(0.75, 1.25)
    contrast, saturation = rng.uniform(0.75, 1.25), rng.uniform(0.6, 1.35)
    mean = np.asarray(image.resize((1, 1), Image.Resampling.BOX), np.float64)[0, 0]
    mix = contrast * (saturation * np.eye(3) + (1 - saturation) / 3)
    matrix = np.column_stack([mix, (1 - contrast) * mean]) * gains[:, None]
    curve = 255 * (np.arange(256) / 255) ** np.exp(rng.uniform(-0.25, 0.25))
    return image.convert("RGB", tuple(matrix.ravel())).point(curve.astype(int).tolist() * 3)


def _curve(rng: Rng, start: NDArray[np.float64], end: NDArray[np.float64], bend: float) -> list[tuple[float, float]]:
    middle = (start + end) / 2 + rng.normal(0, bend, 2)
    t = np.linspace(0, 1, 8)[:, None]
    points = (1 - t) ** 2 * start + 2 * t * (1 - t) * middle + t**2 * end
    return [(float(x), float(y)) for x, y in points]


def _hair(image: Image.Image, rng: Rng) -> None:
    draw, side = ImageDraw.Draw(image), image.width
    tone = int(rng.integers(10, 110))
    for _ in range(int(rng.integers(3, 25))):
        start = rng.uniform(-20, side + 20, 2)
        end = start + rng.normal(0, side / 3, 2)
        colour = (min(255, tone + int(rng.integers(0, 30))), tone, max(0, tone - 10))
        draw.line(_curve(rng, start, end, side / 12), fill=colour, width=int(rng.integers(1, 3)))


def _ruler(image: Image.Image, rng: Rng) -> None:
    """Ticks along a side, every fifth one longer."""
    draw, side = ImageDraw.Draw(image), image.width
    step, depth = int(rng.integers(4, 14)), int(rng.integers(4, side // 7))
    tone, base = int(rng.integers(0, 90)), int(rng.integers(0, side // 8))
    vertical, far = rng.random() < 0.5, rng.random() < 0.5
    for i, at in enumerate(range(0, side, step)):
        length = base + depth * (2 if i % 5 == 0 else 1)
        ends = [(at, base), (at, length)]
        ends = [(x, side - y) for x, y in ends] if far else ends
        draw.line([(y, x) for x, y in ends] if vertical else ends, fill=(tone,) * 3, width=1)


def _ink(image: Image.Image, rng: Rng) -> None:
    """Strokes of a surgical pen or a coloured sticker."""
    side = image.width
    layer = Image.new("L", image.size, 0)
    draw, strength = ImageDraw.Draw(layer), int(rng.integers(110, 240))
    for _ in range(int(rng.integers(1, 4))):
        start, end = rng.uniform(0, side, 2), rng.uniform(0, side, 2)
        draw.line(_curve(rng, start, end, side / 4), fill=strength, width=int(rng.integers(2, 11)), joint="curve")
    if rng.random() < 0.25:
        x, y, r = *rng.choice([0, side], 2), rng.uniform(side / 10, side / 4)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=255)
    inks = ((70, 30, 130), (30, 50, 150), (20, 20, 30), (30, 110, 70), (200, 170, 40), (150, 40, 40))
    ink = Image.new("RGB", image.size, inks[int(rng.integers(len(inks)))])
    image.paste(ink, mask=layer.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.2))))


def _vignette(image: Image.Image, rng: Rng) -> Image.Image:
    """The dark rim of a dermoscope's tube, sharp or soft, not always centred."""
    side = image.width
    centre = side / 2 + rng.normal(0, side / 25, 2)
    radius, softness = side * rng.uniform(0.42, 0.68), side * rng.uniform(0.01, 0.15)
    y, x = np.ogrid[:side, :side]
    distance = np.hypot(x - centre[0], y - centre[1])
    light = np.clip((radius - distance) / softness + 1, 0, 1)[..., None]
    dark = rng.uniform(0, 30)
    return Image.fromarray((np.asarray(image) * light + dark * (1 - light)).astype(np.uint8))


def _degrade(image: Image.Image, rng: Rng) -> Image.Image:
    """A random effective resolution, then blur, noise and JPEG."""
    side = image.width
    if rng.random() < 0.5:
        small = int(rng.uniform(0.5, 1.0) * side)
        image = image.resize((small, small), Image.Resampling.BILINEAR).resize((side, side), Image.Resampling.BICUBIC)
    if rng.random() < 0.15:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.6)))
    if rng.random() < 0.25:
        noise = rng.normal(0, np.exp(rng.uniform(0, 3.3)), (side, side, int(rng.choice([1, 3])))).astype(np.float32)
        image = Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))
    if rng.random() < 0.4:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=int(rng.integers(35, 96)))
        image = Image.open(buffer).convert("RGB")
    return image
