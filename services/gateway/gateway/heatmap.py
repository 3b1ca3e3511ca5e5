"""The heat map: the evidence of each part of the photo, drawn over it with a legend.

Blue speaks for benign, orange for malignant; the pair is told apart with every common colour vision
(Okabe and Ito, 2008).
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from nevus.domain import Prediction
from nevus.imaging import crop_box

BENIGN, MALIGNANT = (0, 114, 178), (230, 120, 0)
STRONGEST = 0.65


def draw(photo: bytes, record: Prediction) -> bytes:
    """JPEG: the photo under its map, a legend below. The record must hold a map."""
    with Image.open(io.BytesIO(photo)) as image:
        base = image.convert("RGB")
    cam = np.frombuffer(record.cam, "<f2").reshape(record.cam_shape).astype(np.float32)
    unit = max(8, base.width // 40)
    canvas = Image.new("RGB", (base.width, base.height + 5 * unit), "white")
    canvas.paste(overlay(base, cam))
    legend(canvas, base.height, unit)
    out = io.BytesIO()
    canvas.save(out, "JPEG", quality=88)
    return out.getvalue()


def overlay(base: Image.Image, cam: NDArray[np.float32]) -> Image.Image:
    """Colour the part of the photo that the model has seen by the map's sign, the more the stronger."""
    box = crop_box(*base.size)
    size = (box[2] - box[0], box[3] - box[1])
    strength = cam / max(float(np.abs(cam).max()), 1e-6)
    for colour, sign in ((MALIGNANT, 1), (BENIGN, -1)):
        part = (np.clip(strength * sign, 0, 1) * STRONGEST * 255).astype(np.uint8)
        veil = Image.fromarray(part).resize(size, Image.Resampling.BICUBIC)
        base.paste(Image.new("RGB", size, colour), box[:2], veil)
    return base


def legend(canvas: Image.Image, top: int, unit: int) -> None:
    """A bar from one colour to the other with what its ends mean; `unit` is about half a letter's height."""
    width = canvas.width
    ramp = np.linspace(-1, 1, width - 2 * unit)[:, None]
    colours = np.where(ramp < 0, BENIGN, MALIGNANT)
    shade = (255 - (255 - colours) * np.abs(ramp) * STRONGEST).astype(np.uint8)
    bar = Image.fromarray(np.broadcast_to(shade[None], (unit, *shade.shape)).copy())
    canvas.paste(bar, (unit, top + unit))
    pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(1.6 * unit)
    pen.text((unit, top + 2.4 * unit), "speaks for benign", fill="black", font=font)
    pen.text((width - unit, top + 2.4 * unit), "for malignant", fill="black", font=font, anchor="ra")
