"""From a photo to a prediction on record: clean it, store it while it is measured, decide, record, answer."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
import secrets
import time
from dataclasses import dataclass

import numpy as np

from gateway.deadline import NEVER, Deadline
from gateway.intake_worker import Clean
from gateway.problems import Problem
from gateway.services import Services
from gateway.trial import Trial
from nevus import clock
from nevus.domain import Caller, Consent, Context, Decision, Measurement, ModelRef, Photo, Prediction, Status
from nevus.policy import decide
from nevus.ports import Absent, AlreadyExists, Gone, NotFound, PortError, Unavailable, Unprocessable
from nevus.registry import Manifest, RegistryError
from nevus.review import SECOND_UNUSABLE, priority

log = logging.getLogger("gateway.predict")
EARLIER_PHOTOS = 20
STILL_COMING = 60.0  # seconds in which a write that was reported as failed may happen after all


@dataclass(frozen=True)
class Order:
    """What a caller asks for, and by when; `key` is the Idempotency-Key, `upload_id` a photo that was sent before."""

    caller: Caller
    image: bytes
    context: Context
    consent: Consent
    key: str | None = None
    upload_id: str | None = None
    deadline: Deadline = NEVER

    @property
    def record_id(self) -> str:
        """26 characters: of caller and key (or upload), so that a retry finds its record; random without either."""
        kind, name = ("upload", self.upload_id) if self.key is None else ("prediction", self.key)
        if name is None:
            digest = secrets.token_bytes(16)
        else:
            digest = hashlib.sha256(f"{kind}\0{self.caller.id}\0{name}".encode()).digest()[:16]
        return base64.b32encode(digest).decode().rstrip("=").lower()

    @property
    def body_sha256(self) -> str:
        """Of everything that was sent with the request; an upload is known by its id when its photo has gone."""
        said = self.context.model_dump_json() + self.consent.model_dump_json()
        sent = self.image if self.upload_id is None else f"upload\0{self.upload_id}".encode()
        return hashlib.sha256(hashlib.sha256(sent).digest() + said.encode()).hexdigest()


async def predict(services: Services, order: Order) -> Prediction:
    """The recorded prediction, durable; complete, or pending when inference is down, full or late.

    Raises Problem: why a photo is refused, `idempotency-key-reused`, `erased`, `unavailable`.
    """
    earlier = await replay(services, order.record_id, order.body_sha256) if order.key else None
    return earlier or await assess(services, order)


async def assess(services: Services, order: Order) -> Prediction:
    """As `predict`, without a look at what was answered before; raises `busy` where nobody waits any more."""
    clean = await services.intake.clean(order.image, order.deadline)
    fresh = new_record(order, clean)
    services.under_way.append(fresh.id)
    stays = STILL_COMING
    try:
        timeout = order.deadline.left_for_inference(services.settings.inference_timeout)
        kept = await keep(services, await store_and_measure(services, fresh, clean.jpeg, timeout))
        stays = 0.0
        return kept
    finally:
        asyncio.get_running_loop().call_later(stays, services.under_way.remove, fresh.id)


async def keep(services: Services, answered: Prediction) -> Prediction:
    """Write the record, or find the one that another request of its key has written; raises Problem."""
    try:
        await services.records.create(answered)
    except AlreadyExists:
        return await settled(services, answered)
    except Gone:
        await services.photos.delete(answered.photo.key(answered.id))
        raise erased() from None
    except PortError as error:
        raise Problem("unavailable", "The record could not be written.") from error
    count(services, answered)
    return answered


async def replay(services: Services, record_id: str, body: str) -> Prediction | None:
    """The answer to the same request, given before; raises Problem for another request under its key."""
    try:
        found = await services.records.get(record_id)
    except NotFound:
        return None
    except Gone:
        raise erased() from None
    return same_request(found, body)


def same_request(found: Prediction, body: str) -> Prediction:
    """The record; raises Problem when it is of another request."""
    if found.body_sha256 != body:
        raise Problem("idempotency-key-reused", "This key was used for another photo or other facts.")
    return found


async def settled(services: Services, late: Prediction) -> Prediction:
    """The record that another request of the same key wrote first; this one's photo goes unless it is the same."""
    try:
        found = await services.records.get(late.id)
    except NotFound as error:  # a moment ago it was there: an answer from the past
        raise Problem("unavailable", "The record cannot be read at the moment.") from error
    except Gone:
        await services.photos.delete(late.photo.key(late.id))
        raise erased() from None
    if found.photo.sha256 != late.photo.sha256:
        await services.photos.delete(late.photo.key(late.id))
    return same_request(found, late.body_sha256)


def new_record(order: Order, clean: Clean) -> Prediction:
    """A pending record."""
    return Prediction(
        id=order.record_id,
        owner=order.caller.id,
        status=Status.PENDING,
        created_at=clock.now(),
        body_sha256=order.body_sha256,
        context=order.context,
        consent=order.consent,
        photo=Photo(sha256=hashlib.sha256(clean.jpeg).hexdigest(), width=clean.width, height=clean.height),
    )


