"""The one place where real adapters are chosen from settings."""

from __future__ import annotations

from nevus.adapters.places import model_store_at
from nevus.adapters.stores import model_store
from nevus.registry import Registry
from training_job.settings import Settings

CHECKOUT = "models"


def registry_at(address: str | None, settings: Settings) -> Registry:
    """The registry at a path or `gs://bucket`; unless said, that of the settings in the cloud, else the checkout's."""
    if address is None and settings.storage == "gcs":
        return Registry(model_store(settings))
    return Registry(model_store_at(address or CHECKOUT))
