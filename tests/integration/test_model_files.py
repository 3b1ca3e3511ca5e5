"""A `.keras` file is code until it has been looked at: every bad one is refused, most before Keras is even imported."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from tests.conftest import ROOT

PYTHON = ROOT / ".venv/training/bin/python"


@pytest.mark.timeout(400)
def test_the_training_job_opens_harmless_model_files_alone(models_dir: Path, tmp_path: Path) -> None:
    (shipped,) = models_dir.glob("*/versions/*/model.keras")
    command = [str(PYTHON), "-m", "tests.model_files_check", str(tmp_path), str(shipped)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found) > 50
    wrong = [(name, said) for name, expected, said in found if expected not in said or bool(expected) != bool(said)]
    assert not wrong
    assert not list(tmp_path.glob("evil*"))
