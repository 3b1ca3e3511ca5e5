"""`Nevus`: photos in, predictions out, and what became of them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from types import TracebackType
from typing import Literal, Self, Unpack

import httpx

from nevus_client.answers import Page, Prediction, Stats, Status, Upload
from nevus_client.connection import Connection, read, retry_after
from nevus_client.errors import Refused
from nevus_client.paging import paged, part
from nevus_client.photos import Facts, PhotoLike, content_type, form, read_photo, stated
from nevus_client.registry import Registry
from nevus_client.training import Training

PREDICTIONS = "/v1/predictions"
FIRST_LOOK, LONGEST_LOOK = 1.0, 5.0  # seconds between looks at what is pending


class Nevus:
    """A service and a key to it. Close it, or use it with `with`; threads may share it.

    What is busy is asked again as it says, what is lost is sent again, for `patience` seconds at most, and never makes
    a second record. `timeout` is how many seconds one connection may be silent.
    """

    def __init__(self, url: str, key: str, *, timeout: float = 30.0, patience: float = 60.0) -> None:
        """Raises ValueError for an address or a key that cannot be one; asks nothing yet."""
        self._connection = Connection(url, key, timeout=timeout, patience=patience)
        self.registry = Registry(self._connection)
        self.training = Training(self._connection)

    def __repr__(self) -> str:
        return f"Nevus({self._connection.url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of all connections."""
        self._connection.close()

    def predict(
        self, photo: PhotoLike, *, idempotency_key: str | None = None, wait: float = 30.0, **facts: Unpack[Facts]
    ) -> Prediction:
        """Have a photo assessed.

        A key is made up unless one is given; with the same key the same photo has one record, also from another
        process or on another day. Where inference is not to be had, waits up to `wait` seconds; what is returned then
        may be `pending` still (`wait` goes on). Raises `Refused`, `Busy`, `Unreachable`, OSError.
        """
        answer = self._connection.ask(
            "POST",
            PREDICTIONS,
            headers={"Idempotency-Key": idempotency_key or uuid.uuid4().hex},
            files={"image": ("photo", read_photo(photo), "application/octet-stream")},  # a file's name stays here
            data=form(facts),
        )
        return self._assessed(answer, wait)

    def upload(self, photo: PhotoLike) -> str:
        """Send a photo ahead, straight into the store; returns its `upload_id`. Raises as `predict` does."""
        data = read_photo(photo)
        wanted = {"content_type": content_type(data)}
        for last in (False, True):
            grant = read(Upload, self._connection.ask("POST", "/v1/uploads", json=wanted))
            try:
                self._connection.send(grant.method, grant.url, grant.headers, data)
            except Refused as refused:
                if last or refused.status != 403:
                    raise
                continue  # its URL has expired: another
            return grant.upload_id
        raise AssertionError("the last one returns or raises")

    def predict_uploaded(self, upload_id: str, *, wait: float = 30.0, **facts: Unpack[Facts]) -> Prediction:
        """Have a photo assessed that was sent ahead: once, and the same answer ever after. Else as `predict`."""
        body = {"upload_id": upload_id, **stated(facts)}
        return self._assessed(self._connection.ask("POST", PREDICTIONS, json=body), wait)

    def wait(self, prediction: Prediction, seconds: float = 30.0, *, first: float = FIRST_LOOK) -> Prediction:
        """As it is once it is assessed or has failed, or after so many seconds; the first look is after `first`."""
        end = time.monotonic() + seconds
        pause = first
        while prediction.status is Status.PENDING and time.monotonic() + pause <= end:
            time.sleep(pause)
            prediction = self.prediction(prediction.id)
            pause = min(LONGEST_LOOK, 1.5 * max(pause, FIRST_LOOK))
        return prediction

    def prediction(self, prediction_id: str) -> Prediction:
        """One of them."""
        return read(Prediction, self._connection.ask("GET", here(prediction_id)))

    def predictions(
        self, *, case_id: str | None = None, order: Literal["time", "review"] = "time", page_size: int = 100
    ) -> Iterator[Prediction]:
        """All of them that the key may see, newest first, a page at a time as they are asked for.

        `order="review"`, for clinicians and admins: what the model was unsure of or contradicted on comes first.
        """
        wanted = {"order": order, "limit": page_size} | ({} if case_id is None else {"case_id": case_id})
        return paged(self._connection, PREDICTIONS, Page, wanted)

    def photo(self, prediction_id: str) -> bytes:
        """The clean photo, a JPEG."""
        return self._connection.ask("GET", here(prediction_id) + "/photo").content

    def heatmap(self, prediction_id: str) -> bytes:
        """The photo under the model's evidence, a JPEG; raises `Refused`, of type `no-heatmap` if it has none."""
        return self._connection.ask("GET", here(prediction_id) + "/heatmap").content

    def diagnose(self, prediction_id: str, label: str, *, malignant: bool) -> Prediction:
        """Record a confirmed diagnosis; for clinicians and admins."""
        body = {"label": label, "malignant": malignant}
        return read(Prediction, self._connection.ask("PUT", here(prediction_id) + "/diagnosis", json=body))

    def delete(self, prediction_id: str) -> None:
        """Remove photo, heat map and record for good."""
        self._connection.ask("DELETE", here(prediction_id), after_lost=(410,))

    def export(self) -> bytes:
        """One's own photos and answers, a ZIP file."""
        return self._connection.ask("GET", "/v1/export").content

    def stats(self) -> Stats:
        """Counts, drift and confirmed outcomes; for clinicians and admins."""
        return read(Stats, self._connection.ask("GET", "/v1/stats"))

    def _assessed(self, answer: httpx.Response, wait: float) -> Prediction:
        first = retry_after(answer)
        return self.wait(read(Prediction, answer), wait, first=FIRST_LOOK if first is None else first)


def here(prediction_id: str) -> str:
    """Its path."""
    return f"{PREDICTIONS}/{part(prediction_id)}"
