"""From a direct upload to a prediction on record: out of the quarantine, through the same door as every photo."""

from __future__ import annotations

import dataclasses
import logging

from gateway import quarantine
from gateway.photo_size import check_size
from gateway.predict import Order, assess, replay
from gateway.problems import Problem
from gateway.services import Services
from nevus import clock
from nevus.domain import Prediction
from nevus.ports import NotFound, PortError

STAYS = frozenset({"upload-missing", "idempotency-key-reused"})
log = logging.getLogger("gateway.predict_upload")


async def predict_upload(services: Services, order: Order) -> Prediction:
    """As `predict`, for an order that names an upload. What was uploaded is gone when there is an answer for good.

    It stays where a retry can still succeed (503), where it may just be arriving (`upload-missing`), and for another
    key (`idempotency-key-reused`).
    Raises Problem: as `predict`, and `upload-missing`.
    """
    if not order.upload_id or not quarantine.UPLOAD_ID.fullmatch(order.upload_id):
        raise missing()
    key = quarantine.key_of(order.caller, order.upload_id)
    try:
        record = await claim(services, order, key)
    except Problem as problem:
        if problem.status < 500 and problem.type not in STAYS:
            await discard(services, key)
        raise
    await discard(services, key)
    return record


async def claim(services: Services, order: Order, key: str) -> Prediction:
    """The answer given before, or else one for the object of that key; raises Problem."""
    earlier = await replay(services, order.record_id, order.body_sha256)
    if earlier:
        return earlier
    if quarantine.is_over(key, clock.now()):
        await discard(services, key)
        raise missing()
    try:
        image = check_size((await services.photos.get(key)).data)
    except NotFound:
        earlier = await replay(services, order.record_id, order.body_sha256)  # a twin may have been faster
        if earlier is None:
            raise missing() from None
        return earlier
    return await assess(services, dataclasses.replace(order, image=image))


async def discard(services: Services, key: str) -> None:
    """Remove what was uploaded; where that fails, the sweep or the bucket's lifecycle does it within a day."""
    try:
        await services.photos.delete(key)
    except PortError as error:
        log.warning("an upload stays in the quarantine", extra={"cause": type(error).__name__})


def missing() -> Problem:
    """404; tells the same for one that is unknown, foreign, over, or not sent yet."""
    return Problem("upload-missing", "Nothing waits under this upload_id: ask for a new one, and send the photo again.")
