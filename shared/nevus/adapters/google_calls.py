"""What the adapters of Google's services share: which failures pass, repetition, the ports' words for them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import requests
import stamina
import urllib3
from google.api_core import exceptions as api
from google.auth import exceptions as auth

from nevus.ports import AlreadyExists, NotFound, PreconditionFailed, Unavailable

T = TypeVar("T")

PASSING_CODES = frozenset({408, 429, 500, 502, 503, 504})
ATTEMPTS = 4
DEADLINE = 10.0  # seconds for all attempts of one call


class Damaged(Exception):
    """Bytes arrived that are not those that were sent."""


TRANSIENT = (
    Damaged,
    ConnectionError,
    auth.TransportError,
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
    urllib3.exceptions.HTTPError,
)
FAILURES = (api.GoogleAPIError, auth.GoogleAuthError, requests.RequestException, urllib3.exceptions.HTTPError)


def passes(error: Exception) -> bool:
    """Whether the same call may succeed a little later."""
    if isinstance(error, api.GoogleAPICallError):
        return error.code in PASSING_CODES or isinstance(error, api.Aborted)  # Firestore's word for contention
    if isinstance(error, auth.GoogleAuthError) and error.retryable:
        return True
    return isinstance(error, (*TRANSIENT, api.RetryError))


async def repeated(
    call: Callable[[], Awaitable[T]], *, attempts: int = ATTEMPTS, within: float = DEADLINE, pause: float = 0.1
) -> T:
    """What `call` returns, which must be safe to repeat: up to `attempts` times, after growing pauses with jitter.

    Raises what the last attempt raised, or TimeoutError after `within` seconds for all of them. It takes no
    arguments of the call, because what is to be repeated is logged with its arguments.
    """
    async with asyncio.timeout(within):
        async for attempt in stamina.retry_context(
            on=passes, attempts=attempts, timeout=within, wait_initial=pause, wait_max=2.0, wait_jitter=0.5
        ):
            with attempt:
                return await call()
    raise AssertionError("the last attempt returns or raises")


@contextmanager
def reported(what: str) -> Iterator[None]:
    """Say in the ports' words what Google's clients say; `what` names the object or the service."""
    try:
        yield
    except api.NotFound as error:
        raise NotFound(what) from error
    except api.AlreadyExists as error:
        raise AlreadyExists(what) from error
    except (api.PreconditionFailed, api.FailedPrecondition) as error:
        raise PreconditionFailed(what) from error
    except auth.DefaultCredentialsError as error:
        raise Unavailable(f"{what}: no Google credentials are found") from error
    except (*FAILURES, Damaged, OSError) as error:  # TimeoutError and ConnectionError are OSErrors
        raise Unavailable(f"{what}: {type(error).__name__}") from error
