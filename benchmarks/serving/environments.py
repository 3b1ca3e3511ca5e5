"""One virtual environment a peer, made once from its own lock and kept until the lock changes."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / "benchmarks/peers"
UV = ROOT / ".venv/dev/bin/uv"
STAMP = "nevus-stamp"
LIMIT = 1800  # seconds that an installation may take


class InstallError(Exception):
    """An environment that could not be made; the message ends with what the installer said."""


def python_of(peer: str, folder: Path) -> Path:
    """The interpreter of a peer's environment under `folder`; raises InstallError when it cannot be made."""
    place = folder / "venv" / peer
    lock = PEERS / peer / "requirements.txt"
    python = place / "bin/python"
    if not is_current(place, lock):
        print(f"installing {peer} into {place}", flush=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        call("venv", "--clear", "--python", sys.executable, str(place))
        call(
            "pip",
            "install",
            "--python",
            str(python),
            "--require-hashes",
            "--compile-bytecode",
            "--requirements",
            str(lock),
        )
        (place / STAMP).write_text(wanted(lock))
    return python


def is_current(place: Path, lock: Path) -> bool:
    """Whether the environment is whole and of this lock and Python."""
    stamp = place / STAMP
    return stamp.is_file() and stamp.read_text() == wanted(lock)


def wanted(lock: Path) -> str:
    """What decides what an environment holds."""
    return hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()


def call(*words: str) -> None:
    """One call of uv; raises InstallError."""
    command = [str(UV), *words, "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)
    if done.returncode:
        raise InstallError(f"{' '.join(command)}: {done.stderr[-2000:]}")
