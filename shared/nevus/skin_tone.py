"""How light is the skin around the lesion? Measured on the model's input without white balance.

The individual typology angle (ITA; Chardon et al., Int J Cosmet Sci 13:191, 1991) of the skin at the photo's rim. Left
out is what is darker than the rest of the rim (lesion, hair, ink), not of a skin's hue, black (a dermoscope's tube) or
blown out. Light and camera move the angle by more than a skin type: an estimate, not a finding.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nevus.domain import SkinTone
from nevus.imaging import RgbArray

Mask = NDArray[np.bool_]
Colours = NDArray[np.float64]

# Limits in degrees between the skin colour groups of Chardon et al., read as Fitzpatrick types I to VI as is customary.
ITA_LIMITS = (55.0, 41.0, 28.0, 10.0, -30.0)
ITA_BANDS = ("very light", "light", "intermediate", "tan", "brown", "dark")

SEEN_SIDE = 56  # about so many rows and columns are looked at
RIM = 0.2  # share of the side, at each edge
LEAST_SKIN = 0.2  # share of the rim
BLACK, BLOWN_OUT = 25, 245  # of the darkest channel, 0..255
ROUNDS, DARKER, LIGHTER = 3, 1.0, 3.0  # spreads from the median at which a pixel is left out
LUMA = np.array([0.299, 0.587, 0.114])
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = np.array([0.95047, 1.0, 1.08883])


def lab(rgb: Colours) -> Colours:
    """SRGB colours (..., 3) 0..255 to CIE L*a*b* under D65 (IEC 61966-2-1, CIE 15)."""
    unit = rgb / 255
    linear = np.where(unit <= 0.04045, unit / 12.92, ((unit + 0.055) / 1.055) ** 2.4)
    xyz = linear @ TO_XYZ.T / WHITE
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def typology_angle(rgb: Colours) -> Colours:
    """ITA in degrees, -90..90, of sRGB colours (..., 3); blue skin counts as colourless."""
    found = lab(rgb)
    return np.asarray(np.degrees(np.arctan2(found[..., 0] - 50, np.maximum(found[..., 2], 1e-6))))


def skin_type(ita: float) -> int:
    """Fitzpatrick type 1 to 6 that an angle in degrees suggests."""
    return 1 + sum(ita <= limit for limit in ITA_LIMITS)


def ita_band(ita: float) -> str:
    """The colour group of an angle."""
    return ITA_BANDS[skin_type(ita) - 1]


def skin_mask(pixels: RgbArray) -> Mask:
    """Pixels whose hue is that of skin of any type: red over green over about blue, not too saturated."""
    red, green, blue = (pixels[..., i].astype(np.int16) for i in range(3))
    spread = np.maximum(red, np.maximum(green, blue)) - np.minimum(green, blue)
    return np.asarray((red > green - 4) & (red > blue + 2) & (red > 25) & (spread < 170))


def skin_around(pixels: RgbArray, skin: Mask, lesion: Mask | None = None) -> Colours | None:
    """The colour (3,) of the skin at the rim of (h, w, 3) RGB pixels; None where too little of it is seen.

    `skin` is their `skin_mask`, `lesion` what is known to be none of it.
    """
    step = max(1, min(skin.shape) // SEEN_SIDE)
    seen, allowed = pixels[::step, ::step], skin[::step, ::step]
    if lesion is not None:
        allowed = allowed & ~lesion[::step, ::step]
    height, width = allowed.shape
    rim = np.ones(allowed.shape, bool)
    rim[int(height * RIM) : height - int(height * RIM), int(width * RIM) : width - int(width * RIM)] = False
    darkest = np.minimum(np.minimum(seen[..., 0], seen[..., 1]), seen[..., 2])
    colours = seen[rim & allowed & (darkest > BLACK) & (darkest < BLOWN_OUT)]
    if len(colours) < LEAST_SKIN * rim.sum():
        return None
    return np.asarray(np.median(colours[_typical(colours @ LUMA)], axis=0), np.float64)


def _typical(light: Colours) -> Mask:
    kept = np.ones(len(light), bool)
    for _ in range(ROUNDS):
        middle = np.median(light[kept])
        spread = 1.4826 * np.median(np.abs(light[kept] - middle)) + 1
        kept = (light > middle - DARKER * spread) & (light < middle + LIGHTER * spread)
    return kept


def measure_skin_tone(pixels: RgbArray, skin: Mask | None = None) -> SkinTone:
    """ITA of the skin at the rim of (h, w, 3) RGB pixels; nothing where there is too little.

    `skin` is their `skin_mask`, if known.
    """
    colour = skin_around(pixels, skin_mask(pixels) if skin is None else skin)
    if colour is None:
        return SkinTone()
    ita = round(float(typology_angle(colour)), 1)
    return SkinTone(ita=ita, fst_estimate=skin_type(ita))
