"""Skin of another type under the same lesion, for training: melanin is added to or taken from a photo.

Melanin over everything multiplies what comes back by a factor for each channel (Beer-Lambert), smallest in blue, so
that the lesion keeps its contrast to the skin as a ratio. When skin gets lighter, what was lighter still nears white.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from nevus.skin_tone import Colours, skin_around, skin_mask, typology_angle

DARKEST, LIGHTEST = -55.0, 65.0  # degrees of ITA
# Density that melanin adds to red, green and blue, from the lightest to the darkest of usual skin tones in sRGB.
DENSITY = np.array([1.0, 1.2, 1.35])
AMOUNTS = np.linspace(-0.5, 2.0, 101)
BRIGHTEST = 250.0
SEEN = 56


def shift_skin(image: Image.Image, mask: Image.Image | None, rng: np.random.Generator) -> Image.Image:
    """The photo (RGB) with its skin at a random ITA; unchanged where no skin is seen. `mask` (L) is of its lesion."""
    seen = np.asarray(image.resize((SEEN, SEEN), Image.Resampling.BOX), np.uint8)
    lesion = None if mask is None else np.asarray(mask.resize((SEEN, SEEN), Image.Resampling.NEAREST)) > 127
    skin = skin_around(seen, skin_mask(seen), lesion)
    return image if skin is None else recolour(image, skin, rng.uniform(DARKEST, LIGHTEST))


def recolour(image: Image.Image, skin: Colours, ita: float) -> Image.Image:
    """Move the colour `skin` (3,) 0..255, and all darker ones with it, to an angle in degrees."""
    tones = np.minimum(skin * 10 ** (-AMOUNTS[:, None] * DENSITY / 2.2), BRIGHTEST)
    target = tones[int(np.argmin(np.abs(typology_angle(tones) - ita)))]
    tops = np.minimum(255 * target / skin, 255)
    knots = [((0, old, 255), (0, new, top)) for old, new, top in zip(skin, target, tops, strict=True)]
    curves = [np.interp(np.arange(256), before, after) for before, after in knots]
    return image.point(np.rint(np.concatenate(curves)).astype(int).tolist())
