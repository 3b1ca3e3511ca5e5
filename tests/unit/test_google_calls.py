from __future__ import annotations

import asyncio
import logging

import pytest
import requests
import urllib3
from google.api_core import exceptions as api
from google.auth import exceptions as auth

from nevus.adapters.google_calls import Damaged, passes, repeated, reported
from nevus.ports import AlreadyExists, NotFound, PortError, PreconditionFailed, Unavailable

pytestmark = pytest.mark.usefixtures("no_pauses")

PASSING = [
    api.TooManyRequests("slower"),
    api.ResourceExhausted("slower"),
    api.ServiceUnavailable("down"),
    api.Aborted("contention"),
    api.DeadlineExceeded("late"),
    api.from_http_status(408, "late"),
    requests.ConnectionError(),
    requests.ReadTimeout(),
    urllib3.exceptions.ProtocolError("cut"),
    auth.TransportError("metadata server"),
    ConnectionResetError(),
    Damaged("checksum"),
]
LASTING = [api.Forbidden("no"), api.BadRequest("what"), auth.DefaultCredentialsError("none"), ValueError("ours")]


@pytest.mark.parametrize("error", PASSING, ids=lambda error: type(error).__name__)
async def test_a_failure_that_passes_is_tried_again_and_then_unavailable(error: Exception) -> None:
    calls = []

    async def call() -> None:
        calls.append(1)
        raise error

    with pytest.raises(Unavailable), reported("object"):
        await repeated(call)
    assert len(calls) == 4


@pytest.mark.parametrize("error", LASTING, ids=lambda error: type(error).__name__)
def test_other_failures_do_not_pass(error: Exception) -> None:
    assert not passes(error)


@pytest.mark.parametrize(
    ("error", "port"),
    [
        (api.NotFound("x"), NotFound),
        (api.AlreadyExists("x"), AlreadyExists),
        (api.PreconditionFailed("x"), PreconditionFailed),
        (api.FailedPrecondition("x"), PreconditionFailed),
        (api.Forbidden("x"), Unavailable),
    ],
)
def test_the_ports_have_words_for_them(error: Exception, port: type[PortError]) -> None:
    with pytest.raises(port), reported("object"):
        raise error


async def test_a_call_that_never_ends_is_unavailable_in_time() -> None:
    with pytest.raises(Unavailable), reported("object"):
        await repeated(asyncio.Event().wait, within=0.05)


async def test_a_repetition_logs_nothing_of_what_is_sent(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    answers = iter([api.ServiceUnavailable("down"), None])
    photo = b"a person's photo"

    async def call() -> bytes:
        if error := next(answers):
            raise error
        return photo

    assert await repeated(call) == photo
    assert any(record.name == "stamina" for record in caplog.records)
    assert all("person" not in str(vars(record)) for record in caplog.records)
