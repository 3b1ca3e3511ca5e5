"""One object on its way to Cloud Storage: what an attempt needs to know of those before it."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import google_crc32c
from google.api_core import exceptions as api
from google.cloud.storage import Blob

from nevus.adapters.gcs_cloud import Clock, Cloud, Patience
from nevus.adapters.google_calls import Damaged

CHUNK = 8 * 1024 * 1024  # bytes; a larger object goes chunk by chunk, and on from where it was cut
CONTENT_TYPE = "application/octet-stream"
ARRIVED = re.compile(r"bytes=0-(\d+)")


@dataclass(frozen=True)
class Stored:
    """What the store says of an object; hashes in base64."""

    generation: int
    size: int
    crc32c: str | None
    md5: str | None

    @classmethod
    def of(cls, resource: Mapping[str, Any]) -> Stored:
        """From the API's own words."""
        return cls(int(resource["generation"]), int(resource["size"]), resource.get("crc32c"), resource.get("md5Hash"))

    @classmethod
    def of_blob(cls, blob: Blob) -> Stored:
        """From a blob that was sent or asked for."""
        return cls(blob.generation, blob.size, blob.crc32c, blob.md5_hash)


class Upload:
    """A put. Its attempts are made one after another, in threads."""

    def __init__(self, bucket: str, key: str, data: bytes, if_generation: int | None, patience: Patience) -> None:
        self._bucket = bucket
        self._key = key
        self._data = data
        self._patience = patience
        self._options = patience.options | {"if_generation_match": if_generation, "checksum": "crc32c"}
        self._clock = Clock(patience.within)
        self._tried = False
        self._session_url = ""

    def attempt(self, cloud: Cloud) -> int:
        """The object's generation; raises as Google's clients do, and Damaged.

        A precondition that fails after an earlier attempt may have been failed by that attempt: when the object is
        there with our bytes, it is ours.
        """
        self._clock.check()
        blob = cloud.client.bucket(self._bucket).blob(self._key)
        repetition, self._tried = self._tried, True
        try:
            stored = self._send(cloud, blob)
        except api.PreconditionFailed:
            if repetition and (found := self._find(blob)) and self._is_ours(found):
                return found.generation
            raise
        except api.BadRequest as error:
            if "crc32c" in str(error).lower():
                raise self._damaged() from error
            raise
        if (stored.size, stored.crc32c) != (len(self._data), self._crc32c):
            raise self._damaged(stored.generation)
        return stored.generation

    @cached_property
    def _crc32c(self) -> str:
        return base64.b64encode(google_crc32c.Checksum(self._data).digest()).decode()

    def _damaged(self, generation: int | None = None) -> Damaged:
        """All of it is to be sent again, in place of the damaged object if that was stored."""
        self._session_url = ""
        if generation and self._options["if_generation_match"] is not None:
            self._options["if_generation_match"] = generation
        return Damaged(self._key)

    def _find(self, blob: Blob) -> Stored | None:
        try:
            blob.reload(**self._patience.options)
        except api.NotFound:
            return None
        return Stored.of_blob(blob)

    def _is_ours(self, found: Stored) -> bool:
        md5 = base64.b64encode(hashlib.md5(self._data, usedforsecurity=False).digest()).decode()
        same = (found.size, found.crc32c) == (len(self._data), self._crc32c)
        return same and found.md5 in {None, md5}

    def _send(self, cloud: Cloud, blob: Blob) -> Stored:
        if len(self._data) > CHUNK:
            return self._send_in_chunks(cloud, blob)
        blob.upload_from_string(self._data, content_type=CONTENT_TYPE, **self._options)
        return Stored.of_blob(blob)

    def _send_in_chunks(self, cloud: Cloud, blob: Blob) -> Stored:
        """By a resumable session; an attempt that follows a cut one asks where it stands and goes on from there."""
        if self._session_url:
            answer = self._ask(cloud)
        else:
            self._session_url = blob.create_resumable_upload_session(
                CONTENT_TYPE, size=len(self._data), **self._options
            )
            answer = 0
        while isinstance(answer, int):
            self._clock.check(answer)
            sent, answer = answer, self._send_chunk(cloud, answer)
            if isinstance(answer, int) and answer <= sent:
                raise api.ServiceUnavailable("the upload does not go on")
        return answer

    def _ask(self, cloud: Cloud) -> int | Stored:
        return self._answer(cloud, b"", {"Content-Range": f"bytes */{len(self._data)}"})

    def _send_chunk(self, cloud: Cloud, start: int) -> int | Stored:
        chunk, total = self._data[start : start + CHUNK], len(self._data)
        headers = {"Content-Range": f"bytes {start}-{start + len(chunk) - 1}/{total}"}
        if start + len(chunk) == total:
            headers["x-goog-hash"] = f"crc32c={self._crc32c}"
        return self._answer(cloud, chunk, headers)

    def _answer(self, cloud: Cloud, body: bytes, headers: dict[str, str]) -> int | Stored:
        """How many bytes have arrived, or the object when that is all."""
        answer = cloud.session.put(
            self._session_url, data=body, headers=headers, timeout=self._patience.timeout, allow_redirects=False
        )
        if answer.status_code == 308:
            arrived = ARRIVED.match(answer.headers.get("Range", ""))
            return int(arrived[1]) + 1 if arrived else 0
        if answer.status_code in {404, 410}:  # the session is gone, so all of it is sent again
            raise self._damaged()
        if not answer.ok:
            raise api.from_http_response(answer)
        return Stored.of(answer.json())
