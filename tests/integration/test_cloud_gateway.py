"""The gateway as it stands on Cloud Run, on Google's emulators: tokens, buckets, Firestore, and no file kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.backends import Cloud
from tests.emulators import Emulator
from tests.security.door import PHOTO, open_door

from gateway.settings import Settings

JOBS = {"jobs": "cloud_run", "training_job": "projects/p/locations/europe-west1/jobs/nevus-training"}


async def test_a_photo_is_assessed_kept_and_erased_without_a_file(
    gcs: Emulator, firestore: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = tmp_path / "not" / "there"
    named: dict[str, Any] = {}
    for name, value in Cloud(gcs, firestore).settings(tmp_path / "gateway").items():
        monkeypatch.setenv(name, value)
        named[name.lower()] = value
    settings = Settings.model_validate(
        {**named, "identity": "oidc", "data_dir": nowhere, "intake_workers": 1, "promoter": "promoter@p.test"} | JOBS
    )
    async with open_door(settings) as door:
        anna, admin = await door.credentials("owner", "token"), await door.credentials("admin", "token")
        made = await door.client.post("/v1/predictions", files={"image": PHOTO}, headers=anna)
        assert (made.status_code, made.json()["status"]) == (201, "complete")
        here = made.json()["links"]["self"]
        assert (await door.client.get(f"{here}/photo", headers=anna)).status_code == 200
        assert (await door.client.delete(here, headers=anna)).status_code == 204
        assert (await door.client.get(here, headers=anna)).status_code == 410
        channel = await door.client.get("/v1/channels/champion", headers=admin)
        moved = await door.client.put(
            "/v1/channels/champion",
            json={"version": channel.json()["version"]},
            headers=admin | {"If-Match": channel.headers["etag"]},
        )
        assert moved.status_code == 200
    assert not nowhere.exists()
