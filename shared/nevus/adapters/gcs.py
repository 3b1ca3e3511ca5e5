"""Objects in a bucket of Cloud Storage, and the signed uploads of photos."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Lock
from typing import TypeVar

from google.api_core import exceptions as api
from google.auth.credentials import Signing
from google.cloud.storage import Blob

from nevus.adapters.gcs_cloud import SLOWEST, Cloud, Patience, cloud
from nevus.adapters.gcs_download import Download
from nevus.adapters.gcs_signing import own_signer, throwaway_signer
from nevus.adapters.gcs_upload import Upload
from nevus.adapters.google_calls import reported
from nevus.adapters.object_keys import checked_key
from nevus.ports import NotFound, PreconditionFailed, StoredObject, Unavailable
from nevus.signed_uploads import SignedUpload

T = TypeVar("T")

PAGE = 1000  # names
FIELDS = "items(name,timeCreated),nextPageToken"
LARGEST = 128 * 1024 * 1024  # bytes that a read may take its time for, when they come


class GcsStore:
    """An `ObjectStore` in a bucket; with `impersonate` in the name of that service account.

    Every call has a deadline, and is repeated while its failure is one that passes. What is sent and what is read is
    checked by CRC32C. A write that failed as Unavailable may still have happened, as with every store.
    """

    def __init__(self, bucket: str, *, impersonate: str | None = None, patience: Patience | None = None) -> None:
        self._bucket = bucket
        self._cloud = cloud(impersonate)
        self._patience = patience or Patience()

    async def put(self, key: str, data: bytes, *, if_generation: int | None = None) -> int:
        """Write and return the new generation; raises PreconditionFailed, ValueError on a bad key, Unavailable."""
        upload = Upload(self._bucket, checked_key(key), data, if_generation, self._patience)
        try:
            return await self._call(key, upload.attempt, size=len(data))
        except NotFound as error:
            raise Unavailable(f"{self._bucket} is no bucket") from error

    async def get(self, key: str) -> StoredObject:
        """Read whole; raises NotFound, ValueError on a bad key, Unavailable."""
        download = Download(self._bucket, checked_key(key), self._patience)
        return await self._call(key, download.attempt, size=LARGEST)

    async def delete(self, key: str, *, before: datetime | None = None) -> None:
        """Remove; a missing object is fine. With `before`, only if it was last written before that moment.

        Raises ValueError on a bad key, Unavailable.
        """
        with suppress(NotFound, PreconditionFailed):
            await self._call(checked_key(key), partial(self._delete, key, before))

    async def list(self, prefix: str, *, before: datetime | None = None) -> Sequence[str]:
        """Sorted keys that begin with `prefix`; with `before`, last written before that moment. Raises Unavailable."""
        keys: list[str] = []
        token: str | None = None
        while True:
            blobs, token = await self._call(prefix, partial(self._page, prefix, token))
            keys += [blob.name for blob in blobs if is_key(blob.name) and (not before or blob.time_created < before)]
            if not token:
                return sorted(keys)

    async def _call(self, what: str, work: Callable[[Cloud], T], *, size: int = 0) -> T:
        with reported(f"{self._bucket}/{what}"), bucket_is_there():
            return await self._cloud.call(work, within=self._patience.within + size / SLOWEST)

    def _delete(self, key: str, before: datetime | None, cloud: Cloud) -> None:
        blob, expected = cloud.client.bucket(self._bucket).blob(key), None
        if before is not None:
            blob.reload(**self._patience.options)
            if blob.time_created >= before:
                return
            expected = blob.generation
        blob.delete(if_generation_match=expected, **self._patience.options)

    def _page(self, prefix: str, token: str | None, cloud: Cloud) -> tuple[Sequence[Blob], str | None]:
        pages = cloud.client.list_blobs(
            self._bucket, prefix=prefix, page_token=token, page_size=PAGE, fields=FIELDS, **self._patience.options
        )
        return tuple(next(pages.pages)), pages.next_page_token


class GcsPhotos(GcsStore):
    """A `PhotoStore` in a bucket. `signer` signs uploads: unless given, the service's own account."""

    def __init__(self, bucket: str, *, signer: Signing | None = None, patience: Patience | None = None) -> None:
        super().__init__(bucket, patience=patience)
        self._signer = signer
        self._lock = Lock()

    async def sign_upload(self, key: str, *, content_type: str, max_bytes: int, lifetime: timedelta) -> SignedUpload:
        """Let whoever holds the answer create that object; raises ValueError on a bad key, Unavailable.

        The store refuses another type, another size and a second upload, because what says so is signed.
        """
        headers = {
            "Content-Type": content_type,
            "x-goog-content-length-range": f"1,{max_bytes}",
            "x-goog-if-generation-match": "0",
        }
        expires_at = datetime.now(UTC).replace(microsecond=0) + lifetime  # a signature counts whole seconds
        url = await self._call(checked_key(key), partial(self._sign, key, headers, lifetime))
        return SignedUpload(url, "PUT", headers, expires_at)

    def _sign(self, key: str, headers: dict[str, str], lifetime: timedelta, cloud: Cloud) -> str:
        with self._lock:
            self._signer = self._signer or self._new_signer()
        blob = cloud.client.bucket(self._bucket).blob(key)
        return str(
            blob.generate_signed_url(
                version="v4", method="PUT", expiration=lifetime, headers=dict(headers), credentials=self._signer
            )
        )

    def _new_signer(self) -> Signing:
        return throwaway_signer() if self._cloud.emulator else own_signer(self._patience.silence)


def is_key(name: str) -> bool:
    """Whether an object has a name that a store may have given it; consoles make `folder/` objects."""
    try:
        return bool(checked_key(name))
    except ValueError:
        return False


@contextmanager
def bucket_is_there() -> Iterator[None]:
    """A missing bucket is a fault of ours, never a missing object: raises Unavailable for it."""
    try:
        yield
    except api.NotFound as error:
        if "bucket does not exist" in str(error):
            raise Unavailable("no such bucket") from error
        raise
