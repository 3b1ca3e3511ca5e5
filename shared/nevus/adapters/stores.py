"""Which adapter stands behind each store, by the settings that services share. Google's clients load when used."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Protocol

from nevus.adapters.files import FileStore
from nevus.ports import ModelStore, ObjectStore, PhotoStore, RecordStore, RunStore


class StoreSettings(Protocol):
    """What a service must know to open its stores."""

    @property
    def storage(self) -> Literal["file", "gcs"]:
        """Where objects are."""

    @property
    def data_dir(self) -> Path:
        """Where the embedded stores are."""

    @property
    def registry_dir(self) -> Path:
        """Where the embedded model registry is."""

    @property
    def models_bucket(self) -> str:
        """Of the model registry."""


class PrivateStoreSettings(StoreSettings, Protocol):
    """What the gateway and the training job know beside."""

    @property
    def records(self) -> Literal["sqlite", "firestore"]:
        """Where records are."""

    @property
    def google_cloud_project(self) -> str:
        """Of Firestore."""

    @property
    def firestore_database(self) -> str:
        """Its name."""

    @property
    def photos_bucket(self) -> str:
        """Of photos."""

    @property
    def training_bucket(self) -> str:
        """Of checkpoints."""


def model_store(settings: StoreSettings, *, impersonate: str | None = None) -> ModelStore:
    """The model registry's objects; `impersonate` names the service account that writes in our place."""
    if settings.storage == "file":
        return FileStore(settings.registry_dir)
    from nevus.adapters.gcs import GcsStore

    return GcsStore(settings.models_bucket, impersonate=impersonate)


def training_store(settings: PrivateStoreSettings) -> ObjectStore:
    """Checkpoints of training runs, under `runs/<run id>/`."""
    if settings.storage == "file":
        return FileStore(settings.data_dir / "training")
    from nevus.adapters.gcs import GcsStore

    return GcsStore(settings.training_bucket)


def photo_store(settings: PrivateStoreSettings) -> PhotoStore:
    """Photos, and what clients upload directly."""
    if settings.storage == "file":
        from nevus.adapters.file_photos import FilePhotos

        return FilePhotos(settings.data_dir / "photos")
    from nevus.adapters.gcs import GcsPhotos

    return GcsPhotos(settings.photos_bucket)


def record_store(settings: PrivateStoreSettings) -> RecordStore:
    """Prediction records and the audit log."""
    if settings.records == "sqlite":
        from nevus.adapters.sqlite import SqliteRecords

        return SqliteRecords(settings.data_dir / "records.db")
    from nevus.adapters.firestore import FirestoreRecords

    return FirestoreRecords(settings.google_cloud_project, settings.firestore_database)


def run_store(settings: PrivateStoreSettings) -> RunStore:
    """Training runs."""
    if settings.records == "sqlite":
        from nevus.adapters.sqlite_runs import SqliteRuns

        return SqliteRuns(settings.data_dir / "runs.db")
    from nevus.adapters.firestore_runs import FirestoreRuns

    return FirestoreRuns(settings.google_cloud_project, settings.firestore_database)
