"""Is the photo usable? Measured on the model's input, in one pass."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nevus.domain import Frozen, Quality
from nevus.imaging import RgbArray
from nevus.skin_tone import Mask, lab, skin_mask

Plane = NDArray[np.float32]


SEEN = 40
MIDDLE, RIM = 0.5, (0.7, 1.05)  # radii, of half the side


class QualityLimits(Frozen):
    """Worst values that are still usable, set from the photos that the model was calibrated on."""

    min_sharpness: float
    min_brightness: float
    max_brightness: float
    min_contrast: float
    max_glare: float
    min_skin: float
    min_spot: float = 0.0


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
        spot=round(measure_spot(pixels), 2),
    )


def measure_spot(pixels: RgbArray) -> float:
    """Root mean square CIELAB distance of the middle of (h, w, 3) RGB pixels from the median colour of their rim."""
    seen = lab(sampled(pixels))
    across = np.linspace(-1, 1, SEEN)
    radius = np.hypot(across[:, None], across)
    outside = np.median(seen[(radius > RIM[0]) & (radius < RIM[1])], axis=0)
    return float(np.sqrt(((seen[radius < MIDDLE] - outside) ** 2).sum(axis=-1).mean()))


def sampled(pixels: RgbArray) -> NDArray[np.float64]:
    """(SEEN, SEEN, 3) of (h, w, 3) pixels, evenly spaced."""
    rows, columns = (((np.arange(SEEN) + 0.5) * side / SEEN).astype(int) for side in pixels.shape[:2])
    return np.asarray(pixels[np.ix_(rows, columns)], np.float64)


def problems(quality: Quality, limits: QualityLimits) -> tuple[str, ...]:
    """The reasons for which a photo is unusable, in the order in which they are told."""
    checks = (
        ("empty", quality.contrast < limits.min_contrast),
        ("dark", quality.brightness < limits.min_brightness),
        ("overexposed", quality.brightness > limits.max_brightness or quality.glare > limits.max_glare),
        ("blurred", quality.sharpness < limits.min_sharpness),
        ("no_skin", quality.skin < limits.min_skin),
        ("no_lesion", quality.spot is not None and quality.spot < limits.min_spot),
    )
    return tuple(name for name, failed in checks if failed)
