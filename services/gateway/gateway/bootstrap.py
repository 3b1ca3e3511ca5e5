"""The one place where the gateway's adapters are chosen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.intake import Intake
from gateway.metrics import Metrics
from gateway.services import Manifests, Services
from gateway.settings import Settings
from nevus.adapters.file_photos import FilePhotos
from nevus.adapters.files import FileStore
from nevus.adapters.http_classifier import HttpClassifier
from nevus.adapters.keys import SqliteIdentity
from nevus.adapters.sqlite import SqliteRecords
from nevus.domain import Role
from nevus.registry import Registry

FIRST_ADMIN = "admin"


@asynccontextmanager
async def open_services(settings: Settings) -> AsyncIterator[Services]:
    """All adapters, open; closed at the end."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    metrics = Metrics()
    intake = Intake(
        metrics,
        workers=settings.intake_workers,
        places=settings.intake_places,
        queue=settings.intake_queue,
        timeout=settings.intake_timeout,
    )
    records = SqliteRecords(settings.data_dir / "records.db")
    identity = SqliteIdentity(settings.data_dir / "identity.db")
    classifier = HttpClassifier(settings.inference_url, connections=settings.inference_connections)
    registry = Registry(FileStore(settings.registry_dir))
    if settings.nevus_admin_key:
        identity.adopt_key(settings.nevus_admin_key.get_secret_value(), Role.ADMIN, FIRST_ADMIN)
    await intake.start()
    try:
        yield Services(
            settings=settings,
            photos=FilePhotos(settings.data_dir / "photos"),
            records=records,
            registry=registry,
            manifests=Manifests(registry),
            identity=identity,
            classifier=classifier,
            intake=intake,
            metrics=metrics,
        )
    finally:
        await intake.close()
        await classifier.close()
        await records.close()
        identity.close()
