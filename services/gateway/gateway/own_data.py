"""What a person may do with their own data: change their mind about training, name spots, have all of it erased."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from gateway import lookup, spots
from gateway.predict import erased
from gateway.problems import Problem
from gateway.services import Services
from nevus.audit import by
from nevus.domain import Caller, Prediction
from nevus.ports import Gone, NotFound, PreconditionFailed

AT_ONCE = 50
PATIENCE = 20.0  # seconds for which one request goes on erasing
Change = Callable[[Prediction], dict[str, Any]]


async def own_record(services: Services, caller: Caller, record_id: str) -> Prediction:
    """Raises Problem `not-found` for everyone but its owner, `erased`."""
    record = await lookup.find(services, caller, record_id)
    if record.owner != caller.id:
        raise lookup.not_found()
    return record


async def allow_training(services: Services, caller: Caller, record_id: str, *, allowed: bool) -> Prediction:
    """Give consent to training with a photo, or take it back; raises Problem."""

    def consent(record: Prediction) -> dict[str, Any]:
        return {"consent": record.consent.model_copy(update={"training": allowed})}

    return await changed(services, caller, record_id, consent, "consent.give" if allowed else "consent.withdraw")


async def move(services: Services, caller: Caller, record_id: str, case_id: str | None) -> Prediction:
    """Make a photo one of a spot, or of none; raises Problem."""

    def context(record: Prediction) -> dict[str, Any]:
        return {"context": record.context.model_copy(update={"case_id": case_id})}

    return await changed(services, caller, record_id, context, "case.set")


async def changed(services: Services, caller: Caller, record_id: str, change: Change, action: str) -> Prediction:
    """The caller's own record after a change that is on the audit log; raises Problem."""
    for _ in range(lookup.TRIES):
        record = await own_record(services, caller, record_id)
        after = record.model_copy(update=change(record))
        try:
            return await services.records.replace(after, entry=by(caller, action, record_id))
        except PreconditionFailed:
            continue
        except (NotFound, Gone):
            raise erased() from None
    raise Problem("precondition-failed", "It changes too fast; please try again.")


async def erase_all(services: Services, caller: Caller, case_id: str | None = None) -> bool:
    """Erase the caller's own photos, or those of one spot, for some seconds; whether nothing is left."""
    end = time.monotonic() + PATIENCE
    while items := (await spots.own(services, caller, case_id, limit=AT_ONCE)).items:
        for record in items:
            if time.monotonic() > end:
                return False
            await erase_once(services, caller, record.id)
    return True


async def withdraw_all(services: Services, caller: Caller) -> bool:
    """Take back consent to training with the caller's own photos, for some seconds; whether none has it any more."""
    end, cursor = time.monotonic() + PATIENCE, None
    while True:
        page = await spots.own(services, caller, cursor=cursor, limit=AT_ONCE)
        for record in page.items:
            if time.monotonic() > end:
                return False
            if record.consent.training:
                await allow_training(services, caller, record.id, allowed=False)
        if (cursor := page.cursor) is None:
            return True


async def erase_once(services: Services, caller: Caller, record_id: str) -> None:
    """Erase a record, unless another request has been faster."""
    try:
        await lookup.erase(services, caller, record_id)
    except Problem as problem:
        if problem.type not in {"erased", "not-found"}:
            raise
