"""What goes wrong in a training run, told in one sentence; here, so that telling it needs no TensorFlow."""

from __future__ import annotations

from nevus.ports import PortError
from nevus.registry import RegistryError
from training_job.data import ManifestError
from training_job.torch_weights import WeightsError


class ExportError(RuntimeError):
    """The exported model does not answer as the trained one."""


def is_permanent(error: Exception) -> bool:
    """Whether another attempt would fail too: at what it was given, or at what comes of its checkpoint."""
    return isinstance(error, (ManifestError, RegistryError, ExportError, WeightsError)) or type(error) is ValueError


def sentence(error: Exception) -> str:
    """What went wrong, without file names or anything personal."""
    if is_permanent(error):
        return f"{error}."
    if isinstance(error, PortError):
        return f"A store did not answer as it should ({type(error).__name__})."
    if isinstance(error, OSError):
        return f"A photo or another file could not be read ({error.strerror or type(error).__name__})."
    return f"The training job met an error of its own ({type(error).__name__})."
