"""compose.yaml, as compose itself reads it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import ROOT

SCRATCH = "/tmp"  # noqa: S108 - of a container, its own
OURS = ("seed", "inference", "gateway", "training")


@lru_cache(maxsize=1)
def services() -> dict[str, Any]:
    """Every service, those of profiles too."""
    compose = str(Path(sys.executable).with_name("docker-compose"))
    command = [compose, "-f", "docker/compose.yaml", "--profile", "*", "config", "--format", "json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)["services"]
    return found


def test_it_fits_the_schema() -> None:
    tool = str(Path(sys.executable).with_name("check-jsonschema"))
    command = [tool, "--builtin-schema", "vendor.compose-spec", "docker/compose.yaml"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_services_start_in_order_each_when_the_one_before_is_well() -> None:
    conditions = {
        name: {on: rule["condition"] for on, rule in service.get("depends_on", {}).items()}
        for name, service in services().items()
    }
    assert conditions == {
        "storage": {},
        "firestore": {},
        "seed": {"storage": "service_started", "firestore": "service_started"},
        "inference": {"seed": "service_completed_successfully"},
        "gateway": {"inference": "service_healthy"},
        "training": {"seed": "service_completed_successfully"},
    }
    assert services()["gateway"]["healthcheck"]["test"][-1] == "/readyz"
    assert [name for name, service in services().items() if service.get("profiles")] == ["training"]


@pytest.mark.parametrize("name", OURS)
def test_ours_can_do_little(name: str) -> None:
    service = services()[name]
    assert service["read_only"] is True
    assert service["tmpfs"] == [SCRATCH]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "user", "cap_add"} & set(service)
    writable = [mount["target"] for mount in service.get("volumes", ()) if not mount.get("read_only")]
    assert writable in ([], ["/data"])


@pytest.mark.parametrize("name", OURS)
def test_ours_use_the_cloud_adapters_on_the_emulators(name: str) -> None:
    environment = services()[name]["environment"]
    assert (environment["STORAGE"], environment["RECORDS"]) == ("gcs", "firestore")
    assert environment["STORAGE_EMULATOR_HOST"].endswith(":4443")
    assert environment["FIRESTORE_EMULATOR_HOST"] == "firestore:8080"


def test_images_of_others_are_pinned() -> None:
    foreign = {name: s["image"] for name, s in services().items() if not s["image"].startswith("nevus-")}
    assert set(foreign) == {"storage", "firestore"}
    assert all(re.search(r":\d+\.\d+\.\d+(-emulators)?$", image) for image in foreign.values())


def test_only_this_computer_reaches_them() -> None:
    published = [port for service in services().values() for port in service.get("ports", ())]
    assert {port["host_ip"] for port in published} == {"127.0.0.1"}
    assert {port["target"] for port in published} == {8080, 4443}


def test_each_is_built_from_its_own_file() -> None:
    built = {service["image"]: service["build"]["dockerfile"] for service in services().values() if "build" in service}
    assert built == {f"nevus-{name}": f"docker/{name}.Dockerfile" for name in ("gateway", "inference", "training-job")}
