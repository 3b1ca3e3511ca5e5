"""Pixels: one way from encoded bytes to the model's input, for training and for serving."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

RgbArray = NDArray[np.uint8]
MAX_ASPECT = 4 / 3
SIDE = 224
FORMATS = ("JPEG", "PNG", "WEBP")
MAX_PIXELS = 50_000_000


def crop_box(width: int, height: int) -> tuple[int, int, int, int]:
    """The centred part (left, top, right, bottom) in pixels that the model sees: at most 4:3 or 3:4."""
    seen_width = min(width, round(height * MAX_ASPECT))
    seen_height = min(height, round(width * MAX_ASPECT))
    left, top = (width - seen_width) // 2, (height - seen_height) // 2
    return left, top, left + seen_width, top + seen_height


def decode(data: bytes, at_least: int = SIDE) -> Image.Image:
    """Decode to RGB, for JPEG at a reduced scale whose short side still has `at_least` pixels.

    Raises OSError or ValueError (Pillow's) on bytes that are no JPEG, PNG or WebP, ValueError on one too large.
    """
    image = Image.open(io.BytesIO(data), formats=FORMATS)
    if image.width * image.height > MAX_PIXELS:
        raise ValueError(f"more than {MAX_PIXELS} pixels")
    scale = min(image.size) / at_least
    if scale > 1:
        image.draft("RGB", (int(image.width / scale), int(image.height / scale)))
    return image.convert("RGB")


def to_input(image: Image.Image, side: int = SIDE) -> RgbArray:
    """(side, side, 3) RGB, 0..255: centred 4:3 crop, then an antialiased resize that ignores aspect."""
    box = crop_box(image.width, image.height)
    resized = image.resize((side, side), Image.Resampling.BILINEAR, box=box, reducing_gap=2.0)
    return np.asarray(resized, dtype=np.uint8)
