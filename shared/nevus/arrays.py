"""Arrays in the `.npz` files of a version: none is unpacked before all are known to be what they say, and small."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import prod
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

MAX_BYTES = 64 * 1024 * 1024  # unpacked, of all arrays of a file
PLAIN = (1, 0)  # the format that numpy writes unless a header is over 64 kB


@contextmanager
def arrays_in(data: bytes) -> Iterator[Mapping[str, NDArray[Any]]]:
    """The arrays by name, read when asked for; raises ValueError on a bomb, on objects, on what is no such file."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MAX_BYTES:
                raise ValueError(f"its arrays are more than {MAX_BYTES} bytes")
            for entry in archive.infolist():
                with archive.open(entry) as file:
                    _refuse_untrue(file, entry.file_size)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"its arrays cannot be read: {error}") from error
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        yield arrays


def _refuse_untrue(file: IO[bytes], size: int) -> None:
    """A header that states more than follows would have numpy allocate it."""
    if npy.read_magic(file) != PLAIN:
        raise ValueError("an array has a header of an unusual format")
    shape, _, dtype = npy.read_array_header_1_0(file)
    if dtype.hasobject or prod(shape) * dtype.itemsize != size - file.tell():
        raise ValueError("an array does not have the shape that it states")
