"""Files in Cloud Storage by bucket and key, read and written as streams."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, TypeVar

import stamina
from google.cloud.storage import Blob

from nevus.adapters.gcs_cloud import cloud
from nevus.adapters.google_calls import ATTEMPTS, passes, reported
from nevus.adapters.places import checked_size
from nevus.ports import NotFound, PreconditionFailed

if TYPE_CHECKING:
    from typing_extensions import Buffer

T = TypeVar("T")

CHUNK = 1024 * 1024  # bytes; of a stream, since many may be open at once
DEADLINE = 60.0  # seconds for one request
ONCE: dict[str, Any] = {"timeout": DEADLINE, "retry": None}  # the client is not to repeat anything itself


def again(call: Callable[[], T]) -> T:
    """What `call` returns, which must be safe to repeat; raises what the last attempt raised."""
    for attempt in stamina.retry_context(on=passes, attempts=ATTEMPTS, timeout=2 * DEADLINE):
        with attempt:
            return call()
    raise AssertionError("the last attempt returns or raises")


class Bounded(io.BytesIO):
    """A buffer for `limit` bytes; a range asked for instead would have no checksum."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit

    def write(self, data: Buffer, /) -> int:
        """Gather; raises ValueError when it becomes too much."""
        written = super().write(data)
        checked_size(self.tell(), self._limit)
        return written


class CloudPlace:
    """A `Place` in a bucket."""

    def __init__(self, bucket: str, key: str) -> None:
        self._key = key
        with reported(bucket):
            self._bucket = cloud().client.bucket(bucket)

    @property
    def _blob(self) -> Blob:
        """Anew for each call, since one that was read or written stays with that generation."""
        return self._bucket.blob(self._key)

    def read(self, limit: int) -> bytes:
        """Whole, its checksum checked; raises ValueError for one of more than `limit` bytes."""
        with reported(self._key):
            return again(lambda: self._read(limit))

    def _read(self, limit: int) -> bytes:
        gathered = Bounded(limit)
        self._blob.download_to_file(gathered, checksum="crc32c", **ONCE)
        return gathered.getvalue()

    @contextmanager
    def reading(self) -> Iterator[IO[bytes]]:
        """Its bytes as a stream."""
        with reported(self._key), self._blob.open("rb", chunk_size=CHUNK) as file:
            yield file

    @contextmanager
    def writing(self) -> Iterator[IO[bytes]]:
        """A stream that replaces it at the end of the block; an error in the block cancels the upload."""
        with reported(self._key), self._blob.open("wb", chunk_size=CHUNK) as file:
            yield file

    def create(self, data: bytes) -> bool:
        """Write it unless it is there."""
        try:
            with reported(self._key):
                again(lambda: self._create(data))
        except PreconditionFailed:
            return False
        return True

    def _create(self, data: bytes) -> None:
        self._blob.upload_from_string(data, if_generation_match=0, checksum="crc32c", **ONCE)

    def delete(self) -> None:
        """Remove it; a missing one is fine."""
        try:
            with reported(self._key):
                again(lambda: self._blob.delete(**ONCE))
        except NotFound:
            return

    def names(self) -> Sequence[str]:
        """Names of the objects right under this key."""
        prefix = self._key.rstrip("/") + "/" if self._key else ""
        with reported(self._key):
            found = self._bucket.list_blobs(prefix=prefix, delimiter="/", timeout=DEADLINE)
            return sorted(blob.name.removeprefix(prefix) for blob in found)

    def mark(self) -> str:
        """Its generation."""
        blob = self._blob
        with reported(self._key):
            again(lambda: blob.reload(**ONCE))
        return str(blob.generation)
