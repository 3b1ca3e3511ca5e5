"""A deployment that knows a public key: what nobody has signed is neither served nor promoted."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import httpx
from pydantic import SecretStr
from tests.inference_process import inference
from tests.integration.test_channels import CHAMPION, add_version, move, passed
from tests.integration.test_inference_swap import MODEL, answered, answered_until, models_with_a_second, point
from tests.security.door import open_door

from gateway.settings import Settings
from nevus.signatures import SIGNATURE_FILE, new_pair, signer_of


def sign(models: Path, version: str, private: str) -> None:
    signer = signer_of(SecretStr(private))
    assert signer
    (manifest,) = models.glob(f"*/versions/{version}/manifest.json")
    manifest.with_name(SIGNATURE_FILE).write_bytes(signer.sign(manifest.read_bytes()))


def test_inference_serves_the_old_version_until_the_new_one_is_signed(models_dir: Path, tmp_path: Path) -> None:
    private, public = new_pair()
    models, first = models_with_a_second(models_dir, tmp_path)
    sign(models, first, private)
    sign(models, "second", new_pair()[0])
    with inference(models, tmp_path, REFRESH_SECONDS=0.2, MODEL_PUBLIC_KEYS=public) as server:
        server.wait_for("/v2/health/ready")
        point(models, "second")
        refused = ""
        for _ in range(100):
            assert answered(server, 1) == [first]
            if refused := httpx.get(server.url + MODEL, trust_env=False).json()["parameters"].get("refused", ""):
                break
            time.sleep(0.1)
        assert "second is not signed by any key of MODEL_PUBLIC_KEYS" in refused
        sign(models, "second", private)
        answered_until(server, "second")


async def test_the_gateway_promotes_what_is_signed_alone(models_dir: Path, tmp_path: Path) -> None:
    private, public = new_pair()
    models = Path(shutil.copytree(models_dir, tmp_path / "models", ignore=shutil.ignore_patterns("*.keras")))
    (source,) = models.glob("*/versions/*")
    for version in ("second", "third"):
        add_version(source.parent, source.name, version)
    for version in (source.name, "second"):
        sign(models, version, private)
    settings = Settings(data_dir=tmp_path, models_dir=None, intake_workers=1, model_public_keys=public)
    async with open_door(settings) as door:
        door.client.headers.update(await door.credentials("admin", "key"))
        await passed(door, "second", "third")
        tag = (await door.client.get(CHAMPION)).headers["etag"]
        answer = await move(door, "third", tag)
        assert (answer.status_code, answer.json()["type"]) == (422, "/problems/model-unusable")
        assert "not signed" in answer.json()["detail"]
        assert (await move(door, "second", tag)).status_code == 200