async def store_and_measure(services: Services, record: Prediction, jpeg: bytes, timeout: float) -> Prediction:
    """Both at once; the record as far as it got in that time. Raises Problem when the photo could not be stored."""
    stored, assessed = await asyncio.gather(
        services.photos.put(record.photo.key(record.id), jpeg),
        first_attempt(services, record, jpeg, timeout),
        return_exceptions=True,
    )
    if isinstance(stored, BaseException):
        raise Problem("unavailable", "The photo could not be stored.") from stored
    if isinstance(assessed, BaseException):
        raise assessed
    return assessed


async def first_attempt(services: Services, record: Prediction, jpeg: bytes, timeout: float) -> Prediction:
    """As `attempt`; while there is a canary, it answers its share of the cases."""
    trial = await services.canaries.trial()
    if trial is None:
        return await attempt(services, record, jpeg, timeout)
    begun = time.monotonic()
    if trial.takes(record):
        return await attempt_by_canary(services, trial, record, jpeg, timeout)
    answered = await attempt(services, record, jpeg, timeout)
    services.canaries.see(trial, answered, time.monotonic() - begun, canary=False)
    return answered


async def attempt_by_canary(
    services: Services, trial: Trial, record: Prediction, jpeg: bytes, timeout: float
) -> Prediction:
    """Measure and decide by the canary; whatever keeps it from that, the champion answers in what time is left."""
    begun, canaries = time.monotonic(), services.canaries
    try:
        answered = await measured(services, record, jpeg, min(trial.timeout, timeout / 2), by=trial.pointer.ref)
    except Absent:
        canaries.miss(trial)
        return await attempt(services, record, jpeg, timeout - (time.monotonic() - begun))
    except Exception as error:  # noqa: BLE001  # it may be wrong in any way: nobody's photo is lost by it
        log.warning("the canary has not answered", extra={"cause": type(error).__name__})
        answered = await attempt(services, record, jpeg, timeout - (time.monotonic() - begun))
        canaries.see(trial, answered, time.monotonic() - begun, canary=True, failed=True)
        return answered
    canaries.see(trial, answered, time.monotonic() - begun, canary=True)
    return answered


async def attempt(services: Services, record: Prediction, jpeg: bytes, timeout: float) -> Prediction:
    """Measure and decide by the champion; still pending when inference or the registry cannot answer in time."""
    try:
        return await measured(services, record, jpeg, timeout)
    except Unprocessable:
        return failed(record, "the model cannot read the photo")
    except (Unavailable, NotFound, RegistryError) as error:
        log.warning("not assessed yet", extra={"cause": type(error).__name__})
    except Exception:
        log.exception("the assessment failed")  # the photo is kept, and tried again
    return record.model_copy(update={"attempts": record.attempts + 1})


async def measured(
    services: Services, record: Prediction, jpeg: bytes, timeout: float, by: ModelRef | None = None
) -> Prediction:
    """The record with its result; its case is looked up while inference works."""
    call = services.classifier.measure(jpeg, timeout=timeout, by=by)
    if record.context.case_id is None:
        measurement, case = await call, frozenset[Decision]()
    else:
        measurement, case = await asyncio.gather(call, decisions_on_case(services, record, record.context.case_id))
    return completed(services, record, measurement, await services.manifests.get(measurement.model), case)


def completed(
    services: Services, record: Prediction, measurement: Measurement, manifest: Manifest, case: frozenset[Decision]
) -> Prediction:
    """With what was measured, and decided by it."""
    result = decide(measurement, record.context, manifest, point_name=services.settings.operating_point)
    if result.decision is Decision.REJECTED and Decision.REJECTED in case:
        result = result.model_copy(update={"reasons": (*result.reasons, SECOND_UNUSABLE)})
    done = record.model_copy(
        update={
            "status": Status.COMPLETE,
            "result": result,
            "model": measurement.model,
            "cam": np.asarray(measurement.cam, "<f2").tobytes(),
            "cam_shape": measurement.cam.shape,
            "embedding": np.asarray(measurement.embedding, "<f2").tobytes(),
        }
    )
    return done.model_copy(update={"review": priority(done, case)})


def failed(record: Prediction, why: str) -> Prediction:
    """A terminal state: not assessed."""
    ended = record.model_copy(update={"status": Status.FAILED, "error": why})
    return ended.model_copy(update={"review": priority(ended)})


async def decisions_on_case(services: Services, record: Prediction, case: str) -> frozenset[Decision]:
    """On the other photos of the same case."""
    page = await services.records.page(owner=record.owner, case_id=case, limit=EARLIER_PHOTOS)
    return frozenset(other.result.decision for other in page.items if other.id != record.id and other.result)


def count(services: Services, record: Prediction) -> None:
    """For the metrics."""
    decision = record.result.decision.value if record.result else "none"
    services.metrics.predictions.labels(record.status.value, decision).inc()


def erased() -> Problem:
    """410."""
    return Problem("erased", "It was deleted on request.")
