"""What the end-to-end suite keeps its data in: the embedded stores or, with NEVUS_BACKEND=cloud, Google's emulators."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import httpx
from tests.conftest import ROOT
from tests.emulators import Emulator

CLOUD = os.environ.get("NEVUS_BACKEND") == "cloud"


@dataclass
class Embedded:
    """Everything under DATA_DIR."""

    def settings(self, data: Path) -> dict[str, str]:
        del data
        return {}

    def photos(self, data: Path) -> list[str]:
        """Keys of all stored photos."""
        folder = data / "photos"
        return sorted(photos_of(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()))


@dataclass
class Cloud:
    """A project and three buckets of its own for each data folder, with the model that ships."""

    gcs: Emulator
    firestore: Emulator
    known: dict[Path, dict[str, str]] = field(default_factory=dict)

    def settings(self, data: Path) -> dict[str, str]:
        if data not in self.known:
            self.known[data] = self._new()
        return self.known[data]

    def _new(self) -> dict[str, str]:
        models = self.gcs.new_bucket()
        self._seed(models)
        return {
            "STORAGE": "gcs",
            "RECORDS": "firestore",
            "GOOGLE_CLOUD_PROJECT": f"nevus-{secrets.token_hex(8)}",
            "PHOTOS_BUCKET": self.gcs.new_bucket(),
            "MODELS_BUCKET": models,
            "TRAINING_BUCKET": self.gcs.new_bucket(),
            "STORAGE_EMULATOR_HOST": self.gcs.url,
            "FIRESTORE_EMULATOR_HOST": self.firestore.address,
        }

    def photos(self, data: Path) -> list[str]:
        address = f"{self.gcs.url}/storage/v1/b/{self.settings(data)['PHOTOS_BUCKET']}/o"
        items = httpx.get(address, trust_env=False).json().get("items", ())
        return photos_of(item["name"] for item in items)

    def _seed(self, bucket: str) -> None:
        shipped = ROOT / "models"
        for path in (path for path in shipped.rglob("*") if path.is_file()):
            address = f"{self.gcs.url}/upload/storage/v1/b/{bucket}/o?uploadType=media&name="
            name = quote(path.relative_to(shipped).as_posix(), safe="")
            httpx.post(address + name, content=path.read_bytes(), trust_env=False).raise_for_status()


def photos_of(keys: Iterable[str]) -> list[str]:
    """Without the audit log's anchor, which lies beside them."""
    return [key for key in keys if not key.startswith("audit/")]


Backend = Embedded | Cloud
