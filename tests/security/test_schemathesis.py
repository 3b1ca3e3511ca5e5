"""Requests made up from the OpenAPI document, right ones and wrong ones, held against every check of schemathesis.

It runs as a program of its own on a real gateway and a real inference service. What is allowed for is in
schemathesis.toml, with the reasons.
"""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import ROOT
from tests.gateway_process import GatewayProcess, gateway
from tests.inference_process import inference

PROGRAM = Path(sys.executable).with_name("schemathesis")
CONFIG = Path(__file__).with_name("schemathesis.toml")
KEY = "nvs_" + secrets.token_urlsafe(32)
SEED = 20_261_124
OPERATIONS = 27


@pytest.fixture
def nevus(models_dir: Path, tmp_path: Path) -> Iterator[GatewayProcess]:
    with inference(models_dir, tmp_path, WORKERS=1) as behind:
        settings = {"NEVUS_ADMIN_KEY": KEY, "FAILED_KEYS": 1_000_000, "INTAKE_WORKERS": 1, "TRAINING_DATA": ""}
        with gateway(models_dir, tmp_path, behind.url, **settings) as process:
            process.wait_for("/readyz")
            yield process


def checked(nevus: GatewayProcess, folder: Path, phases: str, each: int) -> int:
    """How many cases all checks passed; `each` is how many are made up for an operation in a phase."""
    command = [str(PROGRAM), f"--config-file={CONFIG}", "run", f"{nevus.url}/openapi.json", "--no-color"]
    asked = [f"--phases={phases}", f"--max-examples={each}", f"--seed={SEED}", f"--header=Authorization: Bearer {KEY}"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run([*command, *asked], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert f"{OPERATIONS} selected / {OPERATIONS} total" in done.stdout
    return int(re.findall(r"(\d+) generated", done.stdout)[-1])


def test_a_few_cases_of_every_operation(nevus: GatewayProcess, tmp_path: Path) -> None:
    assert checked(nevus, tmp_path, "examples,coverage,fuzzing", 2) >= 500


@pytest.mark.torture
@pytest.mark.timeout(3600)
def test_ten_thousand_cases(nevus: GatewayProcess, tmp_path: Path) -> None:
    assert checked(nevus, tmp_path, "examples,coverage,fuzzing,stateful", 400) >= 10_000
