"""What the adapters of Google's services share: which failures pass, their repetition, their names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import requests
import stamina
from google.api_core import exceptions as api
from google.auth import exceptions as auth

from nevus.ports import NotFound, PreconditionFailed, Unavailable

TRANSIENT = (
    api.TooManyRequests,
    api.InternalServerError,
    api.BadGateway,
    api.ServiceUnavailable,
    api.GatewayTimeout,
    api.RetryError,
    auth.TransportError,
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
)
ATTEMPTS = 4
DEADLINE = 10.0  # seconds for all attempts of one call

again = stamina.retry(
    on=TRANSIENT, attempts=ATTEMPTS, timeout=DEADLINE, wait_initial=0.1, wait_max=2.0, wait_jitter=0.5, wait_exp_base=2
)
"""Decorates a call that is safe to repeat: exponential pauses with jitter, within a deadline."""


@contextmanager
def reported(what: str) -> Iterator[None]:
    """Say in the ports' words what Google's clients say; `what` names the object or the service."""
    try:
        yield
    except api.NotFound as error:
        raise NotFound(what) from error
    except api.PreconditionFailed as error:
        raise PreconditionFailed(what) from error
    except (api.GoogleAPIError, auth.GoogleAuthError, requests.RequestException) as error:
        raise Unavailable(f"{what}: {type(error).__name__}") from error
