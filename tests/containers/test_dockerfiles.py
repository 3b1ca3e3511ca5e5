"""What every image keeps to, read off its Dockerfile; docs/containers.md tells what was really built."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import ROOT
from tests.containers.dockerfiles import FILES, in_context, instructions, one, stages, variables

SERVICES = {"gateway": "gateway", "inference": "inference", "training-job": "training_job"}
COMPILED = "python -m compileall -q --invalidation-mode unchecked-hash {}"  # layers may change times, which pip trusts
BUILDERS = r"\b(gcc|g\+\+|build-essential|clang|make|apt-get|curl|wget|ADD)\b"

every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def test_each_service_has_its_file() -> None:
    assert {path.stem for path in FILES} == set(SERVICES) == {path.name for path in (ROOT / "services").iterdir()}


@every_file
def test_the_base_is_pinned_and_all_files_have_the_same(path: Path) -> None:
    first = instructions(path)[0]
    assert first.name == "ARG"
    assert re.fullmatch(r"BASE=python:3\.11\.\d+-slim-bookworm(@sha256:[0-9a-f]{64})?", first.value)
    assert first == instructions(FILES[0])[0]
    assert first.value.removeprefix("BASE=") in (ROOT / "docs/containers.md").read_text()
    assert [stage[0].value for stage in stages(path)] == ["${BASE} AS builder", "${BASE} AS final"]


@every_file
def test_the_builder_installs_what_is_locked_and_nothing_editable(path: Path) -> None:
    runs = " ".join(i.value for i in stages(path)[0] if i.name == "RUN")
    lock = "training" if path.stem == "training-job" else path.stem
    assert f"pip install --no-compile --require-hashes -r requirements/{lock}.txt" in runs
    assert f"pip install --no-compile --no-deps --no-build-isolation ./shared ./services/{path.stem}" in runs
    assert " -e " not in runs
    assert runs.endswith(COMPILED.format("/opt/nevus/lib"))  # after all else, so that it covers all else
    for tool in ("editables", "hatchling", "pip"):
        assert re.search(rf"pip uninstall [^&]*\b{tool}\b", runs)


@every_file
def test_the_final_layer_takes_the_environment_alone_and_builds_nothing(path: Path) -> None:
    final = stages(path)[-1]
    assert [i.value for i in final if i.name == "COPY"] == ["--from=builder /opt/nevus /opt/nevus"]
    assert not any(re.search(BUILDERS, f"{i.name} {i.value}") for i in final)
    assert COMPILED.format("/usr/local/lib") in one(final, "RUN").value
    assert not any("pip install" in i.value for i in final)
    assert not any(i.name == "VOLUME" for i in final)


@every_file
def test_it_runs_as_nobody_in_particular_without_a_shell(path: Path) -> None:
    final = stages(path)[-1]
    assert one(final, "USER").value == "10001:10001"
    assert one(final, "ENTRYPOINT").words == ["python", "-m", SERVICES[path.stem]]
    assert one(final, "STOPSIGNAL").value == "SIGTERM"
    assert variables(final)["PYTHONUNBUFFERED"] == "1"
    assert variables(final)["PYTHONSAFEPATH"] == "1"


@every_file
def test_a_service_says_how_it_is_and_a_job_ends(path: Path) -> None:
    health = one(stages(path)[-1], "HEALTHCHECK").value
    if path.stem == "training-job":
        assert health == "NONE"
        return
    assert re.search(r'CMD \["python", "-m", "nevus\.probe", "/\S+"\]$', health)
    assert variables(stages(path)[-1])["HOST"] == "0.0.0.0"  # noqa: S104 - of a container
    assert variables(stages(path)[-1])["PORT"] == one(stages(path)[-1], "EXPOSE").value


def test_linted_without_exceptions() -> None:
    assert not any("hadolint ignore" in path.read_text() for path in FILES)
    assert not list(ROOT.glob(".hadolint.*"))
    command = [Path(sys.executable).with_name("hadolint"), *FILES]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@every_file
def test_what_is_copied_is_in_the_context(path: Path) -> None:
    copied = [i.value.split()[0] for i in stages(path)[0] if i.name == "COPY"]
    assert len(copied) == 3
    for source in copied:
        files = list((ROOT / source).rglob("*.py")) or [ROOT / source]
        assert any(in_context(file.relative_to(ROOT).as_posix()) for file in files), source


@pytest.mark.parametrize(
    "kept_out",
    [
        "data/photo.jpg", ".git/config", ".venv/gateway/bin/python", ".nevus/records.db", "tests/photos.py",
        "models/mobilenet_v2/versions/1/model.keras", "docs/api.md", "deploy/local/run.py", ".env",
        "requirements/dev.txt", "shared/nevus/__pycache__/ports.cpython-311.pyc",
        "services/gateway/gateway/routes/__pycache__/a.pyc",
        "services/gateway/.env", "key.json",
    ],
)  # fmt: skip
def test_nothing_else_enters_the_build(kept_out: str) -> None:
    assert not in_context(kept_out)


@pytest.mark.parametrize(
    "taken", ["services/gateway/gateway/templates/base.html", "services/gateway/gateway/static/page.js",
              "shared/nevus/adapters/gcs.py", "services/training-job/pyproject.toml"],
)  # fmt: skip
def test_what_the_packages_need_enters(taken: str) -> None:
    assert in_context(taken)
