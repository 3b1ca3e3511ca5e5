"""The inference runtime: one LiteRT interpreter on one thread, its outputs read by name."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from nevus.domain import FloatArray
from nevus.registry import Outputs

IDENTIFIER = b"TFL3"  # of a LiteRT file, after the four bytes of its root's offset
Pixels = NDArray[np.uint8] | NDArray[np.float32]


class Found(NamedTuple):
    """What a model says of a photo: `embedding` (d,), `cam` (h, w), and `texture` (t,) where it has one."""

    logit: float
    embedding: FloatArray
    cam: FloatArray
    texture: FloatArray | None

    @property
    def familiarity(self) -> FloatArray:
        """What tells a familiar photo from another."""
        return self.embedding if self.texture is None else self.texture


class LitertModel:
    """A model of one signature; not for two threads at once.

    Raises ValueError or RuntimeError (LiteRT's) on bytes that are no such model.
    """

    def __init__(self, model: bytes, outputs: Outputs | None = None) -> None:
        if model[4:8] != IDENTIFIER:
            raise ValueError("these bytes are no LiteRT model")
        self._outputs = outputs or Outputs()
        self._run = Interpreter(model_content=model, num_threads=1).get_signature_runner()
        (self._input,) = self._run.get_input_details()
        missing = set(filter(None, self._outputs.model_dump().values())) - set(self._run.get_output_details())
        if missing:
            raise ValueError(f"the model has no output {', '.join(sorted(missing))}")

    def run(self, pixels: Pixels) -> Found:
        """(side, side, 3) RGB 0..255 to all outputs."""
        found = self._run(**{self._input: pixels[np.newaxis].astype(np.float32)})
        cam, texture = found[self._outputs.cam], self._outputs.texture
        return Found(
            logit=float(found[self._outputs.logit].item()),
            embedding=found[self._outputs.embedding].ravel(),
            cam=cam.reshape(cam.shape[1:3]),
            texture=found[texture].ravel() if texture else None,
        )
