"""Every way in which the service declines a request: its HTTP status and its name in the log and in the metrics."""

from __future__ import annotations


class Refusal(Exception):
    """Answered as `{"error": message}` with `status`."""

    status = 400
    outcome = "malformed"
    retry_after: int | None = None

    def __init__(self, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        if retry_after is not None:
            self.retry_after = max(1, retry_after)


class Malformed(Refusal):
    """Not a request of the protocol, or not one for this model."""


class Stranger(Refusal):
    """No ID token of a service account, or none that holds."""

    status = 401
    outcome = "stranger"


class Uninvited(Refusal):
    """A service account that is not on the list."""

    status = 403
    outcome = "uninvited"


class UnknownModel(Refusal):
    """No such model or version is served."""

    status = 404
    outcome = "unknown_model"


class TooLarge(Refusal):
    """The body is over the limit."""

    status = 413
    outcome = "too_large"


class Encoded(Refusal):
    """The body is compressed."""

    status = 415
    outcome = "encoded"


class Unreadable(Refusal):
    """The photo can never be read."""

    status = 422
    outcome = "unreadable"


class Unusable(Refusal):
    """The canary that is asked for does not load, or is not what its hashes say."""

    status = 503
    outcome = "unusable"
    retry_after = 10


class Loading(Refusal):
    """The canary that is asked for is not warm yet."""

    status = 503
    outcome = "loading"
    retry_after = 1


class Full(Refusal):
    """The queue is full."""

    status = 503
    outcome = "full"
    retry_after = 1


class Late(Refusal):
    """The caller's deadline passed before an interpreter was free."""

    status = 503
    outcome = "late"
    retry_after = 1


class NotReady(Refusal):
    """No version is loaded, or the service is stopping."""

    status = 503
    outcome = "not_ready"
    retry_after = 2


class CallerGone(Refusal):
    """Nobody reads this answer; 499 as nginx logs it."""

    status = 499
    outcome = "gone"
