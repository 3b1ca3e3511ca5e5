"""The plugin that looks for secrets in logs finds each kind, and the run fails."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import ROOT
from tests.issuer import token_issuer
from tests.secret_scan import findings, secrets_in

from nevus.adapters.keys import new_secret

SECRET = "nvs_" + "x" * 43
TESTS = """
import logging

def test_in_a_field_of_a_record():
    logging.getLogger("gateway").info("request", extra={"who": "nvs_" + "x" * 43})

def test_in_a_servers_log(tmp_path):
    (tmp_path / "gateway.log").write_text("nvs_" + "x" * 43)

def test_in_neither():
    logging.getLogger("gateway").info("request", extra={"who": "key_0123456789ab"})
"""


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A folder that this run's own look does not reach."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def test_every_kind_of_secret_is_known() -> None:
    with token_issuer() as issuer:
        token = issuer.token()
    made = [new_secret(prefix) for prefix in ("nvs_", "nvi_", "nvw_")] + [token]
    signed = [f"signature={secrets.token_hex(32)}", f"X-Goog-Signature={secrets.token_hex(32)}"]
    ways = ["/sign-in?token=x", "nevus_session=x", f"Authorization: Bearer {secrets.token_hex(16)}"]
    for text in made + signed + ways:
        (found,) = secrets_in(f'{{"message": "{text}"}}')
        assert text not in found


def test_ordinary_lines_hold_none() -> None:
    for text in ("GET /sign-in", "key_0123456789ab", "Bearer token", "/sign-in?token=", "a" * 100, "0f" * 32):
        assert not secrets_in(text)


def test_logs_of_the_run_are_looked_through(elsewhere: Path) -> None:
    for name in ("gateway.log", "logs/gateway.log.1", "said.txt"):
        (elsewhere / name).parent.mkdir(exist_ok=True)
        (elsewhere / name).write_text(f"calm\n{new_secret('nvs_')}\n")
    assert [line.split(":")[1] for line in findings(elsewhere)] == ["2", "2"]


def test_the_run_fails(elsewhere: Path) -> None:
    (elsewhere / "test_it.py").write_text(TESTS)
    options = ["-p", "tests.secret_scan", "-p", "no:cacheprovider", "-c", os.devnull, f"--basetemp={elsewhere}/base"]
    command = [sys.executable, "-m", "pytest", *options, f"--rootdir={elsewhere}", str(elsewhere)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == pytest.ExitCode.TESTS_FAILED
    assert "3 passed, 1 error" in ended.stdout
    assert "ERROR at teardown of test_in_a_field_of_a_record" in ended.stdout
    assert "gateway.log:1: nvs_xxxxxxxx..." in ended.stdout
    assert SECRET not in ended.stdout
