"""Failed keys, tokens, sessions and links: how many an address, or secrets of one beginning, may send in a minute.

More are answered 429. Whoever holds a right one is let in all the same: what is long enough that nobody guesses it, and
what was let in before, is always looked up. Only short secrets, which an operator chose, are not looked up while there
are too many failures: those can be guessed. docs/signing-in.md argues it.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TypeVar

from gateway.problems import Problem

A_MINUTE = 30
MINUTE = 60.0
ROUNDING = 1e-3
STRONG = 32  # characters of a secret at least that nobody guesses
BEGINNING = 8  # characters by which guesses of one key from many addresses belong together
REMEMBERED = 10_000  # addresses and beginnings with failures, the latest
HELD = 1_000  # short secrets that were let in, the latest
Known = TypeVar("Known")
Name = TypeVar("Name")
Value = TypeVar("Value")


class Failures:
    """Counts failures in a leaky bucket each; of a bounded number of addresses and beginnings, in memory alone."""

    def __init__(self, a_minute: int = A_MINUTE, clock: Callable[[], float] = time.monotonic) -> None:
        self._each = MINUTE / a_minute  # seconds until a failure is forgotten
        self._clock = clock
        self._forgotten: OrderedDict[str, float] = OrderedDict()  # when the last of its failures is
        self._held: OrderedDict[bytes, None] = OrderedDict()

    async def known(
        self, secret: str, address: str, identify: Callable[[str], Awaitable[Known | None]]
    ) -> Known | None:
        """Whom `identify` knows by this secret; None, and a failure more, where nobody.

        Raises Problem `too-many-failures`, and what `identify` raises.
        """
        names = (f"from {network_of(address)}", f"like {beginning_of(secret)}")
        if len(secret) < STRONG and digest(secret) not in self._held:
            self._refuse_more(names)
        found = await identify(secret)
        if found is None:
            self._refuse_more(names)
            self._count(names)
        elif len(secret) < STRONG:
            keep(self._held, digest(secret), None, HELD)
        return found

    def _refuse_more(self, names: tuple[str, ...]) -> None:
        now = self._clock()
        wait = max(self._forgotten.get(name, now) for name in names) + self._each - now - MINUTE
        if wait > ROUNDING:
            raise too_many(wait)

    def _count(self, names: tuple[str, ...]) -> None:
        now = self._clock()
        for name in names:
            keep(self._forgotten, name, max(self._forgotten.get(name, now), now) + self._each, REMEMBERED)


def keep(kept: OrderedDict[Name, Value], name: Name, value: Value, most: int) -> None:
    """As the latest; the oldest over `most` is dropped."""
    kept[name] = value
    kept.move_to_end(name)
    if len(kept) > most:
        kept.popitem(last=False)


def network_of(address: str) -> str:
    """Whoever has one address of IPv6 mostly has the 2^64 beside it."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped) if mapped else str(ip_network((int(parsed), 64), strict=False))
    return address


def beginning_of(secret: str) -> str:
    """Tokens of an issuer all begin alike: they belong together by nothing but their end."""
    return digest(secret).hex() if secret.count(".") == 2 else secret[:BEGINNING]


def digest(secret: str) -> bytes:
    """By which a secret is remembered."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).digest()


def too_many(wait: float) -> Problem:
    """429, with the moment at which another failure would be answered as such."""
    told = "Too many failed keys came from here, or began like this one. Please look at your key, and wait."
    return Problem("too-many-failures", told, headers={"Retry-After": str(math.ceil(wait))})
