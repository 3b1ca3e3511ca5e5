"""What every peer does with a photo: decode it as tutorials do, or as Nevus does, and run the model on one thread."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

MODEL = Path(os.environ["BENCH_MODEL"])  # a version's folder
NEVUS_DECODER = os.environ.get("BENCH_DECODER") == "nevus"
SIDE = int(json.loads((MODEL / "manifest.json").read_text())["input"]["side"])

Pixels = NDArray[np.float32]  # (SIDE, SIDE, 3), 0..255


def from_bytes(data: bytes) -> Pixels:
    """Pixels of an encoded photo."""
    if NEVUS_DECODER:
        from nevus.imaging import decode, to_input

        return to_input(decode(data, SIDE), SIDE).astype(np.float32)
    return from_image(Image.open(io.BytesIO(data)))


def from_image(image: Image.Image) -> Pixels:
    """Pixels of a photo that a framework has opened, not yet decoded."""
    if NEVUS_DECODER and image.fp:
        image.fp.seek(0)
        return from_bytes(image.fp.read())
    return np.asarray(image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR), np.float32)


class Litert:
    """One interpreter on one thread; not for two threads at once."""

    def __init__(self) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._run = Interpreter(str(MODEL / "model.tflite"), num_threads=1).get_signature_runner()
        (self._input,) = self._run.get_input_details()

    def logit(self, pixels: Pixels) -> float:
        """Of one photo."""
        return float(self._run(**{self._input: pixels[np.newaxis]})["logit"].item())
