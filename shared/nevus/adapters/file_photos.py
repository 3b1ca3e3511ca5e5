"""Photos as plain files, with uploads that the gateway itself takes: its signed URLs are its own."""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import os
import secrets
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

from nevus.adapters.files import FileStore, sync_folder
from nevus.adapters.object_keys import checked_key
from nevus.signed_uploads import SignedUpload, UploadGrant

UPLOAD_PATH = "/v1/uploads/content"
KEPT_AT = ".upload-secret"  # hidden: no object can have that name
SECRET_BYTES = 32


class FilePhotos(FileStore):
    """A `PhotoStore` under `root`; all processes on one root know each other's signatures."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._secret = self._shared_secret()

    async def sign_upload(self, key: str, *, content_type: str, max_bytes: int, lifetime: timedelta) -> SignedUpload:
        """A relative URL of the gateway; whoever takes it there asks `verify`. Raises ValueError on a bad key."""
        expires = math.ceil((datetime.now(UTC) + lifetime).timestamp())
        grant = UploadGrant(checked_key(key), content_type, max_bytes, expires)
        said = {
            "key": grant.key,
            "content_type": grant.content_type,
            "max_bytes": grant.max_bytes,
            "expires": grant.expires,
            "signature": self._signature(grant),
        }
        moment = datetime.fromtimestamp(expires, UTC)
        return SignedUpload(f"{UPLOAD_PATH}?{urlencode(said)}", "PUT", {"Content-Type": content_type}, moment)

    def verify(self, grant: UploadGrant, signature: str) -> bool:
        """Whether it was signed here, word for word; its expiry is the caller's to check."""
        return hmac.compare_digest(self._signature(grant).encode(), signature.encode())

    def _signature(self, grant: UploadGrant) -> str:
        said = ["PUT", grant.key, grant.content_type, grant.max_bytes, grant.expires]
        return hmac.new(self._secret, json.dumps(said).encode(), hashlib.sha256).hexdigest()

    def _shared_secret(self) -> bytes:
        """Made once; of several processes that start at the same time, the first one's counts."""
        path = self._root / KEPT_AT
        if not path.exists():
            with self._written(self._root, secrets.token_bytes(SECRET_BYTES)) as (temporary, _):
                with suppress(FileExistsError):
                    os.link(temporary, path)
                temporary.unlink()
                sync_folder(self._root)
        return path.read_bytes()
