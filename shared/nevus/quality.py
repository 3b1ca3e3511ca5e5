"""Is the photo usable? Measured on the model's input, in one pass."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nevus.domain import Frozen, Quality
from nevus.imaging import RgbArray
from nevus.skin_tone import Mask, skin_mask

Plane = NDArray[np.float32]


class QualityLimits(Frozen):
    """Worst values that are still usable, set from the photos that the model was calibrated on."""

    min_sharpness: float
    min_brightness: float
    max_brightness: float
    min_contrast: float
    max_glare: float
    min_skin: float


def luminance(pixels: RgbArray) -> Plane:
    """(h, w) BT.601 luma, 0..255."""
    weights = np.array([0.299, 0.587, 0.114], dtype=np.float32)
    return (pixels.astype(np.float32) @ weights).astype(np.float32)


def laplacian(plane: Plane) -> Plane:
    """(h-2, w-2) four-neighbour Laplacian."""
    centre = plane[1:-1, 1:-1]
    return np.asarray(plane[:-2, 1:-1] + plane[2:, 1:-1] + plane[1:-1, :-2] + plane[1:-1, 2:] - 4 * centre)


def measure_quality(pixels: RgbArray, skin: Mask | None = None) -> Quality:
    """Measure (h, w, 3) RGB pixels; `skin` is their `skin_mask`, if known."""
    plane, skin = luminance(pixels), skin_mask(pixels) if skin is None else skin
    darkest = np.minimum(
        np.minimum(pixels[..., 0], pixels[..., 1]), pixels[..., 2]
    )  # ten times as fast as min(axis=-1)
    return Quality(
        sharpness=round(float(laplacian(plane).std()), 3),
        brightness=round(float(plane.mean()) / 255, 4),
        contrast=round(float(plane.std()) / 255, 4),
        glare=round(float((darkest >= 250).mean()), 4),
        skin=round(float(skin.mean()), 4),
    )


def problems(quality: Quality, limits: QualityLimits) -> tuple[str, ...]:
    """The reasons for which a photo is unusable, in the order in which they are told."""
    checks = (
        ("empty", quality.contrast < limits.min_contrast),
        ("dark", quality.brightness < limits.min_brightness),
        ("overexposed", quality.brightness > limits.max_brightness or quality.glare > limits.max_glare),
        ("blurred", quality.sharpness < limits.min_sharpness),
        ("no_skin", quality.skin < limits.min_skin),
    )
    return tuple(name for name, failed in checks if failed)
