"""What may come instead of an answer."""

from __future__ import annotations

import json
from typing import Any

import httpx

OWN = ("type", "title", "status", "detail", "request_id")


class NevusError(Exception):
    """Any of the following; the message is for people, and never holds a key."""


class Unreachable(NevusError):
    """No answer came, however often it was asked."""


class Unexpected(NevusError):
    """What answered is not Nevus, or of another version."""


class Refused(NevusError):
    """Nevus refused, with a problem of RFC 9457; docs/api.md lists every `type`.

    `request_id` finds the request in the service's log, `extra` holds what a type says beside the usual.
    """

    def __init__(self, status: int, document: dict[str, Any]) -> None:
        self.status = status
        self.type = str(document.get("type", "")).removeprefix("/problems/")
        self.title = str(document.get("title", f"HTTP status {status}"))
        self.detail = str(document.get("detail", ""))
        self.request_id = str(document.get("request_id", ""))
        self.extra = {name: value for name, value in document.items() if name not in OWN}
        super().__init__(f"{self.title}: {self.detail}" if self.detail else self.title)


class Busy(Refused):
    """Refused for now (429, 503 and what proxies answer in its place), for longer than patience lasts."""


def refusal(answer: httpx.Response) -> Refused:
    """The error that an answer is."""
    try:
        document = json.loads(answer.content)
    except ValueError:
        document = {}
    kind = Busy if answer.status_code in {408, 429, 502, 503, 504} else Refused
    return kind(answer.status_code, document if isinstance(document, dict) else {})
