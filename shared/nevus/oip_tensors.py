"""Tensors of the Open Inference Protocol v2: between numpy, raw bytes and JSON lists.

The binary tensor extension is specified in triton-inference-server `extension_binary_data.md`.
"""

from __future__ import annotations

import binascii
import math
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

DTYPES = {
    "BOOL": "?", "UINT8": "u1", "UINT16": "<u2", "UINT32": "<u4", "UINT64": "<u8",
    "INT8": "i1", "INT16": "<i2", "INT32": "<i4", "INT64": "<i8", "FP16": "<f2", "FP32": "<f4", "FP64": "<f8",
}  # fmt: skip
BYTES = "BYTES"
MAX_RANK = 8
MAX_SIZE = 2**31
MAX_BYTES_ELEMENTS = 1024


class OipError(ValueError):
    """A body that is not a message of the protocol."""


@dataclass(frozen=True)
class Tensor:
    """A named tensor; for `BYTES`, `array` holds `bytes` objects, else numbers of the datatype."""

    name: str
    datatype: str
    array: NDArray[Any]

    @classmethod
    def of_bytes(cls, name: str, *elements: bytes) -> Tensor:
        """A BYTES tensor of shape [len(elements)]."""
        return cls(name, BYTES, _object_array(elements, len(elements)))


def to_raw(tensor: Tensor) -> bytes:
    """Little-endian and row by row; each BYTES element behind its length (4 bytes)."""
    if tensor.datatype == BYTES:
        return b"".join(len(element).to_bytes(4, "little") + element for element in tensor.array.flat)
    return np.ascontiguousarray(tensor.array, dtype=DTYPES[tensor.datatype]).tobytes()


def to_list(tensor: Tensor) -> list[Any]:
    """Flat; bytes as base64, and null for what JSON has no number for."""
    if tensor.datatype == BYTES:
        return [b64encode(element).decode() for element in tensor.array.flat]
    values: list[Any] = tensor.array.ravel().tolist()
    if tensor.array.dtype.kind == "f":
        return [value if math.isfinite(value) else None for value in values]
    return values


def from_raw(raw: memoryview, datatype: str, shape: Sequence[int]) -> NDArray[Any]:
    """The inverse of `to_raw`; raises OipError."""
    count = math.prod(shape)
    if datatype == BYTES:
        return _shaped(_object_array(_elements(raw, count), count), shape)
    dtype = np.dtype(DTYPES[datatype])
    if len(raw) != count * dtype.itemsize:
        raise OipError(f"{len(raw)} bytes do not make {count} of {datatype}")
    return _shaped(np.frombuffer(raw, dtype=dtype), shape)


def from_list(data: Any, datatype: str, shape: Sequence[int]) -> NDArray[Any]:
    """Flat or nested lists; base64 text for BYTES, null for NaN. Raises OipError."""
    count = math.prod(shape)
    if not isinstance(data, list):
        raise OipError("a tensor has neither data nor binary_data_size")
    if len(data) > count:
        raise OipError(f"{len(data)} values do not fill the shape")
    try:
        array = _bytes_array(data, count) if datatype == BYTES else _number_array(data, DTYPES[datatype])
    except (ValueError, TypeError, OverflowError, RecursionError, binascii.Error) as error:
        raise OipError(f"data is not {datatype}{' as base64' if datatype == BYTES else ''}") from error
    if array.size != count:
        raise OipError(f"{array.size} values do not fill the shape")
    return _shaped(array, shape)


def _number_array(data: list[Any], dtype: str) -> NDArray[Any]:
    with np.errstate(over="ignore", invalid="ignore"):
        return np.array(data, dtype=dtype).ravel()


def _bytes_array(data: list[Any], count: int) -> NDArray[Any]:
    while data and isinstance(data[0], list):
        data = [value for part in data for value in part]
    return _object_array([b64decode(text, validate=True) for text in data], count)


def _elements(raw: memoryview, count: int) -> list[bytes]:
    elements: list[bytes] = []
    while raw and len(elements) < count <= MAX_BYTES_ELEMENTS:
        size = int.from_bytes(raw[:4], "little")
        if len(raw) < 4 + size:
            raise OipError("a BYTES element does not lie within its tensor")
        elements.append(bytes(raw[4 : 4 + size]))
        raw = raw[4 + size :]
    if raw:
        raise OipError(f"more than {len(elements)} BYTES elements")
    return elements


def _object_array(elements: Sequence[bytes], count: int) -> NDArray[Any]:
    if len(elements) != count:
        raise OipError(f"{len(elements)} BYTES elements do not fill the shape")
    array = np.empty(count, dtype=object)
    array[:] = elements
    return array


def _shaped(array: NDArray[Any], shape: Sequence[int]) -> NDArray[Any]:
    try:
        return array.reshape(shape)
    except (ValueError, OverflowError) as error:
        raise OipError("no such shape") from error
