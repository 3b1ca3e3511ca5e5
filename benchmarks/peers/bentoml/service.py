"""BentoML: one worker process a core, a photo as Pillow's image."""

import os

import bentoml
from lesion import Litert, from_image
from PIL.Image import Image


@bentoml.service(workers=int(os.environ["BENCH_WORKERS"]), traffic={"timeout": 120})
class Lesion:
    """One interpreter a worker, which BentoML calls on one thread."""

    def __init__(self) -> None:
        self.model = Litert()

    @bentoml.api
    def predict(self, image: Image) -> dict[str, float]:
        """One photo."""
        return {"logit": self.model.logit(from_image(image))}
