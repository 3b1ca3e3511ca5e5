"""Every error that a caller can meet, once: its type, status and title (RFC 9457). docs/api.md has a line for each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

MEDIA_TYPE = "application/problem+json"
SOON = 2.0  # seconds after which what is unavailable may be there again

TYPES: Mapping[str, tuple[int, str]] = {
    "malformed-request": (400, "What was sent is not HTTP"),
    "unauthorized": (401, "Who is calling is not known"),
    "forbidden": (403, "This role may not do that"),
    "cross-site-request": (403, "The request came from another site"),
    "upload-refused": (403, "The upload's URL does not allow this"),
    "not-found": (404, "There is no such thing"),
    "upload-missing": (404, "There is no such upload"),
    "no-heatmap": (404, "This prediction has no heat map"),
    "method-not-allowed": (405, "The resource does not take this method"),
    "request-timeout": (408, "The request took too long to arrive"),
    "upload-timeout": (408, "The upload took too long"),
    "training-run-active": (409, "A training run is under way"),
    "verdict-missing": (409, "This version has not been checked against the champion"),
    "verdict-failed": (409, "This version does not meet the bars for a champion"),
    "erased": (410, "This prediction was erased"),
    "precondition-failed": (412, "It has changed meanwhile"),
    "upload-exists": (412, "Something was uploaded there already"),
    "body-too-large": (413, "The request's body is too large"),
    "photo-too-large": (413, "The photo's file is too large"),
    "photo-too-many-pixels": (413, "The photo has too many pixels"),
    "photo-unsupported": (415, "The file is not a JPEG, PNG, WebP or HEIC photo"),
    "photo-animated": (415, "The file holds more than one picture"),
    "invalid-request": (422, "The request is not valid"),
    "photo-missing": (422, "There is no photo in the request"),
    "photo-unreadable": (422, "The photo cannot be read"),
    "photo-too-small": (422, "The photo is too small"),
    "idempotency-key-reused": (422, "This Idempotency-Key was used for another request"),
    "model-unusable": (422, "This model version must not be served"),
    "training-data-missing": (422, "There is nothing to train on"),
    "precondition-required": (428, "The request must say what it replaces"),
    "too-many-failures": (429, "Too many failed keys"),
    "too-many-uploads": (429, "Too many uploads wait to be assessed"),
    "headers-too-large": (431, "The request's line and headers are too large"),
    "too-many-requests": (429, "This caller's photos would keep others waiting"),
    "internal-error": (500, "Something went wrong here"),
    "busy": (503, "Too many requests at the moment"),
    "unavailable": (503, "A part of the service is down"),
}


class Problem(Exception):
    """An answer that is an error; `type` is a key of `TYPES`, `extra` are further members of the body."""

    def __init__(
        self,
        type: str,  # RFC 9457's own name
        detail: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        self.type = type
        self.status, self.title = TYPES[type]
        self.detail = detail
        self.headers = (come_again(SOON) if self.status == 503 else {}) | dict(headers or {})
        self.extra = dict(extra or {})
        super().__init__(f"{type}: {detail}")

    def body(self, request_id: str) -> dict[str, Any]:
        """The problem document."""
        document: dict[str, Any] = {"type": f"/problems/{self.type}", "title": self.title, "status": self.status}
        if self.detail:
            document["detail"] = self.detail
        return {**document, **self.extra, "request_id": request_id}


def busy(retry_after: float = 1.0) -> Problem:
    """503 at once, with the moment to try again."""
    return Problem("busy", "Please try again in a moment.", headers=come_again(retry_after))


def too_many(retry_after: float = 1.0) -> Problem:
    """429, where one caller's photos would take others' turns."""
    told = "Other callers' photos come first: send fewer at once."
    return Problem("too-many-requests", told, headers=come_again(retry_after))


def come_again(seconds: float) -> dict[str, str]:
    """The header, whose unit is a whole second."""
    return {"Retry-After": str(max(1, math.ceil(seconds)))}
