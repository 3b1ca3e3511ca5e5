"""What the README says to type works: the two commands through their Makefile verbs, curl and Python for real."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import ROOT
from tests.gateway_process import GatewayProcess
from tests.photos import lesion

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(sh|python)\n(.*?)```", README, re.DOTALL)


def block(kind: str, word: str) -> str:
    (found,) = (text for language, text in BLOCKS if language == kind and word in text)
    return str(found)


def run(command: list[str], nevus: GatewayProcess, folder: Path) -> str:
    (folder / "photo.jpg").write_bytes(lesion(seed=1))
    key = nevus.admin("create-key", "--role", "client")
    environment = os.environ | {"NEVUS_KEY": key, "NO_PROXY": "127.0.0.1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return done.stdout


def test_curl(nevus: GatewayProcess, tmp_path: Path) -> None:
    text = block("sh", "curl").replace("http://127.0.0.1:8080", nevus.url)
    assert '"status":"complete"' in run(["sh", "-ec", text], nevus, tmp_path)


def test_python(nevus: GatewayProcess, tmp_path: Path) -> None:
    text = block("python", "httpx").replace("http://127.0.0.1:8080", nevus.url)
    assert run([sys.executable, "-W", "error", "-c", text], nevus, tmp_path).startswith("complete ")


@pytest.mark.parametrize("verb", ["run", "test", "train DATA=photos/manifest.csv"])
def test_make_verbs(verb: str) -> None:
    assert f"make {verb}\n" in [text for _, text in BLOCKS]
    dry = subprocess.run(["make", "-n", *verb.split()], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "exec" in dry.stdout


def test_evaluate_is_a_command_that_knows_its_options() -> None:
    options = re.findall(r"--\w+", block("sh", "evaluate"))
    command = [sys.executable, "-m", "training_job", "evaluate", "--help"]
    told = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | {"COLUMNS": "200"})
    assert all(option in told.stdout for option in options)


def test_every_linked_file_exists() -> None:
    for target in re.findall(r"\]\(((?!http)[^)#]+)\)", README):
        assert (ROOT / target).exists(), target
