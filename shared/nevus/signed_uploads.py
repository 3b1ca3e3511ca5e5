"""Uploads that go straight to the photo store, by a URL that was signed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable


@dataclass(frozen=True)
class SignedUpload:
    """How a client sends an object straight into the store, once, until `expires_at`.

    `url` may be relative: then it is one of the gateway's own. Every one of `headers` must be sent.
    """

    url: str
    method: str
    headers: Mapping[str, str]
    expires_at: datetime


@dataclass(frozen=True)
class UploadGrant:
    """What a signed URL of the gateway's own allows, until `expires` (Unix seconds)."""

    key: str
    content_type: str
    max_bytes: int
    expires: int


@runtime_checkable
class UploadVerifier(Protocol):
    """A photo store whose signed URLs are the gateway's own, so that the gateway takes the bytes."""

    def verify(self, grant: UploadGrant, signature: str) -> bool:
        """Whether the store has signed exactly that."""
