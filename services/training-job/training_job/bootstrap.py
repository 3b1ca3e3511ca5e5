"""The one place where real adapters are chosen from settings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from nevus.adapters.places import model_store_at
from nevus.adapters.stores import model_store, photo_store, record_store, run_store, training_store
from nevus.audit import by_operator, intended
from nevus.configuration import require
from nevus.ports import ModelStore
from nevus.registry import Registry
from nevus.signatures import signer_of, trust_of
from training_job.background import Background
from training_job.retrain import Retraining, Stores
from training_job.settings import Settings

CHECKOUT = "models"
CLOUD = "gs://"


def store_at(address: str | None, settings: Settings) -> ModelStore:
    """A registry's objects at a path or `gs://bucket`; unless said, the settings' in the cloud, else the checkout's.

    Raises ValueError.
    """
    if address is None and settings.storage == "gcs":
        require("STORAGE=gcs", models_bucket=settings.models_bucket)
        return model_store(settings)
    return model_store_at(address or CHECKOUT)


def registry_at(address: str | None, settings: Settings) -> Registry:
    """The registry over `store_at`; raises ValueError."""
    return signed(store_at(address, settings), settings)


def signed(store: ModelStore, settings: Settings) -> Registry:
    """A registry that asks for signatures and makes them, as the settings say."""
    return Registry(store, trust=trust_of(settings.model_public_keys), signer=signer_of(settings.model_signing_key))


def publishing_at(address: str, settings: Settings) -> Registry:
    """A registry to which new versions go; raises ValueError."""
    refuse_to_publish_unsigned(settings)
    return registry_at(address, settings)


def refuse_to_publish_unsigned(settings: Settings) -> None:
    """Where only signed versions are read, one without a signature is of no use; raises ValueError."""
    if trust_of(settings.model_public_keys) and not signer_of(settings.model_signing_key):
        raise ValueError("MODEL_PUBLIC_KEYS: set MODEL_SIGNING_KEY")


@asynccontextmanager
async def recorded(settings: Settings, registry: str | None, action: str, subject: str) -> AsyncIterator[None]:
    """Around a move of a channel from a shell: its entry comes first on the audit log of who has this registry.

    Without one where that is no deployment that the settings name. Raises PortError.
    """
    if not is_deployments(registry, settings):
        yield
        return
    records = record_store(settings)
    try:
        async with intended(records, by_operator(action, subject)):
            yield
    finally:
        await records.close()


def is_deployments(registry: str | None, settings: Settings) -> bool:
    """Whether a registry's path or address is that of the deployment which the settings name."""
    if registry is None:
        return settings.storage == "gcs"
    if registry.startswith(CLOUD):
        return registry.rstrip("/") == CLOUD + settings.models_bucket
    return Path(registry).resolve() == settings.registry_dir.resolve()


async def open_stores(settings: Settings) -> Stores:
    """The stores of a training run; on the loop that they are used on."""
    return Stores(
        runs=run_store(settings),
        records=record_store(settings),
        photos=photo_store(settings),
        checkpoints=training_store(settings),
        registry=signed(model_store(settings), settings),
    )


async def close_stores(stores: Stores) -> None:
    """Finish what waits."""
    await stores.runs.close()
    await stores.records.close()


def refuse_unnamed_stores(settings: Settings) -> None:
    """Raises ValueError."""
    if settings.storage == "gcs":
        buckets = {name: getattr(settings, name) for name in ("photos_bucket", "models_bucket", "training_bucket")}
        require("STORAGE=gcs", **buckets)
    if settings.records == "firestore":
        require("RECORDS=firestore", google_cloud_project=settings.google_cloud_project)


def retrain(run_id: str, settings: Settings) -> int:
    """One attempt at a training run; returns the exit status. Raises NotFound, Unavailable, ValueError."""
    refuse_unnamed_stores(settings)
    refuse_to_publish_unsigned(settings)
    with Background() as loop:
        stores = loop.run(open_stores(settings))
        try:
            return Retraining(run_id, stores, settings, loop).run()
        finally:
            loop.run(close_stores(stores))
