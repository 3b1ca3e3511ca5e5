"""Loading a network that a training here has saved."""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from math import prod
from pathlib import Path

import keras

from training_job.keras_configs import MAX_ELEMENTS
from training_job.keras_files import CONFIG, read_checked
from training_job.torch_weights import WeightsError


def load(path: Path) -> keras.Model:
    """A checked `.keras` file, in safe mode and not compiled; raises WeightsError, OSError."""
    data = read_checked(path)
    with tempfile.TemporaryDirectory() as folder:
        checked = Path(folder) / "checked.keras"
        checked.write_bytes(data)  # the bytes that were looked at, whatever the file holds by now
        try:
            _refuse_large(data)
            return keras.models.load_model(checked, compile=False, safe_mode=True)
        except WeightsError as error:
            raise WeightsError(f"refused {path.name}: {error}") from error
        except Exception as error:  # a configuration that does not fit fails in as many ways as there are layers
            raise WeightsError(f"{path.name} is no network that Keras can load ({type(error).__name__})") from error


def _refuse_large(data: bytes) -> None:
    """Count the weights that the configuration asks for: in this scope Keras works out shapes and allocates nothing."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        config = json.loads(archive.read(CONFIG))
    with keras.StatelessScope(initialize_variables=False):
        network = keras.saving.deserialize_keras_object(config | {"compile_config": None}, safe_mode=True)
    wanted = sum(prod(variable.shape) for variable in network.variables)
    if wanted > MAX_ELEMENTS:
        raise WeightsError(f"its configuration asks for {wanted} weights, of which {MAX_ELEMENTS} are allowed")
