"""The inference service over HTTP, on a Unix socket or TCP: the Open Inference Protocol with binary tensors."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from nevus.adapters.http_connections import Answer, Connections
from nevus.domain import Measurement, ModelRef
from nevus.measurement_tensors import from_response
from nevus.oip import HEADER_LENGTH, Request, decode_response, encode_request
from nevus.oip_tensors import Tensor
from nevus.ports import Absent, Busy, Late, Unavailable, Unprocessable
from nevus.telemetry import OUTCOME_HEADER, REQUEST_ID_HEADER, request_id

TIMEOUT_HEADER = "Nevus-Timeout-Ms"
READY_TIMEOUT = 2.0
ABSENT = ("unknown_model", "loading")
LATE = "late"
Token = Callable[[], Awaitable[str]]


class HttpClassifier:
    """A `Classifier`. `url` is `http://host:port` or `unix:/path`; `connections` calls at most are in flight.

    As many again, halved, are kept for versions that are asked for by name, so that a slow one holds up no other.
    `model` is a model's name, or the channel that the service serves; `token` gives the ID token that says who calls.
    """

    def __init__(self, url: str, *, connections: int = 8, model: str = "champion", token: Token | None = None) -> None:
        others = max(1, connections // 2)
        self._connections = Connections(url)
        self._token = token
        self._model = model
        self._places, self._places_of_others = asyncio.Semaphore(connections), asyncio.Semaphore(others)

    async def measure(self, photo: bytes, *, timeout: float, by: ModelRef | None = None) -> Measurement:
        """Raises Busy, Absent, Late, Unavailable (down), Unprocessable (these bytes can never be read).

        A named version for which there is no place at once is Absent.
        """
        begun = asyncio.get_running_loop().time()
        places = self._places if by is None else self._places_of_others
        if by is not None and places.locked():
            raise Absent("too many photos are with this version")
        try:
            async with asyncio.timeout(timeout), places:
                answer = await self._post(photo, by, deadline=begun + timeout)
        except TimeoutError as error:
            raise Late("inference is late") from error
        except OSError as error:
            raise Unavailable(f"inference is down: {type(error).__name__}") from error
        found = measurement_of(answer)
        if by not in (None, found.model):
            raise Unavailable("another version has answered")
        return found

    async def _post(self, photo: bytes, by: ModelRef | None, *, deadline: float) -> Answer:
        credentials = await self._credentials()
        remaining = max(0.0, deadline - asyncio.get_running_loop().time())
        inputs = (Tensor.of_bytes("image", photo),)
        body = encode_request(Request(inputs, binary_default=True))
        headers = body.headers() | {TIMEOUT_HEADER: str(math.ceil(remaining * 1000))} | credentials
        if request_id.get():
            headers[REQUEST_ID_HEADER] = request_id.get()
        path = f"/v2/models/{by.name}/versions/{by.version}" if by else f"/v2/models/{self._model}"
        return await self._connections.ask("POST", path + "/infer", headers, body.data)

    async def _credentials(self) -> dict[str, str]:
        """Twice the same: Cloud Run checks the second, takes its signature away and leaves the first to the service."""
        if self._token is None:
            return {}
        bearer = f"Bearer {await self._token()}"
        return {"Authorization": bearer, "X-Serverless-Authorization": bearer}

    async def ready(self) -> bool:
        """Whether a model is loaded and warm; never raises."""
        try:
            async with asyncio.timeout(READY_TIMEOUT):
                answer = await self._connections.ask("GET", "/v2/health/ready", await self._credentials())
        except (OSError, Unavailable):  # a TimeoutError is an OSError too
            return False
        return answer.status == HTTPStatus.OK

    async def close(self) -> None:
        """Close the connections."""
        self._connections.close()


def measurement_of(answer: Answer) -> Measurement:
    """Read an answer; raises Busy, Absent, Late, Unavailable, Unprocessable."""
    status, outcome = answer.status, answer.headers.get(OUTCOME_HEADER.lower())
    if outcome in ABSENT:
        raise Absent("inference does not serve this version now")
    if outcome == LATE:
        raise Late("inference is late, as it says itself")
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        raise Busy("inference is busy", retry_after=seconds(answer.headers.get("retry-after")))
    if status in (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY):
        raise Unprocessable(f"inference cannot read the photo ({status})")
    if status != HTTPStatus.OK:
        raise Unavailable(f"inference answered {status}")
    try:
        return from_response(decode_response(bytes(answer.body), answer.headers.get(HEADER_LENGTH.lower())))
    except ValueError as error:
        raise Unavailable("inference answered with something else than a measurement") from error


def seconds(retry_after: str | None) -> float:
    """Of a Retry-After header; 1 where it says none."""
    return float(retry_after) if retry_after and retry_after.isdigit() else 1.0
