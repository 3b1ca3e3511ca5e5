"""Answers about uploads. Written by `python -m deploy.contract write` from docs/openapi.json; not by hand."""

from __future__ import annotations

from datetime import datetime

from nevus_client.answer import Answer


class Upload(Answer):
    """How to send it: this method and these headers, once, until `expires_at`."""

    upload_id: str
    url: str
    method: str
    headers: dict[str, str]
    expires_at: datetime
    max_bytes: int
