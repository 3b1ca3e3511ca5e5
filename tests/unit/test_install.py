"""The installer: what makes an environment current, and what a person reads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import install
from install import Environment, InstallError

PIP_LINES = """\
Looking in links: somewhere
WARNING: Location 'somewhere' is ignored: it is neither a file nor a directory.
Ignoring colorama: markers 'sys_platform == "win32"' don't match your environment
Collecting numpy==2.0.0 (from -r requirements/inference.txt (line 1))
Collecting pillow==1.0.0 (from -r requirements/inference.txt (line 9))
"""


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    """A stand-in checkout with three locked packages."""
    (tmp_path / "requirements").mkdir()
    names = ("colorama", "numpy", "pillow")
    lock = "".join(f"{name}==1 \\\n    --hash=sha256:0\n" for name in names)
    (tmp_path / "requirements/inference.txt").write_text(lock)
    for package in ("shared", "services/inference"):
        (tmp_path / package).mkdir(parents=True)
        (tmp_path / package / "pyproject.toml").write_text("[project]\n")
    (tmp_path / ".venv/inference").mkdir(parents=True)
    return Environment("inference", tmp_path)


@pytest.mark.parametrize("changed", ["requirements/inference.txt", "shared/pyproject.toml"])
def test_stamp_fits_until_something_changes(environment: Environment, tmp_path: Path, changed: str) -> None:
    assert not environment.is_current()
    environment.stamp()
    assert environment.is_current()
    with (tmp_path / changed).open("a") as file:
        file.write("# changed\n")
    assert not environment.is_current()


def test_progress_counts_what_pip_says(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    script = f"import sys; sys.stdout.write({PIP_LINES!r})"
    monkeypatch.setattr(install, "LIFETIME", write(environment, script))
    environment._call(sys.executable)
    assert (environment.done, environment.total) == (3, 3)
    assert "3/3" in environment.line()


def test_failure_keeps_what_the_installer_said_without_noise(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = f"import sys; sys.stdout.write({PIP_LINES!r}); print('no such hash'); sys.exit(3)"
    monkeypatch.setattr(install, "LIFETIME", write(environment, script))
    with pytest.raises(InstallError) as caught:
        environment.make()
    assert environment.state == "failed"
    assert not environment.is_current()
    assert "exit status 3" in str(caught.value)
    assert "no such hash" in str(caught.value)
    assert "is ignored" not in str(caught.value)
    assert "is ignored" in environment.log.read_text()


def write(environment: Environment, script: str) -> Path:
    """A program to run in pip's place."""
    path = environment.folder / "program.py"
    path.write_text(script)
    return path


def test_current_environments_take_no_time_and_say_nothing(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(install, "ROOT", tmp_path)
    monkeypatch.setattr(install, "Environment", lambda _: environment)
    environment.stamp()
    assert install.main(["inference"]) == 0
    assert capsys.readouterr() == ("", "")


def test_unknown_environment_is_a_usage_error() -> None:
    done = subprocess.run(
        [sys.executable, "deploy/local/install.py", "nothing"], cwd=install.ROOT, capture_output=True, check=False
    )
    assert done.returncode == 2
