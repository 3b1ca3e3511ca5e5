"""The public keys of a token issuer, fetched over HTTP when they are needed and kept as long as the issuer says."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Mapping

import httpx
from jwt import PyJWK, PyJWKSet
from jwt.exceptions import PyJWTError

from nevus.ports import Unavailable

log = logging.getLogger("nevus.jwks")
TIMEOUT = 4.0
LIFETIME, SHORTEST, LONGEST = 3600.0, 60.0, 24 * 3600.0  # seconds: unless the issuer says, and what it may say
PAUSE = 60.0  # seconds between fetches while keys are known
PAUSE_WITHOUT_KEYS = 1.0
MAX_AGE = re.compile(r"(?:^|[\s,])max-age=(\d{1,9})")


class KeySet:
    """Keys by their id (`kid`) from a JSON Web Key Set at `url`.

    They are fetched anew when their lifetime is over or an id is not among them, at most once a minute and by one
    request at a time. While the issuer is down the last good ones are used.
    """

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._clock = clock
        self._keys: Mapping[str, PyJWK] = {}
        self._expires = self._next_try = clock()
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, kid: str) -> PyJWK | None:
        """The key of this id; None when the issuer has none. Raises Unavailable as long as no keys are known at all."""
        if kid not in self._keys or self._clock() >= self._expires:
            await self._refresh()
        if not self._keys:
            raise Unavailable("the token issuer's keys are not to be had")
        return self._keys.get(kid)

    async def _refresh(self) -> None:
        """Join the fetch that is under way, or begin one if it is time; who joins may leave without ending it."""
        if self._fetching is None or self._fetching.done():
            if self._clock() < self._next_try:
                return
            self._fetching = asyncio.create_task(self._fetch())
        await asyncio.shield(self._fetching)

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(TIMEOUT), httpx.AsyncClient() as client:
                answer = (await client.get(self._url)).raise_for_status()
            self._keys = keys_of(answer)
            self._expires = self._clock() + lifetime_of(answer)
        except (httpx.HTTPError, TimeoutError, PyJWTError, ValueError, TypeError, AttributeError) as error:
            log.warning("the token issuer's keys could not be fetched", extra={"cause": type(error).__name__})
        self._next_try = self._clock() + (PAUSE if self._keys else PAUSE_WITHOUT_KEYS)


def keys_of(answer: httpx.Response) -> Mapping[str, PyJWK]:
    """Keys that have an id and are for signatures; raises PyJWTError, ValueError, TypeError or AttributeError."""
    usable = (key for key in PyJWKSet.from_dict(answer.json()) if key.public_key_use in (None, "sig"))
    keys = {key.key_id: key for key in usable if isinstance(key.key_id, str)}
    if not keys:
        raise ValueError("a key set without keys")
    return keys


def lifetime_of(answer: httpx.Response) -> float:
    """Seconds for which these keys may be used, by Cache-Control and Age."""
    said, age = MAX_AGE.search(answer.headers.get("Cache-Control", "")), answer.headers.get("Age", "0")
    seconds = float(said[1]) - (float(age) if age.isdecimal() else 0.0) if said else LIFETIME
    return min(max(seconds, SHORTEST), LONGEST)
