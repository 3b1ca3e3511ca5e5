"""Asking, and asking again: what is busy after the time that it says, what was lost with growing pauses.

Nothing here makes a second record: what is asked again carries the same Idempotency-Key, or changes nothing by it.
"""

from __future__ import annotations

import email.utils
import itertools
import random
import re
import time
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any, TypeVar

import httpx
from pydantic import TypeAdapter, ValidationError

from nevus_client.errors import NevusError, Refused, Unexpected, Unreachable, refusal

T = TypeVar("T")
PASSING = frozenset({408, 502, 503, 504})
NOT_KEPT = frozenset({408, 429, 503})  # after these nothing was kept, whatever the request was
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 8.0  # seconds


class Connection:
    """To one service, with one key; may be used by many threads at once."""

    def __init__(self, url: str, key: str, *, timeout: float, patience: float) -> None:
        """Raises ValueError for an address or a key that cannot be one."""
        if not re.match(r"https?://[^/\s]", url):
            raise ValueError("the address must begin with http:// or https://")
        if not re.fullmatch(r"[\x21-\x7e]+", key):
            raise ValueError("the key must be visible ASCII characters, without a space")  # and is never shown
        self.url = url.rstrip("/")
        self._key = key
        self.patience = patience
        limits = httpx.Timeout(timeout, connect=min(timeout, 10.0))
        self._http = httpx.Client(timeout=limits, headers={"User-Agent": "nevus-client/0.1"})

    def close(self) -> None:
        """Let go of all connections."""
        self._http.close()

    def ask(
        self,
        method: str,
        path: str,
        *,
        repeatable: bool = True,
        after_lost: Collection[int] = (),
        headers: dict[str, str] | None = None,
        **sent: Any,
    ) -> httpx.Response:
        """The answer of success to a request; raises `Refused`, `Busy` or `Unreachable`.

        Unless `repeatable`, what may have arrived is not sent again. A status of `after_lost` counts as success when
        the answer before it was lost: then it says that the request before had arrived.
        """
        own = {"Authorization": f"Bearer {self._key}"} | (headers or {})
        return self._send(method, self.url + path, repeatable, after_lost, headers=own, **sent)

    def send(self, method: str, url: str, headers: dict[str, str], content: bytes) -> None:
        """To a signed URL, wherever it leads: without the key. Once it is there it is (412)."""
        self._send(method, url, True, (412,), headers=headers, content=content)

    def _send(
        self, method: str, url: str, repeatable: bool, after_lost: Collection[int], **sent: Any
    ) -> httpx.Response:
        end = time.monotonic() + self.patience
        lost = False
        for attempt in itertools.count():
            failure, cause, pause = self._once(method, url, repeatable, attempt, **sent)
            if isinstance(failure, httpx.Response):
                return failure
            if isinstance(failure, Refused) and lost and failure.status in after_lost:
                return httpx.Response(failure.status)
            lost = lost or (cause is not None and not isinstance(cause, NOT_SENT))
            if pause is None or time.monotonic() + pause > end:
                raise failure from cause
            time.sleep(pause)
        raise AssertionError("the loop has no end")

    def _once(
        self, method: str, url: str, repeatable: bool, attempt: int, **sent: Any
    ) -> tuple[httpx.Response | NevusError, httpx.TransportError | None, float | None]:
        """The answer, or what came instead, why, and the seconds after which to ask again, if at all."""
        growing = min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        try:
            answer = self._http.request(method, url, **sent)
        except httpx.TransportError as error:
            again = repeatable or isinstance(error, NOT_SENT)
            return Unreachable(f"{origin(url)} does not answer: {plainly(error)}"), error, growing if again else None
        if answer.is_success:
            return answer, None, None
        told = retry_after(answer)
        again = answer.status_code in PASSING or (answer.status_code == 429 and told is not None)
        if not repeatable and answer.status_code not in NOT_KEPT:
            again = False
        return refusal(answer), None, (growing if told is None else told) if again else None


def retry_after(answer: httpx.Response) -> float | None:
    """Seconds that the header names, as such or by a date; None without one that can be read."""
    said = answer.headers.get("retry-after", "").strip()
    if said.isascii() and said.isdigit():
        return float(said)
    try:
        return max(0.0, (email.utils.parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def read(kind: type[T], answer: httpx.Response) -> T:
    """The body as a value of this type; raises `Unexpected`."""
    try:
        return TypeAdapter(kind).validate_json(answer.content)
    except ValidationError as error:
        raise Unexpected(f"{answer.url.host} does not answer as Nevus does: {error.errors()[0]['msg']}") from error


def origin(url: str) -> str:
    """Scheme, host and port: what else is in a URL may be a secret."""
    return "/".join(url.split("/")[:3])


def plainly(error: httpx.TransportError) -> str:
    """In words."""
    if isinstance(error, httpx.ConnectError):
        return "no connection"
    return "it took too long" if isinstance(error, httpx.TimeoutException) else "the connection was lost"
