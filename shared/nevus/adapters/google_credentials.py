"""Whether Google's clients will find credentials, asked before they are used. Its imports wait until it must ask."""

from __future__ import annotations

import os
from typing import Literal

NO_CREDENTIALS = (
    "no Google credentials are found: `gcloud auth application-default login` makes some, and emulators, named in "
    "STORAGE_EMULATOR_HOST and FIRESTORE_EMULATOR_HOST, need none."
)


def credentials_found(*, storage: Literal["file", "gcs"], records: Literal["sqlite", "firestore"]) -> bool:
    """True too when these stores need none; may ask the metadata server."""
    from_cloud = storage == "gcs" and not os.environ.get("STORAGE_EMULATOR_HOST")
    if not from_cloud and (records == "sqlite" or os.environ.get("FIRESTORE_EMULATOR_HOST")):
        return True
    import google.auth
    from google.auth.exceptions import DefaultCredentialsError

    try:
        google.auth.default()
    except DefaultCredentialsError:
        return False
    return True
