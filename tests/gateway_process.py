"""A real gateway in its own process, on a free port."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from tests.inference_process import free_port


@dataclass
class GatewayProcess:
    """The process, where it listens, what it keeps, its log and its environment."""

    process: subprocess.Popen[bytes]
    url: str
    data: Path
    log_file: Path
    environment: dict[str, str]

    def admin(self, *arguments: str) -> str:
        """The last line that `nevus-admin` prints."""
        command = [sys.executable, "-m", "gateway.admin", *arguments]
        done = subprocess.run(command, env=self.environment, check=True, capture_output=True, text=True)
        return done.stdout.strip().splitlines()[-1]

    def invite(self, role: str = "client", caller: str = "anna") -> str:
        return self.admin("invite", "--role", role, "--caller", caller, "--base-url", self.url)

    def wait_for(self, path: str = "/readyz", seconds: float = 30) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert self.process.poll() is None, self.log_file.read_text()
            try:
                if httpx.get(self.url + path, trust_env=False).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"{path} did not answer 200: {self.log_file.read_text()}")


@contextmanager
def gateway(models: Path, folder: Path, inference_url: str, **settings: object) -> Iterator[GatewayProcess]:
    """Start without waiting for anything; killed at the end if it still runs."""
    port, log_file, data = free_port(), folder / "gateway.log", folder / "data"
    own = {"PORT": port, "MODELS_DIR": models, "DATA_DIR": data, "INFERENCE_URL": inference_url, **settings}
    environment = os.environ | {name: str(value) for name, value in own.items()}
    with log_file.open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "gateway"], env=environment, stdout=log, stderr=log)
    try:
        yield GatewayProcess(process, f"http://127.0.0.1:{port}", data, log_file, environment)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
