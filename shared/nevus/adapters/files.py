"""Objects as plain files: what a person sees in the folder is what is stored, with no files beside them.

An object's generation is its file's modification time in nanoseconds, made to grow strictly under the root's lock.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import ParamSpec, TypeVar

from nevus.adapters.locks import locked
from nevus.adapters.object_keys import checked_key
from nevus.ports import NotFound, PreconditionFailed, StoredObject, Unavailable

P = ParamSpec("P")
T = TypeVar("T")

TEMPORARY = ".writing-"
NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR)


class FileStore:
    """An `ObjectStore` under `root`, which is made when missing.

    Many threads and processes may share one root. A write is whole or absent: it goes to a hidden file, is synced,
    renamed into place, and its folder is synced; what a killed writer left is removed at the next start.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        root.mkdir(parents=True, exist_ok=True)
        self._threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix="files")
        sweep(root)

    async def put(self, key: str, data: bytes, *, if_generation: int | None = None) -> int:
        """Write and return the new generation; raises PreconditionFailed, ValueError on a bad key, Unavailable."""
        return await self._run(self._put, checked_key(key), data, if_generation)

    async def get(self, key: str) -> StoredObject:
        """Read whole; raises NotFound, ValueError on a bad key, Unavailable."""
        return await self._run(self._get, checked_key(key))

    async def delete(self, key: str, *, before: datetime | None = None) -> None:
        """Remove; a missing object is fine. With `before`, only if it was last written before that moment.

        Raises ValueError on a bad key, Unavailable.
        """
        await self._run(self._delete, checked_key(key), before)

    async def list(self, prefix: str, *, before: datetime | None = None) -> Sequence[str]:
        """Sorted keys that begin with `prefix`; with `before`, of files last written before that moment."""
        return await self._run(self._list, prefix, before)

    async def _run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: work(*args, **kwargs))

    def _put(self, key: str, data: bytes, if_generation: int | None) -> int:
        path = self._root / key
        with reported(key):
            make_folders(path.parent, self._root)
            with self._written(path.parent, data) as (temporary, proposed), locked(self._root):
                generation = place(temporary, path, proposed, if_generation)
            sync_folder(path.parent)
        return generation

    @contextmanager
    def _written(self, folder: Path, data: bytes) -> Iterator[tuple[Path, int]]:
        """A synced hidden file with the data and its proposed generation, to be renamed; gone after an error."""
        name = folder / (TEMPORARY + secrets.token_hex(8))
        with locked(self._root, shared=True):
            handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            fcntl.flock(handle, fcntl.LOCK_EX)  # tells a sweep that its writer lives
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                generation = time.time_ns()
                os.utime(handle, ns=(generation, generation))
                os.fsync(handle)
                yield name, generation
        except BaseException:
            name.unlink(missing_ok=True)
            raise

    def _get(self, key: str) -> StoredObject:
        with reported(key), (self._root / key).open("rb") as file:
            return StoredObject(file.read(), os.fstat(file.fileno()).st_mtime_ns)

    def _delete(self, key: str, before: datetime | None) -> None:
        path = self._root / key
        try:
            with reported(key):
                with locked(self._root, shared=before is None):  # alone, where a writer must not come between
                    if before and not older(path, before):
                        return
                    path.unlink()
                sync_folder(path.parent)
        except NotFound:
            return

    def _list(self, prefix: str, before: datetime | None) -> Sequence[str]:
        start = self._root / prefix.rpartition("/")[0]
        if ".." in prefix.split("/") or not start.is_relative_to(self._root):
            return []
        names = (Path(folder, name) for folder, _, files in os.walk(start) for name in files if name[0] != ".")
        keys = ((path.relative_to(self._root).as_posix(), path) for path in names)
        return sorted(key for key, path in keys if key.startswith(prefix) and (not before or older(path, before)))


def place(temporary: Path, path: Path, generation: int, if_generation: int | None) -> int:
    """Rename into place when the precondition holds, with a generation above the last; needs the root's lock."""
    current = path.stat().st_mtime_ns if path.is_file() else 0
    if if_generation is not None and if_generation != current:
        raise PreconditionFailed(f"generation is {current}, not {if_generation}")
    if generation <= current:
        generation = current + 1
        os.utime(temporary, ns=(generation, generation))
    temporary.rename(path)
    return generation


def older(path: Path, moment: datetime) -> bool:
    """Whether a file was last written before that moment; not when it is gone by now."""
    try:
        return path.stat().st_mtime < moment.timestamp()
    except FileNotFoundError:
        return False


def make_folders(folder: Path, root: Path) -> None:
    """Make a folder under root, each new one's name synced in its parent."""
    if folder.is_dir():
        return
    make_folders(folder.parent, root)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Make a folder's entries durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sweep(root: Path) -> None:
    """Remove what killed writers left; a file that a living writer holds stays."""
    with locked(root):
        for leftover in root.rglob(TEMPORARY + "*"):
            with leftover.open("rb") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                leftover.unlink()


@contextmanager
def reported(key: str) -> Iterator[None]:
    """Say in the port's words what the file system says; a full or failing disk is Unavailable."""
    try:
        yield
    except OSError as error:
        if error.errno in NOT_THERE:
            raise NotFound(key) from error
        raise Unavailable(f"object storage: {error.strerror}") from error
