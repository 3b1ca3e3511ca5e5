"""What is settled before anything starts: settings, the data folder's lock, the port, the socket's place."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOCKET_BYTES = 100  # the kernel takes 103 (macOS) or 107 (Linux) in a socket's path


class StartError(Exception):
    """Nevus cannot run; the message is one sentence for a person."""


@dataclass(frozen=True)
class Settings:
    """Where to listen and where to keep everything."""

    host: str
    port: int
    data: Path

    @property
    def address(self) -> str:
        """The URL of the gateway as a browser on this computer reaches it."""
        name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - read, not bound
        return f"http://[{name}]:{self.port}" if ":" in name else f"http://{name}:{self.port}"


def read_settings() -> Settings:
    """From the environment; raises StartError."""
    port = os.environ.get("PORT") or "8080"
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise StartError(f"PORT={port} is not a port number from 1 to 65535.")
    data = Path(os.environ.get("DATA_DIR") or ROOT / ".nevus").absolute()
    return Settings(os.environ.get("HOST") or "127.0.0.1", int(port), data)


def claim(settings: Settings) -> int:
    """Make the data folder, readable to its owner alone, and hold its lock for as long as this process lives."""
    try:
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in ("run", "logs"):
            (settings.data / name).mkdir(mode=0o700, exist_ok=True)
        handle = os.open(settings.data / "run", os.O_RDONLY)
    except OSError as error:
        raise StartError(f"DATA_DIR {settings.data} cannot be used: {error.strerror}.") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise StartError(
            f"Nevus is running on {settings.data} already: stop it, or choose another folder with DATA_DIR=..."
        ) from error
    return handle


def check_port(settings: Settings, patience: float = 1.0) -> None:
    """Raises StartError when the port stays taken; an instance that was just killed may need a moment to end."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return _bind(settings)
        except OSError as error:
            if error.errno == errno.EADDRINUSE and time.monotonic() < deadline:
                time.sleep(0.1)
                continue
            why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
            raise StartError(f"Port {settings.port} on {settings.host} {why}: choose another with PORT=...") from error


def _bind(settings: Settings) -> None:
    family, kind, protocol, _, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)


def socket_folder(data: Path) -> tuple[Path, Path | None]:
    """Where the socket lies, and that folder again when it is temporary because the data folder's path is too long."""
    folder = data / "run"
    if len(os.fsencode(folder / "inference.sock")) <= SOCKET_BYTES:
        return folder, None
    temporary = Path(tempfile.mkdtemp(prefix="nevus-", dir="/tmp"))  # short, and made for us alone
    return temporary, temporary
