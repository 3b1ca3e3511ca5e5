"""Make the environments that are named: `python install.py gateway inference`.

Runs before anything is installed: standard library alone. An environment whose stamp still fits is left as it is;
any other is made anew from its lock, two at a time, and stamped last, so that an interrupted one counts for nothing.
"""

from __future__ import annotations

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - whoever runs an older one is told so
    sys.exit("Nevus needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 ...")

import argparse
import fcntl
import hashlib
import os
import re
import runpy
import signal
import subprocess
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIFETIME = ROOT / "shared/nevus/lifetime.py"
PACKAGES = {
    "gateway": ("shared", "services/gateway"),
    "inference": ("shared", "services/inference"),
    "training": ("shared", "services/training-job"),
    "client": ("clients/python",),
    "dev": ("shared", "services/gateway", "services/inference", "services/training-job", "clients/python"),
}
NOISE = re.compile(r"Location '.*' is ignored|Looking in (links|indexes)|notice\]")
STEP = re.compile(r"(Collecting|Requirement already satisfied:|Ignoring) ")


class InstallError(Exception):
    """An environment that could not be made; the message ends with what the installer said."""


class Environment:
    """One virtual environment, its lock and how far its installation has come."""

    def __init__(self, name: str, root: Path = ROOT) -> None:
        """Raises KeyError for a name that has no packages."""
        self.name = name
        self.packages = [root / package for package in PACKAGES[name]]
        self.lock = root / "requirements" / f"{name}.txt"
        self.folder = root / ".venv" / name
        self.log = self.folder.with_suffix(".log")
        self.total = len(re.findall(r"^[\w.-]+==", self.lock.read_text(), re.MULTILINE))
        self.done = 0
        self.state = "waiting"
        self.started = self.ended = 0.0

    @property
    def _stamp(self) -> Path:
        return self.folder / "nevus-stamp"

    def wanted(self) -> str:
        """Hash of all that decides what the environment holds: lock, packages, place, Python."""
        digest = hashlib.sha256(f"{self.folder}\n{sys.version}\n{sys.base_prefix}".encode())
        for file in (self.lock, *(package / "pyproject.toml" for package in self.packages)):
            digest.update(file.read_bytes())
        return digest.hexdigest()

    def is_current(self) -> bool:
        """Whether the environment is whole and of this lock."""
        return self._stamp.is_file() and self._stamp.read_text() == self.wanted()

    def stamp(self) -> None:
        """Say that the environment is whole."""
        self._stamp.write_text(self.wanted())

    def make(self) -> None:
        """Install from nothing; raises InstallError."""
        self.started, self.state = time.monotonic(), "creating"
        try:
            self._make()
            self.state = "ready"
        except BaseException:
            self.state = "failed"
            raise
        finally:
            self.ended = time.monotonic()

    def _make(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.log.unlink(missing_ok=True)
        self._stamp.unlink(missing_ok=True)
        self._call(sys.executable, "venv", "--clear", str(self.folder))
        self.state = "packages"
        self._pip("--require-hashes", "-r", str(self.lock))
        editable = [word for package in self.packages for word in ("-e", str(package))]
        self._pip("--no-deps", "--no-build-isolation", *editable)
        self.stamp()

    def _pip(self, *words: str) -> None:
        self._call(
            str(self.folder / "bin/python"), "pip", "--disable-pip-version-check", "--no-input", "install", *words
        )

    def _call(self, python: str, *module: str) -> None:
        command = [python, "-P", str(LIFETIME), *module]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "ignore"}
        tail: deque[str] = deque(maxlen=15)
        with (
            self.log.open("a") as log,
            subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                env=environment,
            ) as process,
        ):
            assert process.stdout
            for line in process.stdout:
                log.write(line)
                self._follow(line, tail)
        if process.returncode:
            raise InstallError(f"{self.name}: exit status {process.returncode}, log in {self.log}\n{''.join(tail)}")

    def _follow(self, line: str, tail: deque[str]) -> None:
        if not NOISE.search(line):
            tail.append(line)
        if STEP.match(line):
            self.done = min(self.done + 1, self.total)
        elif line.startswith("Installing collected"):
            self.done, self.state = self.total, "unpacking"

    def line(self) -> str:
        """One line for a person: how far it is and for how long."""
        seconds = (self.ended or time.monotonic()) - self.started if self.started else 0.0
        filled = 20 * self.done // max(self.total, 1)
        bar = "█" * filled + "░" * (20 - filled)
        return f"  {self.name:<10} {bar} {self.done:>3}/{self.total:<3} {self.state:<9} {seconds:5.1f} s"


class Display:
    """Redraws a line an environment on a terminal; elsewhere says each change of state once."""

    def __init__(self, environments: list[Environment]) -> None:
        """Draws nothing yet."""
        self._environments = environments
        self._said: dict[str, str] = {}
        self._drawn = False

    def draw(self) -> None:
        """Show where each environment is."""
        if sys.stdout.isatty():
            up = f"\x1b[{len(self._environments)}A" if self._drawn else ""
            print(up + "\n".join(f"\x1b[2K{environment.line()}" for environment in self._environments), flush=True)
            self._drawn = True
            return
        for environment in self._environments:
            if environment.state not in ("waiting", self._said.get(environment.name)):
                self._said[environment.name] = environment.state
                print(environment.line(), flush=True)


def make_all(environments: list[Environment], at_once: int = 2) -> None:
    """Make every environment with a display; raises the first InstallError after all have ended."""
    display = Display(environments)
    with ThreadPoolExecutor(at_once) as pool:
        futures = [pool.submit(environment.make) for environment in environments]
        while not all(future.done() for future in futures):
            display.draw()
            time.sleep(0.2)
    display.draw()
    for future in futures:
        future.result()


def main(names: list[str]) -> int:
    """Make what is missing; returns the exit status."""
    folder = ROOT / ".venv"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a second make waits here and then finds everything current
        stale = [environment for environment in map(Environment, names) if not environment.is_current()]
        if not stale:
            return 0
        training = " (TensorFlow included: some minutes)" if any(e.name == "training" for e in stale) else ""
        print(f"Installing {', '.join(e.name for e in stale)} into .venv{training}", flush=True)
        try:
            make_all(stale)
        except InstallError as error:
            print(f"Installation failed: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make the environments that are named.")
    parser.add_argument("names", nargs="+", choices=sorted(PACKAGES), metavar="NAME", help=", ".join(PACKAGES))
    signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    runpy.run_path(str(LIFETIME))["follow_parent"]()  # a killed make leaves no installer behind
    sys.exit(main(parser.parse_args().names))
