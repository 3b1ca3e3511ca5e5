"""What a child of the gateway inherits: the first admin's key is for no other program, that of models for one."""

from __future__ import annotations

import secrets
from pathlib import Path

import httpx
import pytest
from tests.gateway_process import gateway
from tests.photos import lesion

from gateway.bootstrap import job_environment
from gateway.settings import Settings
from nevus.signatures import new_pair


@pytest.mark.parametrize("name", ["NEVUS_ADMIN_KEY", "nevus_admin_key", "Nevus_Admin_Key"])
def test_the_training_job_does_not_get_the_first_admins_key(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    key = f"nvs_{secrets.token_hex(16)}"
    monkeypatch.setenv(name, key)
    assert Settings().nevus_admin_key is not None  # such a name is read, too
    assert key not in job_environment(Settings()).values()


def test_the_training_job_alone_gets_the_key_that_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    private, public = new_pair()
    monkeypatch.setenv("Model_Signing_Key", private)
    monkeypatch.setenv("MODEL_PUBLIC_KEYS", public)
    given = job_environment(Settings())
    assert [name for name, value in given.items() if value == private] == ["MODEL_SIGNING_KEY"]
    assert given["MODEL_PUBLIC_KEYS"] == public


def children(pid: int) -> list[Path]:
    """The folders in /proc of a process's descendants."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")  # each thread has those that it started
    listed = [child for task in tasks for child in task.read_text().split()]
    return [Path("/proc", child) for child in listed] + [each for child in listed for each in children(int(child))]


def test_whoever_decodes_hostile_photos_does_not_hold_it(models_dir: Path, tmp_path: Path) -> None:
    key, private = f"nvs_{secrets.token_hex(16)}", new_pair()[0]
    given = {"NEVUS_ADMIN_KEY": key, "MODEL_SIGNING_KEY": private, "INTAKE_WORKERS": 1}
    with gateway(models_dir, tmp_path, "http://127.0.0.1:9", **given) as nevus:
        nevus.wait_for("/healthz")
        bearer = {"Authorization": f"Bearer {key}"}
        asked = httpx.post(f"{nevus.url}/v1/predictions", headers=bearer, files={"image": lesion()}, trust_env=False)
        assert asked.status_code == 202
        below = [(child / "environ").read_bytes() for child in children(nevus.process.pid)]
    assert any(b"PATH" in inherited for inherited in below)
    assert not [inherited for inherited in below if key.encode() in inherited or private.encode() in inherited]
