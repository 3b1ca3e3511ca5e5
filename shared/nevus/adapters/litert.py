"""The inference runtime: one LiteRT interpreter on one thread, its outputs read by name."""

from __future__ import annotations

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from nevus.domain import FloatArray
from nevus.registry import Outputs

Pixels = NDArray[np.uint8] | NDArray[np.float32]


class LitertModel:
    """A model of one signature; not for two threads at once.

    Raises ValueError or RuntimeError (LiteRT's) on bytes that are no such model.
    """

    def __init__(self, model: bytes, outputs: Outputs | None = None) -> None:
        self._outputs = outputs or Outputs()
        self._run = Interpreter(model_content=model, num_threads=1).get_signature_runner()
        (self._input,) = self._run.get_input_details()
        missing = set(self._outputs.model_dump().values()) - set(self._run.get_output_details())
        if missing:
            raise ValueError(f"the model has no output {', '.join(sorted(missing))}")

    def run(self, pixels: Pixels) -> tuple[float, FloatArray, FloatArray]:
        """(side, side, 3) RGB 0..255 to logit, embedding (d,) and class activation map (h, w)."""
        found = self._run(**{self._input: pixels[np.newaxis].astype(np.float32)})
        cam = found[self._outputs.cam]
        return (
            float(found[self._outputs.logit].item()),
            found[self._outputs.embedding].ravel(),
            cam.reshape(cam.shape[1:3]),
        )
