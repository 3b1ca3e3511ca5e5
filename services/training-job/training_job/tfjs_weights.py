"""Weights of a TensorFlow.js layers model as npm packages bundle it: a script with the topology, scripts with base64.

Nothing in the scripts is run. The file names one model's `model.min.js`; its shards lie beside it.
"""

from __future__ import annotations

import base64
import binascii
import re
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training_job.torch_weights import WeightsError

Floats = NDArray[np.float32]
NUMBER = r"(-?[0-9.]+(?:e[+-]?[0-9]+)?)"
WEIGHT = re.compile(
    r'name:"([^"]+)",shape:\[([0-9,]*)\],dtype:"float32",quantization:\{min:'
    + NUMBER
    + ",scale:"
    + NUMBER
    + ',dtype:"uint8"'
)


def read_weights(path: Path) -> dict[str, Floats]:
    """Arrays by name, from 8-bit codes as min + scale * code; raises WeightsError, OSError."""
    _, found, manifest = path.read_text().partition("weightsManifest")
    paths = re.search(r"paths:\[([^\]]*)\]", manifest)
    if not found or not paths:
        raise WeightsError(f"{path.name} is not a TensorFlow.js model")
    data = b"".join(_shard(path.with_name(f"{name}.min.js")) for name in re.findall(r'"([^"]+)"', paths[1]))
    weights, start = {}, 0
    for name, shape, low, scale in WEIGHT.findall(manifest):
        sizes = tuple(int(size) for size in shape.split(",") if size)
        codes = np.frombuffer(data, np.uint8, prod(sizes), start).reshape(sizes)
        weights[name], start = (float(low) + float(scale) * codes).astype(np.float32), start + prod(sizes)
    if start != len(data):
        raise WeightsError(f"the shards beside {path.name} do not have the size that it names")
    return weights


def _shard(path: Path) -> bytes:
    longest = max(re.findall(r'"([A-Za-z0-9+/=]{64,})"', path.read_text()), key=len, default="")
    try:
        return base64.b64decode(longest, validate=True)
    except binascii.Error as error:
        raise WeightsError(f"{path.name} is not base64") from error
