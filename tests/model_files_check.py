"""Run by the training job's own interpreter: what is said of each bad `.keras` file, as JSON.

Only then is Keras imported: what has been refused before, it has never seen.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.model_files import GOOD, archives, configurations, convolution, layer, network, packed, parts
from tests.weight_files import weight_files

from training_job.keras_files import read_checked
from training_job.torch_weights import WeightsError


def refused(path: Path, data: bytes) -> str:
    """Why, or nothing."""
    path.write_bytes(data)
    try:
        read_checked(path)
    except WeightsError as error:
        return str(error)
    return ""


def by_keras(path: Path, data: bytes) -> str:
    """As before, through all that starts a training."""
    from training_job.own_networks import load

    path.write_bytes(data)
    try:
        return f"{load(path).count_params()} weights"
    except WeightsError as error:
        return str(error)


def as_start(weights: str) -> str:
    """Of a file that a training is to start from."""
    from training_job.backbones import start_weights

    try:
        start_weights(None, "mobilenet_v2", weights)
    except WeightsError as error:
        return str(error)
    return ""


folder, model, shipped = Path(sys.argv[1]), Path(sys.argv[1], "bad.keras"), Path(sys.argv[2])
found = [
    [name, said, refused(model, data)]
    for maker in (archives, configurations, weight_files)
    for name, said, data in maker()
]
found.append(["good", "", refused(model, packed(parts()))])
found.append(["shipped", "", refused(model, shipped.read_bytes())])
if "keras" in sys.modules:
    raise AssertionError("Keras is there before it is needed")
widths = network(convolution("first", "photo", 60_000), convolution("second", "first", 60_000))
unknown = network(convolution("first", "nowhere", 4))
found.append(["good to Keras", "16 weights", by_keras(model, packed(parts(GOOD)))])
found.append(["many weights", "asks for 3600300000 weights", by_keras(model, packed(parts(widths)))])
found.append(["no graph", "no network that Keras can load", by_keras(model, packed(parts(unknown)))])
found.append(["weights.h5", "never from HDF5", as_start("weights.h5")])
model.write_bytes(packed(parts(network(layer("code", "Lambda", "photo")))))
found.append(["Lambda to start from", "which is code", as_start(str(model))])
sys.stdout.write(json.dumps(found))
