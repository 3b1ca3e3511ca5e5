"""A weight file of Keras before Keras sees it: groups and plain arrays that lie in the file itself.

HDF5 can name other files (external links, external storage, virtual datasets), state arrays that nobody has written,
and unpack without end; a weight file needs none of that.
"""

from __future__ import annotations

import io
from math import prod

import h5py

from training_job.keras_configs import MAX_ELEMENTS
from training_job.torch_weights import WeightsError

MAX_OBJECTS = 20_000
MAX_DEPTH = 32
NUMBERS = "bfiu"  # kinds of numpy's dtypes; Keras keeps bfloat16 as uint16
PLAIN = (h5py.h5d.COMPACT, h5py.h5d.CONTIGUOUS)


def refuse_unsafe(data: bytes) -> None:
    """Raises WeightsError unless these are an HDF5 file whose arrays lie in it, of bounded size and count."""
    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            _Walk().group(file, 0)
    except WeightsError:
        raise
    except Exception as error:  # what HDF5 cannot make out becomes OSError, RuntimeError, KeyError, TypeError
        raise WeightsError(f"its weights are no readable HDF5 file: {error}") from error


class _Walk:
    """Looks at every object once and at nothing's values."""

    def __init__(self) -> None:
        self._objects = self._elements = 0

    def group(self, group: h5py.Group, depth: int) -> None:
        """All that the group holds; a group inside of itself ends at MAX_DEPTH."""
        if depth > MAX_DEPTH:
            raise WeightsError("its weights are nested too deeply")
        for name in group:
            self._objects += 1
            if self._objects > MAX_OBJECTS:
                raise WeightsError(f"its weights are more than {MAX_OBJECTS} arrays and groups")
            _refuse_link(group, name)
            found = group[name]
            _refuse_notes(found, name)
            if isinstance(found, h5py.Group):
                self.group(found, depth + 1)
            else:
                self._array(found, name)

    def _array(self, found: h5py.Dataset | h5py.Datatype, name: str) -> None:
        if not isinstance(found, h5py.Dataset):
            raise WeightsError(f"{name[:100]!r} among its weights is no array")
        self._elements += prod(found.shape or ())
        if self._elements > MAX_ELEMENTS:
            raise WeightsError(f"its weights are more than {MAX_ELEMENTS} numbers")
        _refuse_storage(found, name)


def _refuse_link(group: h5py.Group, name: str) -> None:
    """Soft links are refused too: Keras writes none, and one can lead round in circles."""
    link = group.get(name, getlink=True)
    if not isinstance(link, h5py.HardLink):
        raise WeightsError(f"{name[:100]!r} among its weights is a link to elsewhere ({type(link).__name__})")


def _refuse_notes(found: h5py.Group | h5py.Dataset | h5py.Datatype, name: str) -> None:
    """Attributes are short or not there; Keras reads them whole."""
    if any(found.attrs.get_id(note).shape != () for note in found.attrs):
        raise WeightsError(f"{name[:100]!r} among its weights has attributes that no weight file has")


def _refuse_storage(array: h5py.Dataset, name: str) -> None:
    made = array.id.get_create_plist()
    if made.get_layout() == h5py.h5d.VIRTUAL or made.get_external_count():
        raise WeightsError(f"the array {name[:100]!r} lies in another file")
    if array.dtype.kind not in NUMBERS:
        raise WeightsError(f"the array {name[:100]!r} does not hold numbers")
    if made.get_layout() not in PLAIN or made.get_nfilters():
        raise WeightsError(f"the array {name[:100]!r} is packed, which no weight file is")
    if array.id.get_storage_size() != array.nbytes:
        raise WeightsError(f"the array {name[:100]!r} has a shape that its file does not hold")
