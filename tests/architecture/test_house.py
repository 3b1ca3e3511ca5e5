"""The rules of the house that no linter knows."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest
from tests.conftest import ROOT

VERBS = ("run", "test", "torture", "lint", "train", "bench", "e2e", "e2e-cloud", "deploy", "destroy")
SOURCES = sorted(
    path
    for top in ("shared", "services", "deploy", "clients", "tests", "benchmarks")
    for path in (ROOT / top).rglob("*.py")
)
LOCKS = sorted([*(ROOT / "requirements").glob("*.txt"), *(ROOT / "benchmarks/peers").glob("*/requirements.txt")])
SERVED = ("gateway", "inference", "client", "dev")  # what serves, and what tests it, never holds TensorFlow
MAX_FILE, MAX_FUNCTION = 300, 50


def locked(name: str) -> dict[str, set[str]]:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    versions: dict[str, set[str]] = {}
    for package, version in re.findall(r"^([\w.-]+)==([\w.]+)", text, re.MULTILINE):
        versions.setdefault(package, set()).add(version)
    return versions


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= MAX_FILE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < MAX_FUNCTION, node.name


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_there(verb: str) -> None:
    assert re.search(rf"^[\w -]*(?<![\w-]){verb}(?![\w-])[\w -]*:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_train_asks_for_its_data() -> None:
    done = subprocess.run(["make", "train", "DATA="], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "make train DATA=" in done.stderr


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.parent.name + lock.stem)
def test_locks_carry_hashes_and_no_addresses(lock: Path) -> None:
    entries = re.split(r"\n(?=\S)", lock.read_text().strip())
    assert len(entries) > 20
    for entry in entries:
        assert re.match(r"[a-z0-9][\w.-]*==\S+", entry), entry[:80]
        assert "--hash=sha256:" in entry, entry[:80]
        assert not re.search(r"://|--find-links|--index|@ ", entry), entry[:80]


@pytest.mark.parametrize("name", SERVED)
def test_tensorflow_is_trained_with_and_never_served(name: str) -> None:
    assert not {"tensorflow", "keras", "torch"} & set(locked(name))
    assert "tensorflow" in locked("training")


def test_each_package_has_one_version_in_what_serves_and_what_tests() -> None:
    tested = locked("dev")
    for name in ("gateway", "inference", "client"):
        different = {package for package, versions in locked(name).items() if tested.get(package) != versions}
        assert not different


def test_import_contracts() -> None:
    done = subprocess.run(
        [ROOT / ".venv/dev/bin/lint-imports", "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:]


def test_the_code_and_the_model_have_their_licences() -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text()
    assert "CC BY-NC 4.0" in (ROOT / "models/LICENSE").read_text()
