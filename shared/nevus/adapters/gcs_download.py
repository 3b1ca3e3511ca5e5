"""One object on its way from Cloud Storage."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from google.cloud.storage.exceptions import DataCorruption

from nevus.adapters.gcs_cloud import Clock, Cloud, Patience
from nevus.adapters.google_calls import Damaged
from nevus.ports import StoredObject

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class Sink(io.BytesIO):
    """Takes what arrives; raises TimeoutError when it arrives too slowly."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def write(self, chunk: ReadableBuffer, /) -> int:
        """As BytesIO does."""
        self._clock.check(self.tell())
        return super().write(chunk)


class Download:
    """A get. Its attempts are made one after another, in threads."""

    def __init__(self, bucket: str, key: str, patience: Patience) -> None:
        self._bucket = bucket
        self._key = key
        self._patience = patience
        self._clock = Clock(patience.within)

    def attempt(self, cloud: Cloud) -> StoredObject:
        """The whole object as it is stored; raises as Google's clients do, Damaged, and TimeoutError.

        Nothing is decompressed: whoever uploads directly could name an encoding that inflates beyond all memory.
        """
        self._clock.check()
        blob = cloud.client.bucket(self._bucket).blob(self._key)
        sink = Sink(self._clock)
        try:
            blob.download_to_file(sink, raw_download=True, checksum="crc32c", **self._patience.options)
        except DataCorruption as error:
            raise Damaged(self._key) from error
        return StoredObject(sink.getvalue(), blob.generation)
