"""A real inference service in its own process, on a free port or a Unix socket."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from PIL import Image


@dataclass
class InferenceProcess:
    """The process, where it listens, and its log."""

    process: subprocess.Popen[bytes]
    port: int
    log_file: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def status(self, path: str) -> int:
        return httpx.get(self.url + path, trust_env=False).status_code

    def wait_for(self, path: str, status: int = 200, seconds: float = 15) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if self.status(path) == status:
                    return
            except httpx.TransportError:
                pass
            assert self.process.poll() is None, self.log_file.read_text()
            time.sleep(0.02)
        raise AssertionError(f"{path} did not answer {status}: {self.log_file.read_text()}")

    def log(self) -> list[dict[str, Any]]:
        lines = self.log_file.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def metric(self, name: str) -> float:
        lines = httpx.get(self.url + "/metrics", trust_env=False).text.splitlines()
        return next((float(line.split()[-1]) for line in lines if line.startswith(name + " ")), 0.0)


def slow_photo() -> bytes:
    """49 megapixels of nothing as PNG: about a third of a second of decoding."""
    data = io.BytesIO()
    Image.new("RGB", (7000, 7000), (200, 150, 130)).save(data, "PNG", compress_level=1)
    return data.getvalue()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def inference(models: Path, folder: Path, **settings: object) -> Iterator[InferenceProcess]:
    """Start without waiting for anything; killed at the end if it still runs."""
    port, log_file = free_port(), folder / "inference.log"
    own = {"PORT": port, "MODELS_DIR": models, "NEVUS_FOLLOW_PARENT": 1, "WORKERS": 2, **settings}
    environment = os.environ | {name: str(value) for name, value in own.items()}
    with log_file.open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "inference"], env=environment, stderr=log)
    try:
        yield InferenceProcess(process, port, log_file)
    finally:
        process.kill()
        process.wait()
