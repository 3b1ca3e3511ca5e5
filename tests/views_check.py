"""Run by the training job's own interpreter: what a model of four views says of a photo that is turned or mirrored.

Prints one line of JSON: the largest difference of each output from that of the photo as it is, by turn.
"""

from __future__ import annotations

import json
import sys

import keras
import numpy as np

from nevus.adapters.litert import Found, LitertModel
from nevus.registry import Outputs
from training_job.backbones import build, features_of
from training_job.export import largest_difference, round_to_half, to_litert
from training_job.texture import served

SIDE, VIEWS = 96, 4


def apart(one: Found, other: Found, turn: int) -> dict[str, float]:
    """Largest differences, the map turned with the photo."""
    pairs = {
        "logit": (one.logit, other.logit),
        "embedding": (one.embedding, other.embedding),
        "cam": (np.rot90(one.cam, turn), other.cam),
        "texture": (one.texture, other.texture),
    }
    return {name: float(np.abs(np.asarray(here) - np.asarray(there)).max()) for name, (here, there) in pairs.items()}


def scatter(network: keras.Model, rng: np.random.Generator) -> None:
    """Give convolutions weights that keep the size of what passes (He et al., ICCV 2015)."""
    for layer in network.layers:
        if isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D):
            kernel, *bias = layer.get_weights()
            depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
            seen = np.prod(kernel.shape[: 2 if depthwise else 3])
            layer.set_weights([rng.normal(0, (2 / seen) ** 0.5, kernel.shape), *bias])


rng = np.random.default_rng(5)
model = build("mobilenet_v2", None, 3)
model.get_layer("evidence").set_weights([rng.normal(0, 1, (1, 1, 1280, 1)).astype(np.float32)])
scatter(features_of(model), rng)
round_to_half(model)
photo = rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8)
turned = {f"turn_{turn}": np.ascontiguousarray(np.rot90(photo, turn)) for turn in (1, 2, 3)}
found = {}
for views in (1, VIEWS):
    network = served(model, SIDE, views)
    exported = to_litert(network)
    runtime = LitertModel(exported, Outputs(texture="texture"))
    plain = runtime.run(photo)
    found[views] = {name: apart(plain, runtime.run(each), int(name[-1])) for name, each in turned.items()} | {
        "mirrored": apart(plain, runtime.run(np.ascontiguousarray(photo[:, ::-1])), 0),
        "keras": largest_difference(network, exported, [photo]),
    }
sys.stdout.write(json.dumps(found) + "\n")
