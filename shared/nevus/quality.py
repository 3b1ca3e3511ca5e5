"""Is the photo usable, and how light is the skin on it? Measured on the model's input, in one pass."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nevus.domain import Frozen, Quality, SkinTone
from nevus.imaging import RgbArray

Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]

# ITA limits in degrees between the skin colour groups of Chardon et al., Int J Cosmet Sci 13:191 (1991),
# read as Fitzpatrick types I to VI as is customary; an estimate, not a finding.
ITA_LIMITS = (55.0, 41.0, 28.0, 10.0, -30.0)


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


def skin_mask(pixels: RgbArray) -> Mask:
    """Pixels whose hue is that of skin of any type: red over green over about blue, not too saturated."""
    red, green, blue = (pixels[..., i].astype(np.int16) for i in range(3))
    spread = np.maximum(red, np.maximum(green, blue)) - np.minimum(green, blue)
    return np.asarray((red > green - 4) & (red > blue + 2) & (red > 25) & (spread < 170))


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


def lab(rgb: NDArray[np.float64]) -> tuple[float, float, float]:
    """One sRGB colour (3,) 0..255 to CIE L*a*b* under D65 (IEC 61966-2-1, CIE 15)."""
    unit = rgb / 255
    linear = np.where(unit <= 0.04045, unit / 12.92, ((unit + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = (to_xyz @ linear) / np.array([0.95047, 1.0, 1.08883])
    fx, fy, fz = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return float(116 * fy - 16), float(500 * (fx - fy)), float(200 * (fy - fz))


def skin_type(ita: float) -> int:
    """Fitzpatrick type 1 to 6 that an angle in degrees suggests."""
    return 1 + sum(ita <= limit for limit in ITA_LIMITS)


def measure_skin_tone(pixels: RgbArray, skin: Mask | None = None) -> SkinTone:
    """ITA of the median skin-coloured pixel in the outer fifth of the photo; nothing where there is too little."""
    height, width = pixels.shape[:2]
    rim = np.ones((height, width), dtype=bool)
    rim[height // 5 : -(height // 5), width // 5 : -(width // 5)] = False
    chosen = pixels[rim & (skin_mask(pixels) if skin is None else skin)]
    if len(chosen) < 0.2 * rim.sum():
        return SkinTone()
    lightness, _, yellow = lab(np.median(chosen, axis=0).astype(np.float64))
    ita = float(np.degrees(np.arctan2(lightness - 50, max(yellow, 1e-6))))
    return SkinTone(ita=round(ita, 1), fst_estimate=skin_type(ita))
