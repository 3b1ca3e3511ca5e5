"""Problems as a person meets them on a page: what is wrong, and what to do now. What programs read is in `problems`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.languages import mark

WORRIED = mark("If the spot worries you, do not wait for us: have it seen.")


@dataclass(frozen=True)
class Told:
    """Marked sentences: a heading, and what to do; `again` where the same may well work in a moment."""

    title: str
    advice: str
    again: bool = False


SIGN_IN = Told(
    mark("Please sign in"),
    mark("You need a sign-in link. Ask whoever runs this service for one: it works once, within 15 minutes."),
)
NOT_ALLOWED = Told(
    mark("You may not do that"),
    mark("Your account does not open this page. If you think it should, ask whoever runs this service."),
)
NOT_FOUND = Told(
    mark("There is nothing here"),
    mark("It may have been deleted, or the address has a mistake in it."),
)
TOO_SLOW = Told(
    mark("That took too long"),
    mark("Your connection may be slow. Try again where the signal is better."),
    again=True,
)
CHANGED = Told(
    mark("Something has changed in the meantime"),
    mark("Go back, load the page again, and look before you try once more."),
)
TOO_LARGE = Told(
    mark("The photo is too big"),
    mark("A photo may have up to 20 MB. Take it with your phone's own camera, or choose another one."),
)
NO_PHOTO = Told(
    mark("We cannot read this as a photo"),
    mark("Choose one photo: a JPEG, PNG, WebP or HEIC file. If it is one, it may be damaged. Then take a new one."),
)
TOO_SMALL = Told(
    mark("The photo is too small"),
    mark("Take a new one, or choose the original instead of a small copy."),
)
MISSING = Told(mark("There is no photo yet"), mark("Go back and choose a photo first."))
SENT_BEFORE = Told(
    mark("This form was sent before"),
    mark("Go back to the start and choose your photo again."),
)
FORM = Told(
    mark("Something in the form is not right"),
    mark("Go back and look again at what you filled in."),
)
TOO_MANY = Told(
    mark("That was a lot at once"),
    mark("Please wait a little, then send one photo at a time."),
    again=True,
)
LOCKED = Told(mark("Too many tries"), mark("Please wait a few minutes before you try again."), again=True)
FULL = Told(mark("We are very busy right now"), mark("Please wait a moment, then try again."), again=True)
DOWN = Told(mark("A part of our service is down"), mark("Please try again in a few minutes."), again=True)
BROKEN = Told(
    mark("Something went wrong on our side"),
    mark("It is not your fault. Please try again in a few minutes."),
    again=True,
)
OTHER = Told(mark("That did not work"), mark("Go back and try it another way."))

FOR_PEOPLE: Mapping[str, Told] = {
    "unauthorized": SIGN_IN,
    "forbidden": NOT_ALLOWED,
    "cross-site-request": NOT_ALLOWED,
    "not-found": NOT_FOUND,
    "no-heatmap": NOT_FOUND,
    "upload-missing": NOT_FOUND,
    "erased": Told(mark("This was deleted"), mark("Someone asked us to delete it. It is gone for good.")),
    "request-timeout": TOO_SLOW,
    "upload-timeout": TOO_SLOW,
    "training-run-active": Told(mark("A training run is under way"), mark("Wait for its end, or cancel it first.")),
    "precondition-failed": CHANGED,
    "body-too-large": TOO_LARGE,
    "photo-too-large": TOO_LARGE,
    "photo-too-many-pixels": TOO_LARGE,
    "photo-unsupported": NO_PHOTO,
    "photo-animated": NO_PHOTO,
    "photo-unreadable": NO_PHOTO,
    "photo-too-small": TOO_SMALL,
    "photo-missing": MISSING,
    "invalid-request": FORM,
    "idempotency-key-reused": SENT_BEFORE,
    "too-many-failures": LOCKED,
    "too-many-uploads": TOO_MANY,
    "too-many-requests": TOO_MANY,
    "internal-error": BROKEN,
    "busy": FULL,
    "unavailable": DOWN,
}


def plain(type: str) -> Told:
    """What a person is told of a problem of this type."""
    return FOR_PEOPLE.get(type, OTHER)
