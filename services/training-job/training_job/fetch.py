"""Photos of a manifest in Cloud Storage: a local copy of each, fetched once."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from nevus.adapters.places import SCHEME, is_remote, join, place
from training_job.progress import steps

AT_ONCE = 16
LARGEST = 64 * 1024 * 1024  # bytes of a photo


def local_path(folder: str, file: str, cache: Path) -> Path:
    """Where a manifest's file is on this machine, or will be once fetched; `folder` is the manifest's.

    A photo in Cloud Storage keeps its bucket and name under `cache`; raises ValueError for a name that would leave it.
    """
    address = join(folder, file)
    if not is_remote(address):
        return Path(address)
    parts = address.removeprefix(SCHEME).split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise ValueError("a photo in Cloud Storage has an empty part, . or .. in its name")
    return cache.joinpath(*parts)


def fetch(paths: Iterable[Path], cache: Path) -> None:
    """Fetch the paths under `cache` that are not here yet; raises NotFound, Unavailable."""
    missing = [path for path in dict.fromkeys(paths) if path.is_relative_to(cache) and not path.exists()]
    if not missing:
        return
    with steps("fetching photos", len(missing)) as step, ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in pool.map(lambda path: _fetch(path, cache), missing):
            step()


def _fetch(path: Path, cache: Path) -> None:
    data = place(SCHEME + path.relative_to(cache).as_posix()).read(LARGEST)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{os.getpid()}-{path.name}")
    draft.write_bytes(data)
    draft.replace(path)
