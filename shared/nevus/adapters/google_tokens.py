"""Google ID tokens of the service account that this process runs as, for services that ask who calls."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from nevus.ports import Unavailable

log = logging.getLogger("nevus.google_tokens")
EARLY = timedelta(minutes=5)  # before the end, when the next token is fetched beside the requests
LAST_MOMENT = timedelta(seconds=10)
PAUSE = timedelta(seconds=1)  # after a fetch that failed


@dataclass(frozen=True)
class IdToken:
    """A token and when it ends."""

    text: str
    expires_at: datetime


def now() -> datetime:
    """The present moment in UTC."""
    return datetime.now(UTC)


def fetched(audience: str) -> IdToken:
    """From the metadata server, or as GOOGLE_APPLICATION_CREDENTIALS says; blocks. Raises GoogleAuthError."""
    import requests
    from google.auth.transport.requests import Request
    from google.oauth2.id_token import fetch_id_token_credentials

    with requests.Session() as session:
        credentials = fetch_id_token_credentials(audience, Request(session))
        credentials.refresh(Request(session))
    return IdToken(str(credentials.token), credentials.expiry.replace(tzinfo=UTC))


class IdTokens:
    """Tokens made for `audience`: one is used until shortly before its end, and fetched by one request at a time."""

    def __init__(
        self,
        audience: str,
        fetch: Callable[[str], IdToken] = fetched,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._audience = audience
        self._fetch_blocking = fetch
        self._clock = clock
        self._known: IdToken | None = None
        self._next_try = datetime.min.replace(tzinfo=UTC)
        self._fetching: asyncio.Task[None] | None = None

    async def token(self) -> str:
        """A token that is good now; raises Unavailable."""
        if not self._good(EARLY):
            fetching = self._begun()
            if not self._good(LAST_MOMENT) and fetching is not None:
                await asyncio.shield(fetching)
        if self._known is None or not self._good(LAST_MOMENT):
            raise Unavailable("there is no ID token to be had")
        return self._known.text

    def _good(self, margin: timedelta) -> bool:
        return self._known is not None and self._clock() < self._known.expires_at - margin

    def _begun(self) -> asyncio.Task[None] | None:
        """The fetch that is under way, or a new one if it is time."""
        if self._fetching is None or self._fetching.done():
            if self._clock() < self._next_try:
                return None
            self._fetching = asyncio.create_task(self._fetch())
        return self._fetching

    async def _fetch(self) -> None:
        from google.auth.exceptions import GoogleAuthError

        try:
            self._known = await asyncio.to_thread(self._fetch_blocking, self._audience)
        except (GoogleAuthError, OSError, ValueError) as error:  # those of requests are OSErrors
            log.warning("no ID token", extra={"cause": type(error).__name__})
            self._next_try = self._clock() + PAUSE
