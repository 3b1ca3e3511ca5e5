"""What an inference request asks of a model: a photo or its pixels, as work for one interpreter."""

from __future__ import annotations

from operator import methodcaller
from typing import Any

import numpy as np

from inference.model import LoadedVersion, Work
from inference.refusals import Malformed
from nevus.measurement_tensors import OUTPUTS
from nevus.oip import Request
from nevus.oip_tensors import Tensor

PIXEL_TYPES = ("FP32", "UINT8")


def work_of(request: Request) -> Work:
    """The measurement that a request's one input asks for; raises Malformed."""
    unknown = {wanted.name for wanted in request.outputs} - set(OUTPUTS)
    if unknown:
        raise Malformed(f"no such output; there are {', '.join(OUTPUTS)}")
    if len(request.inputs) != 1 or request.inputs[0].name not in ("image", "pixels"):
        raise Malformed("one input is needed: image (BYTES) or pixels (FP32 or UINT8)")
    tensor = request.inputs[0]
    return photo_work(tensor) if tensor.name == "image" else pixel_work(tensor)


def photo_work(tensor: Tensor) -> Work:
    """One encoded photo; raises Malformed."""
    if tensor.datatype != "BYTES" or tensor.array.size != 1:
        raise Malformed("image is one element of BYTES")
    return methodcaller("measure", tensor.array.item())


def pixel_work(tensor: Tensor) -> Work:
    """One photo's pixels; raises Malformed."""
    if tensor.datatype not in PIXEL_TYPES or tensor.array.ndim != 4 or len(tensor.array) != 1:
        raise Malformed("pixels are FP32 or UINT8 of shape [1, side, side, 3]")
    return methodcaller("measure_pixels", tensor.array[0])


def metadata(loaded: LoadedVersion, refused: str | None) -> dict[str, Any]:
    """The protocol's model metadata; a request has either of the two inputs. `refused` is a candidate that failed."""
    ref, example = loaded.version.ref, loaded.example
    side = loaded.version.manifest.input.side
    shapes = {"embedding": example.embedding.shape, "cam": example.cam.shape, "quality": (5,)}
    outputs = {name: list(np.asarray(shapes.get(name, (1,))).tolist()) for name in OUTPUTS}
    return {
        "name": ref.name,
        "versions": [ref.version],
        "platform": "litert",
        "inputs": [
            {"name": "image", "datatype": "BYTES", "shape": [1]},
            {"name": "pixels", "datatype": "FP32", "shape": [1, side, side, 3]},
        ],
        "outputs": [{"name": name, "datatype": "FP32", "shape": shape} for name, shape in outputs.items()],
        "parameters": {"manifest_sha256": ref.sha256} | ({"refused": refused} if refused else {}),
    }
