"""What Cloud Run is told: settings that exist, images by digest, probes on paths that answer, figures that fit."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from deploy.cloud import definitions
from deploy.cloud.definitions import Images
from deploy.cloud.parts import Access, Place
from deploy.cloud.workloads import JOBS, TIMETABLE, timetable
from ruamel.yaml import YAML
from tests.conftest import ROOT
from tests.security.test_matrix import ROWS

import gateway.settings
import inference.settings
import training_job.settings
from gateway.settings import Settings

DIGEST = "@sha256:" + "a" * 64
IMAGES = Images(*(f"europe-west4-docker.pkg.dev/my-project/nevus/{name}{DIGEST}" for name in ("g", "i", "t")))
FIELDS = {
    "gateway": set(gateway.settings.Settings.model_fields),
    "reconciler": set(gateway.settings.Settings.model_fields),
    "inference": set(inference.settings.Settings.model_fields),
    "training": set(training_job.settings.Settings.model_fields),
    "score": set(training_job.settings.Settings.model_fields),
}
SERVICES = ("inference", "gateway", "reconciler")


def where(access: Access = "public") -> Place:
    return Place("my-project", "europe-west4", access, number="123456789")


def rendered(name: str, access: Access = "public") -> str:
    if name in JOBS:
        return definitions.job(where(access), IMAGES, name)
    new: dict[str, Any] = {"revisionName": f"nevus-{name}-b2", "tag": "candidate"}
    traffic = [{"revisionName": "old", "percent": 100}, new]
    return definitions.service(where(access), IMAGES, name, f"nevus-{name}-b2", traffic)


def defined(name: str, access: Access = "public") -> dict[str, Any]:
    text = rendered(name, access)
    assert "${" not in text
    loaded: dict[str, Any] = YAML(typ="safe").load(text)
    return loaded


def container(name: str, access: Access = "public") -> dict[str, Any]:
    spec = defined(name, access)["spec"]["template"]["spec"]
    found: dict[str, Any] = (spec["template"]["spec"] if name in JOBS else spec)["containers"][0]
    return found


def environment(name: str, access: Access = "public") -> dict[str, Any]:
    return {entry["name"]: entry.get("value") for entry in container(name, access)["env"]}


@pytest.mark.parametrize("name", FIELDS)
def test_settings_are_ones_that_the_program_reads(name: str) -> None:
    names = {setting.lower() for setting in environment(name)}
    assert names <= FIELDS[name], names - FIELDS[name]
    assert "port" not in names  # Cloud Run sets it


SECRETS = {"ADMIN_EMAILS": "who@deploys.test", "MODEL_PUBLIC_KEYS": "none"}


@pytest.mark.parametrize("access", ["public", "iap"])
def test_the_gateway_starts_with_its_settings(access: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment("gateway", access).items():
        monkeypatch.setenv(name, SECRETS[name] if value is None else value)
    settings = Settings()
    assert not settings.keeps_files
    assert (settings.identity, settings.reconcile) == ("oidc", "request")
    assert settings.inference_url == settings.inference_audience == where().url("inference")
    assert bool(settings.iap_audience) == (access == "iap")
    words = [word for each in timetable(where(access)) for command in each.create for word in command.words]
    asked = {word.partition("=")[2] for word in words if word.startswith("--oidc-token-audience=")}
    assert asked == {settings.reconcile_audience}
    assert ".run.app" not in settings.reconcile_audience  # see docs/signing-in.md


def test_images_are_named_by_digest() -> None:
    for name in FIELDS:
        assert container(name)["image"].endswith(DIGEST)


def test_as_many_photos_as_the_door_takes_and_inference_answers() -> None:
    gateway_spec = defined("gateway")["spec"]["template"]["spec"]
    assert gateway_spec["containerConcurrency"] == 8 * Settings.model_fields["intake_workers"].default
    inference_spec = defined("inference")["spec"]["template"]["spec"]
    workers = int(environment("inference")["WORKERS"])
    assert str(workers) == container("inference")["resources"]["limits"]["cpu"]
    assert (
        inference_spec["containerConcurrency"]
        == workers * (1 + 3)
        == int(environment("gateway")["INFERENCE_CONNECTIONS"])
    )
    assert inference_spec["timeoutSeconds"] > Settings.model_fields["inference_timeout"].default
    assert gateway_spec["timeoutSeconds"] > Settings.model_fields["upload_timeout"].default


def test_probes_ask_what_answers() -> None:
    routes = {"gateway": "services/gateway/gateway/routes", "inference": "services/inference/inference/routes"}
    for name, folder in routes.items():
        source = "".join(file.read_text() for file in (ROOT / folder).glob("*.py"))
        prefix = "/v2" if 'prefix="/v2"' in source else ""
        for probe in ("startupProbe", "livenessProbe"):
            path = container(name)[probe]["httpGet"]["path"]
            assert f'"{path}"' in source or f'"{path.removeprefix(prefix)}"' in source, path


@pytest.mark.parametrize("access", ["public", "iap"])
def test_who_is_reached_from_where(access: Access) -> None:
    for name in SERVICES:
        notes = defined(name, access)["metadata"]["annotations"]
        assert notes["run.googleapis.com/ingress"] == ("all" if name == "gateway" else "internal")
        assert notes.get("run.googleapis.com/iap-enabled", "false") == json.dumps((name, access) == ("gateway", "iap"))
        unchecked = notes.get("run.googleapis.com/invoker-iam-disabled", "false")
        assert unchecked == json.dumps(name == "reconciler"), "a token that Cloud Run checks loses its signature"
    template = defined("gateway")["spec"]["template"]["metadata"]["annotations"]
    assert template["run.googleapis.com/vpc-access-egress"] == "all-traffic"
    networks = json.loads(template["run.googleapis.com/network-interfaces"])
    assert networks == [{"network": "nevus", "subnetwork": "nevus"}]
    audiences = defined("inference")["metadata"]["annotations"]["run.googleapis.com/custom-audiences"]
    assert json.loads(audiences) == [environment("gateway")["INFERENCE_AUDIENCE"]]


@pytest.mark.parametrize("name", JOBS)
def test_a_task_is_tried_again_three_times(name: str) -> None:
    task = defined(name)["spec"]["template"]["spec"]["template"]["spec"]
    assert task["maxRetries"] == training_job.settings.Settings.model_fields["cloud_run_task_retries"].default
    commands = (ROOT / "services/training-job/training_job/cli.py").read_text()
    assert f"def {container(name)['args'][0]}(" in commands


def test_a_definition_states_the_whole_traffic() -> None:
    traffic = defined("gateway")["spec"]["traffic"]
    assert sum(entry.get("percent", 0) for entry in traffic) == 100
    new = defined("gateway")["spec"]["template"]["metadata"]["name"]
    assert traffic[-1] == {"revisionName": new, "tag": "candidate"}


def test_the_scheduler_asks_what_the_gateway_takes() -> None:
    assert ("POST", "/internal/reconcile") in ROWS
    bodies = {name: json.loads(body) for name, (_, body, _) in TIMETABLE.items()}
    assert bodies == {"reconcile": {}, "sweep": {"sweep": True}}


def test_cloud_build_takes_its_file() -> None:
    check = str(ROOT / ".venv/dev/bin/check-jsonschema")
    command = [check, "--builtin-schema", "vendor.cloudbuild", "deploy/cloudbuild.yaml"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_build_goes_through_all_steps_in_order() -> None:
    build = YAML(typ="safe").load((ROOT / "deploy/cloudbuild.yaml").read_text())
    assert [step["id"] for step in build["steps"]] == ["test", "build", "scan", "push", "release"]
    assert build["serviceAccount"].endswith("/nevus-build@$PROJECT_ID.iam.gserviceaccount.com")
    assert int(build["timeout"][:-1]) >= sum(int(step["timeout"][:-1]) for step in build["steps"])
    for step in build["steps"]:
        assert subprocess.run(["bash", "-n"], input=step["script"], text=True, check=False).returncode == 0
        assert not re.search(r":(latest|stable)\b", step["name"])
    for file in re.findall(r"for image in (.*);", build["steps"][1]["script"])[0].split():
        assert (ROOT / f"docker/{file}.Dockerfile").is_file()


@pytest.mark.parametrize("file", sorted((ROOT / "deploy/lifecycle").glob("*.json")), ids=lambda file: file.stem)
def test_lifecycle_rules(file: Path) -> None:
    rules = json.loads(file.read_text())["rule"]
    assert {"type": "AbortIncompleteMultipartUpload"} in [rule["action"] for rule in rules]
    deleted = [rule["condition"] for rule in rules if rule["action"] == {"type": "Delete"}]
    bounds = {"photos": "quarantine/", "training": "runs/", "models": '"isLive": false', "build": '"age": 7'}
    assert len(deleted) == 1
    assert bounds[file.stem] in json.dumps(deleted[0])
