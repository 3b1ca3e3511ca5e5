"""Run by the training job's own interpreter: networks with and without their batch norms say the same.

Prints one line of JSON a backbone: the largest difference, the spread of what is compared, how many norms are left.
"""

from __future__ import annotations

import json
import sys

import keras
import numpy as np

from training_job.backbones import BACKBONES, build, find
from training_job.folding import fold_into, folded

SIDE = 96


def scatter(network: keras.Model, rng: np.random.Generator) -> None:
    """Give batch norms the statistics and scales of a trained network."""
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            values = {weight.name: rng.normal(0, 0.2, weight.shape) for weight in layer.weights}
            positive = ("gamma", "moving_variance")
            layer.set_weights([np.exp(v) if name in positive else v for name, v in values.items()])


def check(name: str) -> dict[str, object]:
    rng = np.random.default_rng(5)
    network = find(name).network(None)
    scatter(network, rng)
    other = folded(find(name).network(None))
    fold_into(other, network)
    photos = rng.normal(0, 1, (2, SIDE, SIDE, 3)).astype(np.float32)
    expected, found = (np.asarray(each(photos, training=False)) for each in (network, other))
    norms = sum(isinstance(layer, keras.layers.BatchNormalization) for layer in other.layers)
    outputs = build(name, None, 3)(photos)
    return {
        "backbone": name,
        "difference": float(np.abs(expected - found).max()),
        "spread": float(expected.std()),
        "norms": norms,
        "cam": list(outputs["cam"].shape),
    }


for each in sys.argv[1:] or BACKBONES:
    sys.stdout.write(json.dumps(check(each)) + "\n")
