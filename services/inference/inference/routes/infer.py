"""One photo in, one measurement out."""

from __future__ import annotations

import logging
import time

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from inference.asking import work_of
from inference.metrics import REQUESTS
from inference.refusals import CallerGone, Encoded, Late, Malformed, Refusal, TooLarge
from inference.routes.answers import model_of, refused, service_of, with_request_id
from nevus.measurement_tensors import to_response
from nevus.oip import HEADER_LENGTH, Body, decode_request, encode_response
from nevus.oip_tensors import OipError
from nevus.telemetry import REQUEST_ID_HEADER, accept_request_id, request_id

TIMEOUT_HEADER = "Nevus-Timeout-Ms"
MAX_TIMEOUT_DIGITS = 8

logger = logging.getLogger("inference")


async def infer(request: Request) -> Response:
    """Answer, count and log one inference request."""
    begun = time.perf_counter()
    request_id.set(accept_request_id(request.headers.get(REQUEST_ID_HEADER)))
    outcome = "error"
    try:
        body = await answered(request, begun)
        outcome = "ok"
        return with_request_id(Response(body.data, headers=body.headers()))
    except Refusal as refusal:
        outcome = refusal.outcome
        return refused(refusal)
    finally:
        REQUESTS.labels(outcome).inc()
        milliseconds = round(1000 * (time.perf_counter() - begun), 1)
        logger.info("infer", extra={"outcome": outcome, "milliseconds": milliseconds})


async def answered(request: Request, begun: float) -> Body:
    """The answer's body; raises Refusal."""
    service, timeout = service_of(request), timeout_of(request)
    await service.follower.follow(timeout)
    service.canary.tend()
    served = await model_of(request)
    served.desk.check(timeout)
    data = await body_of(request, service.settings.max_body)
    try:
        asked = decode_request(data, request.headers.get(HEADER_LENGTH))
        work = work_of(asked)
        remaining = None if timeout is None else begun + timeout - time.perf_counter()
        if remaining is not None and remaining <= 0:
            raise Late("the deadline has passed")
        found = await served.desk.measure(served.loaded, work, gone=departure(request), timeout=remaining)
        return encode_response(to_response(found), asked)
    except OipError as error:
        raise Malformed(str(error)) from error


def timeout_of(request: Request) -> float | None:
    """Seconds that the caller waits; raises Malformed."""
    text = request.headers.get(TIMEOUT_HEADER)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_TIMEOUT_DIGITS):
        raise Malformed(f"{TIMEOUT_HEADER} is not a number of milliseconds")
    return int(text) / 1000


async def body_of(request: Request, limit: int) -> bytes:
    """The whole body; raises Encoded, TooLarge, CallerGone."""
    if request.headers.get("content-encoding", "identity") != "identity":
        raise Encoded("a compressed body is not accepted; photos are compressed already")
    if int(request.headers.get("content-length", 0)) > limit:
        raise TooLarge(f"the body is larger than {limit} bytes")
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise TooLarge(f"the body is larger than {limit} bytes")
    except ClientDisconnect as error:
        raise CallerGone("the caller is gone") from error
    return bytes(body)


async def departure(request: Request) -> None:
    """Returns when the caller has hung up."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
