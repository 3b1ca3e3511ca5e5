"""Definitions, alerts, dashboard and lifecycle rules, read by the classes of an installed gcloud."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.conftest import ROOT, lacking
from tests.unit.test_definitions import FIELDS, rendered

CLASSES = {
    "monitoring/alert-*": ("monitoring", "v3", "AlertPolicy"),
    "monitoring/dashboard*": ("monitoring", "v1", "Dashboard"),
    "monitoring/metric-*": ("logging", "v2", "LogMetric"),
    "lifecycle/*": ("storage", "v1", "Bucket.LifecycleValue"),
}
Document = tuple[str, str, str, str]


def read(documents: list[Document], folder: Path) -> subprocess.CompletedProcess[str]:
    """By gcloud's own Python, with no account."""
    program = shutil.which("gcloud")
    sdk = Path(program).resolve().parents[1] if program else Path("/none")
    python = sdk / "platform/bundledpythonunix/bin/python3"
    if not python.is_file():
        lacking("gcloud", "with the Python that it brings")
    environment = os.environ | {"CLOUDSDK_CONFIG": str(folder)}
    command = [str(python), "-P", str(ROOT / "tests/gcloud_messages.py"), str(sdk)]
    given = json.dumps(documents)
    return subprocess.run(command, input=given, env=environment, capture_output=True, text=True, check=False)


def test_every_document_is_one_that_the_service_knows(tmp_path: Path) -> None:
    documents: list[Document] = [("run", "v1", kind, text) for kind, text in definitions_of_all()]
    for pattern, kind in CLASSES.items():
        files = sorted((ROOT / "deploy").glob(f"{pattern}.json"))
        assert files
        documents += [(*kind, file.read_text()) for file in files]
    done = read(documents, tmp_path)
    assert done.returncode == 0, done.stderr[-800:]


def definitions_of_all() -> list[tuple[str, str]]:
    texts = [rendered(name, access) for name in FIELDS for access in ("public", "iap")]
    return [("Service" if "kind: Service" in text else "Job", text) for text in texts]


@pytest.mark.parametrize("wrong", ["containerConcurency", "startupProb"])
def test_a_field_that_does_not_exist_is_found(wrong: str, tmp_path: Path) -> None:
    right = {"containerConcurency": "containerConcurrency", "startupProb": "startupProbe"}[wrong]
    done = read([("run", "v1", "Service", rendered("gateway").replace(right, wrong))], tmp_path)
    assert wrong in done.stderr
