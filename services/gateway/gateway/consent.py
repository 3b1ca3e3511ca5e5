"""The text that people agree to, in versions: a record names the one that was shown, and each can still be read.

A text is the template `consent_VERSION.html`. One that was ever in use is never changed; a better one is a new version.
"""

from __future__ import annotations

from gateway.problems import Problem
from nevus.domain import Consent, Prediction

UNTOLD = Consent().version  # what a program that names none has agreed to: docs/api.md alone
CURRENT = "2"
VERSIONS = (UNTOLD, CURRENT)


def check_version(version: str) -> str:
    """A version whose text can be read; raises Problem `invalid-request`."""
    if version not in VERSIONS:
        raise Problem("invalid-request", f"consent_version: one of {', '.join(VERSIONS)}")
    return version


def agreed(earlier: tuple[Prediction, ...]) -> Prediction | None:
    """The last of these photos, newest first, that came with consent to the present text."""
    return next((record for record in earlier if record.consent.version == CURRENT), None)
