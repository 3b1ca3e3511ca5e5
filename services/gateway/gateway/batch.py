"""Many photos in one form, for browsers without a script: assessed one after another, each with its own key."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from gateway.languages import mark
from gateway.photo_size import check_size
from gateway.predict import Order, predict
from gateway.problems import Problem
from gateway.services import Services
from nevus.domain import Caller, Consent, Context, Prediction

MOST = 20  # photos in one form
TOO_MANY = mark("In one form there is room for 20 photos, and for 20 MB of them together. Please send fewer at once.")
NONE = mark("Please choose your photos first.")


@dataclass(frozen=True)
class Sent:
    """A photo as it was sent, under the name that its file has at the sender's."""

    name: str
    image: bytes


@dataclass(frozen=True)
class Outcome:
    """What became of it: a record, or why there is none."""

    name: str
    record: Prediction | None = None
    problem: Problem | None = None


async def assess_all(
    services: Services, caller: Caller, photos: list[Sent], context: Context, key: str
) -> list[Outcome]:
    """In their order; sent again with the same key, each gives the record that it has."""
    return [await assess_one(services, caller, photo, context, key) for photo in photos]


async def assess_one(services: Services, caller: Caller, photo: Sent, context: Context, key: str) -> Outcome:
    """A photo that is refused keeps none of the others up."""
    own = hashlib.sha256(key.encode() + photo.image).hexdigest()[:32]
    try:
        order = Order(caller, check_size(photo.image), context, Consent(), f"{key[:64]}-{own}")
        return Outcome(photo.name, await predict(services, order))
    except Problem as problem:
        return Outcome(photo.name, problem=problem)
