"""What goes wrong in a training for good; here, so that telling of it needs no TensorFlow."""

from __future__ import annotations


class ExportError(RuntimeError):
    """The exported model does not answer as the trained one."""
