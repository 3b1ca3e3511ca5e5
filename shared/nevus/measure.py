"""From a photo to what one version of the model measures on it, the same for serving and for evaluation."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from nevus.adapters.litert import LitertModel, Pixels
from nevus.arrays import arrays_in
from nevus.calibration import OodStatistics
from nevus.domain import Measurement
from nevus.imaging import decode, to_input
from nevus.ports import Unprocessable
from nevus.quality import measure_quality
from nevus.registry import MODEL_FILE, STATISTICS_FILE, RegistryError, Version
from nevus.skin_tone import measure_skin_tone, skin_mask

TEXTURE = "texture_"  # before the names of its arrays


class Measurer:
    """One interpreter of a verified version, on one thread; not for two threads at once.

    Raises RegistryError when the version's files do not make a working model.
    """

    def __init__(self, version: Version) -> None:
        self.version = version
        try:
            self._model = LitertModel(version.files[MODEL_FILE], version.manifest.outputs)
            part = TEXTURE if version.manifest.outputs.texture else ""
            self._statistics = read_statistics(version.files[STATISTICS_FILE], part)
        except Exception as error:
            raise RegistryError(f"{version.ref.version} does not load: {error}") from error

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Of one photo's pixels."""
        side = self.version.manifest.input.side
        return side, side, 3

    def measure(self, photo: bytes) -> Measurement:
        """Measure an encoded photo; raises Unprocessable on bytes that are no readable photo."""
        side = self.version.manifest.input.side
        try:
            pixels = to_input(decode(photo, side), side)
        except Exception as error:  # decoders fail on hostile bytes in many ways: OSError, SyntaxError, struct.error
            raise Unprocessable("the photo is not a readable JPEG, PNG or WebP") from error
        return self.measure_pixels(pixels)

    def measure_pixels(self, pixels: Pixels) -> Measurement:
        """Measure (side, side, 3) RGB, 0..255, uint8 or float32; raises Unprocessable on other values or shapes."""
        if pixels.shape != self.input_shape:
            raise Unprocessable(f"pixels have the shape {list(pixels.shape)}, not {list(self.input_shape)}")
        whole = rounded(pixels)
        skin = skin_mask(whole)
        found = self._model.run(pixels)
        return Measurement(
            logit=found.logit,
            cam=found.cam,
            embedding=found.embedding,
            ood_score=self._statistics.score(found.familiarity),
            quality=measure_quality(whole, skin),
            skin_tone=measure_skin_tone(whole, skin),
            model=self.version.ref,
        )

    def warm_up(self, photo: bytes) -> Measurement:
        """Measure once; raises RegistryError when what comes out is not finite or cannot be read."""
        try:
            found = self.measure(photo)
        except Exception as error:
            raise RegistryError(f"{self.version.ref.version} does not run: {error}") from error
        finite = math.isfinite(found.logit) and math.isfinite(found.ood_score) and np.isfinite(found.cam).all()
        if not finite:
            raise RegistryError(f"{self.version.ref.version} answers with numbers that are not finite")
        return found


def rounded(pixels: Pixels) -> NDArray[np.uint8]:
    """As uint8; raises Unprocessable on a value outside 0..255."""
    if pixels.dtype == np.uint8:
        return pixels.astype(np.uint8, copy=False)
    if not (pixels.min() >= 0 and pixels.max() <= 255):
        raise Unprocessable("pixels are RGB values, 0..255")
    return np.rint(pixels).astype(np.uint8)


def read_statistics(data: bytes, part: str = "") -> OodStatistics:
    """Of the embedding, or of the texture, in a version's `statistics.npz`.

    Raises KeyError, OSError or ValueError when they are not there.
    """
    with arrays_in(data) as arrays:
        return OodStatistics(
            mean=arrays[part + "mean"].astype(np.float32),
            factor=arrays[part + "factor"].astype(np.float32),
            basis=arrays[part + "basis"].astype(np.float32),
            residual_scale=float(arrays[part + "residual_scale"]),
        )
