"""Reading a request's body with its limits, in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from starlette.requests import ClientDisconnect, Request

from gateway.problems import Problem


async def limited(request: Request, at_most: int, too_much: Problem) -> AsyncGenerator[bytes, None]:
    """The body's chunks; raises `too_much` as soon as there are more than `at_most` bytes."""
    length = request.headers.get("content-length", "0")
    read = 0
    if length.isdigit() and int(length) > at_most:
        raise too_much
    async for chunk in request.stream():
        read += len(chunk)
        if read > at_most:
            raise too_much
        yield chunk


async def read_body(request: Request, at_most: int, too_much: Problem, *, timeout: float) -> bytes:
    """The whole body; raises Problem: `too_much`, `upload-timeout`, `invalid-request` when it is cut short."""
    try:
        async with asyncio.timeout(timeout):
            return b"".join([chunk async for chunk in limited(request, at_most, too_much)])
    except TimeoutError:
        raise too_slow() from None
    except ClientDisconnect as error:
        raise Problem("invalid-request", "The body is incomplete.") from error


async def refuse_body(request: Request, instead: str) -> None:
    """Where none is taken one must not be ignored either: it may ask for something. Raises `invalid-request`."""
    try:
        async for chunk in request.stream():
            if chunk:
                raise Problem("invalid-request", f"This takes no body: {instead}.")
    except ClientDisconnect:
        return


def too_slow() -> Problem:
    """408."""
    return Problem("upload-timeout", "Sending the photo took too long.")
