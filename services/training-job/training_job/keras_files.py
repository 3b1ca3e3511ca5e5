"""A `.keras` file before Keras sees it: an archive of three plain files, of which none can do more than state numbers.

Keras opens what passes in safe mode. That alone was not enough in the past: layers that are code, archives that reach
out of their folder, weight files that read others, and shapes for which no machine has memory.
"""

from __future__ import annotations

import io
import json
import stat
import zipfile
from pathlib import Path
from typing import Any

from training_job import hdf5_files
from training_job.keras_configs import MAX_ELEMENTS, refuse_unsafe_config
from training_job.torch_weights import WeightsError

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
MOST = {CONFIG: 8 << 20, METADATA: 64 << 10, WEIGHTS: 4 * MAX_ELEMENTS + (16 << 20)}  # bytes, unpacked
ZIP, HDF5 = b"PK\x03\x04", b"\x89HDF\r\n\x1a\n"
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def read_checked(path: Path) -> bytes:
    """The file's bytes, to be loaded in the place of the file; raises WeightsError, OSError."""
    if path.stat().st_size > sum(MOST.values()):
        raise WeightsError(f"{path.name} is larger than any model that is trained here")
    data = path.read_bytes()
    try:
        refuse_unsafe(data)
    except WeightsError as error:
        raise WeightsError(f"refused {path.name}: {error}") from error
    return data


def refuse_unsafe(data: bytes) -> None:
    """Raises WeightsError unless these are a `.keras` archive that holds a network of plain layers, and its weights."""
    if data.startswith(HDF5):
        raise WeightsError("it is an HDF5 file; only .keras archives are loaded")
    if not data.startswith(ZIP):
        raise WeightsError("it is no .keras archive")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = _unpacked(archive)
    except WeightsError:
        raise
    except Exception as error:  # broken archives fail in many ways: BadZipFile, zlib.error, struct.error, EOFError
        raise WeightsError(f"its archive is broken: {error}") from error
    refuse_unsafe_config(_parsed(files[CONFIG]))
    hdf5_files.refuse_unsafe(files[WEIGHTS])


def _unpacked(archive: zipfile.ZipFile) -> dict[str, bytes]:
    """All three files, each within its bound; nothing is unpacked before every entry is known to be harmless."""
    entries = archive.infolist()
    for entry in entries:
        _refuse_entry(entry)
    if sorted(entry.filename for entry in entries) != sorted(MOST):
        raise WeightsError(f"it does not hold {', '.join(MOST)}, each once")
    return {entry.filename: archive.read(entry) for entry in entries}


def _refuse_entry(entry: zipfile.ZipInfo) -> None:
    """`zipfile` unpacks no more than an entry states, so a bomb cannot state less than it is."""
    name = entry.orig_filename
    if name not in MOST:
        raise WeightsError(f"its archive holds {name[:100]!r}, which no model of ours has")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise WeightsError(f"{name} is a symbolic link")
    if entry.file_size > MOST[name]:
        raise WeightsError(f"{name} would be {entry.file_size} bytes, of which {MOST[name]} are allowed")
    if entry.flag_bits & 1 or entry.compress_type not in METHODS:
        raise WeightsError(f"{name} is encrypted, or packed in an unusual way")


def _parsed(config: bytes) -> Any:
    try:
        return json.loads(config)
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"{CONFIG} cannot be read ({type(error).__name__})") from error
