"""Files by address, a path or `gs://bucket/key`, for batch work; what services keep goes through their stores."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, Protocol

from nevus.adapters.files import TEMPORARY, FileStore, reported
from nevus.ports import ModelStore, NotFound

SCHEME = "gs://"
CLOSED = (errno.EACCES, errno.ENAMETOOLONG, errno.ELOOP)  # of one file, not of the disk


class Place(Protocol):
    """One file, or a folder of files. Calls raise NotFound and Unavailable."""

    def read(self, limit: int) -> bytes:
        """Whole; raises ValueError for one of more than `limit` bytes."""

    def reading(self) -> AbstractContextManager[IO[bytes]]:
        """Its bytes as a stream."""

    def writing(self) -> AbstractContextManager[IO[bytes]]:
        """A stream that replaces it, whole at the end of the block; an error in the block leaves it as it was."""

    def create(self, data: bytes) -> bool:
        """Write it unless it is there; returns whether it was written."""

    def delete(self) -> None:
        """Remove it; a missing one is fine."""

    def names(self) -> Sequence[str]:
        """Names of the files right in this folder, sorted."""

    def mark(self) -> str:
        """Another text whenever its bytes are others."""


class LocalPlace:
    """A `Place` in the file system."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, limit: int) -> bytes:
        """Whole; raises ValueError for one of more than `limit` bytes."""
        with self.reading() as file:
            data = file.read(limit + 1)
        checked_size(len(data), limit)
        return data

    @contextmanager
    def reading(self) -> Iterator[IO[bytes]]:
        """Its bytes as a stream."""
        with reported(self._path.name), self._opened() as file:
            yield file

    def _opened(self) -> IO[bytes]:
        try:
            return self._path.open("rb")
        except OSError as error:
            if error.errno in CLOSED:
                raise NotFound(self._path.name) from error
            raise

    @contextmanager
    def writing(self) -> Iterator[IO[bytes]]:
        """A stream that replaces it at the end of the block."""
        with self._draft() as (file, name):
            yield file
            file.close()
            Path(name).replace(self._path)

    def create(self, data: bytes) -> bool:
        """Write it unless it is there."""
        with self._draft() as (file, name):
            file.write(data)
            file.close()
            try:
                os.link(name, self._path)
            except FileExistsError:
                return False
            return True

    @contextmanager
    def _draft(self) -> Iterator[tuple[IO[bytes], str]]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=TEMPORARY, dir=self._path.parent)
        try:
            with reported(self._path.name), os.fdopen(handle, "wb") as file:
                yield file, name
        finally:
            Path(name).unlink(missing_ok=True)

    def delete(self) -> None:
        """Remove it; a missing one is fine."""
        self._path.unlink(missing_ok=True)

    def names(self) -> Sequence[str]:
        """Names of the files right in this folder."""
        if not self._path.is_dir():
            return []
        return sorted(path.name for path in self._path.iterdir() if path.is_file() and path.name[0] != ".")

    def mark(self) -> str:
        """Its size and time of change."""
        with reported(self._path.name):
            found = self._path.stat()
        return f"{found.st_size}.{found.st_mtime_ns}"


def checked_size(size: int, limit: int) -> None:
    """Raises ValueError when it is more than `limit` bytes."""
    if size > limit:
        raise ValueError(f"more than {limit} bytes")


def is_remote(address: str) -> bool:
    """Whether it is in Cloud Storage."""
    return address.startswith(SCHEME)


def place(address: str) -> Place:
    """What stands at an address; raises ValueError for a `gs://` address without a bucket."""
    if not is_remote(address):
        return LocalPlace(Path(address))
    from nevus.adapters.gcs_places import CloudPlace

    return CloudPlace(*bucket_and_key(address))


def bucket_and_key(address: str) -> tuple[str, str]:
    """Of a `gs://` address; raises ValueError."""
    bucket, _, key = address.removeprefix(SCHEME).partition("/")
    if not bucket:
        raise ValueError("an address in Cloud Storage is gs://bucket/name")
    return bucket, key


def join(folder: str, name: str) -> str:
    """The address of `name` as written in a file of that folder: relative to it, absolute, or `gs://`."""
    if is_remote(name) or name.startswith("/"):
        return name
    return f"{folder.rstrip('/')}/{name}" if is_remote(folder) else str(Path(folder) / name)


def folder_of(address: str) -> str:
    """The address of the folder that a file stands in."""
    return address.rpartition("/")[0] if is_remote(address) else str(Path(address).parent)


def model_store_at(address: str) -> ModelStore:
    """A model registry by the path of its folder, or `gs://bucket`; raises ValueError."""
    if not is_remote(address):
        return FileStore(Path(address))
    from nevus.adapters.gcs import GcsStore

    bucket, key = bucket_and_key(address)
    if key:
        raise ValueError("a model registry in Cloud Storage is a whole bucket, gs://bucket")
    return GcsStore(bucket)
