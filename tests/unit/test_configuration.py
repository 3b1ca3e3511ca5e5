"""Wrong and missing settings are one line that names them, from every program."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from tests.conftest import ROOT

from gateway import __main__ as gateway
from nevus.adapters.google_credentials import NO_CREDENTIALS, credentials_found
from nevus.signatures import new_pair
from training_job import cli

BUCKETS = "PHOTOS_BUCKET and MODELS_BUCKET"
TWO = "STORAGE: Input should be 'file' or 'gcs'; JOBS: Input should be 'subprocess' or 'cloud_run'"
KEY = "a key has 8 to 512 letters, digits or signs; `nevus-admin create-key` makes one"
NO_KEY = "a key is 32 bytes in base64"
TRUSTED, UNTRUSTED = new_pair(), new_pair()
CASES = [
    ("gateway", {"PREVALENCE": "7"}, "gateway cannot start: PREVALENCE: Input should be less than 1."),
    ("gateway", {"STORAGE": "gcs"}, f"gateway cannot start: STORAGE=gcs: set {BUCKETS}."),
    ("gateway", {"RECORDS": "firestore"}, "gateway cannot start: RECORDS=firestore: set GOOGLE_CLOUD_PROJECT."),
    (
        "gateway",
        {"STORAGE": "s3", "JOBS": "a"},
        f"gateway cannot start: {TWO}.",
    ),
    ("gateway", {"NEVUS_ADMIN_KEY": "short"}, f"gateway cannot start: NEVUS_ADMIN_KEY: {KEY}."),
    ("gateway", {"NEVUS_ADMIN_KEY": "with a blank in its middle"}, f"gateway cannot start: NEVUS_ADMIN_KEY: {KEY}."),
    ("inference", {"STORAGE": "gcs"}, "inference cannot start: STORAGE=gcs: set MODELS_BUCKET."),
    ("gateway", {"MODEL_SIGNING_KEY": "no key"}, f"gateway cannot start: MODEL_SIGNING_KEY: {NO_KEY}."),
    ("inference", {"MODEL_PUBLIC_KEYS": "no key"}, f"inference cannot start: MODEL_PUBLIC_KEYS: {NO_KEY}."),
    ("inference", {"WORKERS": "0"}, "inference cannot start: WORKERS: Input should be greater than or equal to 1."),
]


NOBODY = {"NO_GCE_CHECK": "true", "CLOUDSDK_CONFIG": "/nonexistent", "GOOGLE_APPLICATION_CREDENTIALS": ""}
IN_CLOUD = {"STORAGE": "gcs", "RECORDS": "firestore", "GOOGLE_CLOUD_PROJECT": "p", "MODELS_BUCKET": "m"}


def ended(*command: str, **settings: str) -> tuple[int, str]:
    """Exit status, and what was said."""
    done = subprocess.run(
        [sys.executable, "-m", *command],
        check=False, cwd=ROOT, env=os.environ | settings, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return done.returncode, done.stderr.strip()


def said_here(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], main: Callable[[], object], **settings: str
) -> tuple[object, str]:
    """The same of the program's own main function, without a process."""
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    try:
        status = main()
    except SystemExit as ended:
        status = ended.code
    return status, capsys.readouterr().err.strip()


@pytest.mark.parametrize(
    ("service", "settings", "said"), CASES, ids=[f"{name}-{next(iter(of))}" for name, of, _ in CASES]
)
def test_a_service_says_in_one_line_what_keeps_it_from_starting(
    service: str,
    settings: dict[str, str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    main = importlib.import_module(f"{service}.__main__").main
    assert said_here(monkeypatch, capsys, main, **settings) == (2, said)


@pytest.mark.parametrize(("service", "settings", "said"), [CASES[4], CASES[-1]], ids=["gateway", "inference"])
def test_its_process_ends_so(service: str, settings: dict[str, str], said: str) -> None:
    assert ended(service, **settings) == (2, said)


def test_a_secret_is_not_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    settings = {"NEVUS_ADMIN_KEY": "nvs_secret", "PREVALENCE": "7"}
    assert "nvs_secret" not in said_here(monkeypatch, capsys, gateway.main, **settings)[1]


@pytest.mark.parametrize(
    ("command", "settings", "said"),
    [
        (("retrain", "--run", "a"), {"RECORDS": "firestore"}, "RECORDS=firestore: set GOOGLE_CLOUD_PROJECT"),
        (("retrain", "--run", "a"), {"RETRAIN_RATE": "1"}, "RETRAIN_RATE: Input should be less than 1"),
        (("score", "--data", "a.csv", "--out", "out"), {"STORAGE": "gcs"}, "STORAGE=gcs: set MODELS_BUCKET"),
        (("retrain", "--run", "a"), {"MODEL_PUBLIC_KEYS": TRUSTED[1]}, "MODEL_PUBLIC_KEYS: set MODEL_SIGNING_KEY"),
        (
            ("retrain", "--run", "a"),
            {"MODEL_PUBLIC_KEYS": TRUSTED[1], "MODEL_SIGNING_KEY": UNTRUSTED[0]},
            "MODEL_PUBLIC_KEYS does not hold the public key of MODEL_SIGNING_KEY",
        ),
        (("sign",), {}, "there is no key to sign with: set MODEL_SIGNING_KEY"),
    ],
)
def test_the_job_says_it_too(
    command: tuple[str, ...],
    settings: dict[str, str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["training_job", *command])
    assert said_here(monkeypatch, capsys, cli.main, **settings) == (1, f"training_job: {said}")


@pytest.mark.parametrize("command", [("score", "--out", "out"), ("evaluate", "--out", "out.json")])
def test_a_manifest_that_is_not_there_is_said_to_be_missing(command: tuple[str, ...]) -> None:
    status, said = ended("training_job", *command, "--data", "none.csv")
    assert (status, said.startswith("training_job: there is no "), "none.csv" in said) == (1, True, True)


def test_without_credentials_the_gateway_says_so_and_does_not_start() -> None:
    settings = NOBODY | IN_CLOUD | {"PHOTOS_BUCKET": "b", "STORAGE_EMULATOR_HOST": "", "FIRESTORE_EMULATOR_HOST": ""}
    assert ended("gateway", **settings) == (2, f"gateway cannot start: {NO_CREDENTIALS}")


def test_emulators_need_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STORAGE_EMULATOR_HOST", "FIRESTORE_EMULATOR_HOST"):
        monkeypatch.setenv(name, "127.0.0.1:1")
    assert credentials_found(storage="gcs", records="firestore")


@pytest.mark.parametrize(
    ("command", "settings"),
    [
        (("retrain", "--run", "a"), IN_CLOUD | {"PHOTOS_BUCKET": "b", "TRAINING_BUCKET": "t"}),
        (("score", "--data", "gs://b/a.csv", "--out", "out"), {"STORAGE_EMULATOR_HOST": ""}),
    ],
)
def test_without_credentials_the_job_says_so(command: tuple[str, ...], settings: dict[str, str]) -> None:
    status, said = ended("training_job", *command, **NOBODY, **settings)
    assert (status, "no Google credentials are found" in said, "Traceback" in said) == (1, True, False)
