"""Read the tensors of a PyTorch state dict without PyTorch, and without running what a pickle may hold.

The format is the one that `torch.save` wrote before 1.6: three small pickles, the state dict, the storage keys,
then each storage as its length and raw little-endian numbers (torch/serialization.py, `_legacy_load`).
"""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
STORAGE_TYPES: dict[str, np.dtype[Any]] = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class WeightsError(ValueError):
    """The file is not a plain PyTorch state dict."""


@dataclass
class Storage:
    """A flat array that tensors are views of; filled after the pickles are read."""

    dtype: np.dtype[Any]
    size: int
    values: NDArray[Any] = field(default_factory=lambda: np.empty(0))


@dataclass(frozen=True)
class TensorView:
    """A tensor as a window on a storage; offset and strides count elements."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self) -> NDArray[Any]:
        """A contiguous copy."""
        values = self.storage.values[self.offset :]
        strides = tuple(step * values.itemsize for step in self.strides)
        return np.ascontiguousarray(np.lib.stride_tricks.as_strided(values, self.shape, strides))


def _rebuild_tensor(
    storage: Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: object
) -> TensorView:
    reach = offset + 1 + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
    if 0 not in shape and not 0 <= offset < reach <= storage.size:
        raise WeightsError("a tensor reaches beyond its storage")
    return TensorView(storage, offset, tuple(shape), tuple(strides))


class RestrictedUnpickler(pickle.Unpickler):
    """Knows dictionaries, tensors and their storages; everything else is refused."""

    def __init__(self, file: io.BufferedIOBase) -> None:
        super().__init__(file)
        self.storages: dict[str, Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        """The few names that a state dict needs; raises WeightsError for any other."""
        known: dict[tuple[str, str], Callable[..., Any] | str] = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
            **{("torch", storage): storage for storage in STORAGE_TYPES},
        }
        if (module, name) not in known:
            raise WeightsError(f"refused to load {module}.{name} from a weight file")
        return known[module, name]

    def persistent_load(self, pid: Any) -> Storage:
        """A storage by its key."""
        _, storage_type, key, _, size, _ = pid
        return self.storages.setdefault(key, Storage(STORAGE_TYPES[storage_type], size))


def read_state_dict(path: Path) -> dict[str, NDArray[Any]]:
    """Tensors by name; raises WeightsError, OSError."""
    with path.open("rb") as file:
        try:
            return _read(file)
        except (pickle.UnpicklingError, EOFError, KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise WeightsError(f"{path.name} is not a PyTorch state dict: {error}") from error


def _read(file: io.BufferedReader) -> dict[str, NDArray[Any]]:
    if RestrictedUnpickler(file).load() != MAGIC_NUMBER:
        raise WeightsError("wrong magic number")
    for _ in ("protocol version", "system information"):
        RestrictedUnpickler(file).load()
    unpickler = RestrictedUnpickler(file)
    views = unpickler.load()
    for key in RestrictedUnpickler(file).load():
        _fill(unpickler.storages[key], file)
    return {name: view.array() for name, view in views.items() if isinstance(view, TensorView)}


def _fill(storage: Storage, file: io.BufferedReader) -> None:
    size = int.from_bytes(file.read(8), "little")
    if size != storage.size:
        raise WeightsError("a storage does not have the size that its tensors name")
    storage.values = np.frombuffer(file.read(size * storage.dtype.itemsize), dtype=storage.dtype)
