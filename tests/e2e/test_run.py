"""`make run` as a person uses it: from the command to an answer, and every way that it can end."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from tests.backends import Backend
from tests.conftest import ROOT
from tests.photos import lesion

KEY = "nvs_an-admins-key-for-these-tests-alone"
START_SECONDS = 90.0


@dataclass
class Run:
    """A `make run` in a process group of its own."""

    process: subprocess.Popen[bytes]
    data: Path
    port: int
    output: Path

    @property
    def client(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {KEY}"}
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", headers=headers, trust_env=False, timeout=20)

    def said(self) -> str:
        return self.output.read_text()

    def until_said(self, pattern: str) -> re.Match[str]:
        until(lambda: bool(re.search(pattern, self.said())) or self.process.poll() is not None, START_SECONDS)
        found = re.search(pattern, self.said())
        assert found, self.said()
        return found

    def members(self) -> dict[int, str]:
        """Living processes of the group, with their command lines."""
        listing = subprocess.run(["ps", "-wweo", "pgid=,pid=,stat=,args="], capture_output=True, text=True, check=True)
        rows = (line.split(maxsplit=3) for line in listing.stdout.splitlines())
        return {int(pid): args for pgid, pid, stat, args in rows if int(pgid) == self.process.pid and stat[0] != "Z"}

    def pid_of(self, words: str) -> int:
        return next(pid for pid, args in self.members().items() if words in args and "make" not in args)


def until(condition: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


Start = Callable[..., Run]


@pytest.fixture
def start(tmp_path: Path, backend: Backend) -> Iterator[Start]:
    runs: list[Run] = []

    def make_run(port: int, folder: str = "data") -> Run:
        data, output = tmp_path / folder, tmp_path / f"{len(runs)}.txt"
        environment = {
            **os.environ,
            **backend.settings(data),
            "DATA_DIR": str(data),
            "PORT": str(port),
            "NEVUS_ADMIN_KEY": KEY,
        }
        with output.open("wb") as out:
            process = subprocess.Popen(
                ["make", "run"], cwd=ROOT, env=environment, stdout=out, stderr=out, start_new_session=True
            )
        runs.append(Run(process, data, port, output))
        return runs[-1]

    yield make_run
    for run in runs:
        if run.members():
            os.killpg(run.process.pid, signal.SIGKILL)
        run.process.wait()


def another_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def checkout() -> Callable[[], str]:
    def status() -> str:
        command = ["git", "status", "--porcelain", "models", "deploy", "requirements"]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    return status


def test_from_the_command_to_an_answer_and_ctrl_c(start: Start, free_port: int, checkout: Callable[[], str]) -> None:
    before = checkout()
    run = start(free_port)
    run.until_said(rf"sign in +http://127\.0\.0\.1:{free_port}/\S+")
    with run.client as client:
        answer = client.post("/v1/predictions", files={"image": ("a.jpg", lesion(), "image/jpeg")})
        assert answer.status_code == 201, answer.text
        assert client.get(answer.headers["Location"]).json()["status"] == "complete"
    os.killpg(run.process.pid, signal.SIGINT)  # as a terminal does
    run.process.wait(12)
    assert "stopping" in run.said()
    assert "killed" not in run.said()
    assert not run.members()
    assert "shutdown complete" in (run.data / "logs/gateway.log").read_text()  # by one signal, in order
    assert checkout() == before


@pytest.mark.parametrize("name", ["-m gateway", "-m inference"])
def test_a_killed_service_comes_back_alone(start: Start, free_port: int, name: str) -> None:
    run = start(free_port)
    run.until_said("sign in")
    other = run.pid_of({"-m gateway": "-m inference", "-m inference": "-m gateway"}[name])
    os.kill(run.pid_of(name), signal.SIGKILL)
    run.until_said(r"ended \(killed by SIGKILL\); starting it again in 0\.2 s")

    def serves() -> bool:
        try:
            with run.client as client:
                answer = client.post("/v1/predictions", files={"image": ("a.jpg", lesion(), "image/jpeg")})
                return answer.status_code == 201
        except httpx.TransportError:
            return False

    until(serves, 15)
    assert other in run.members()


@pytest.mark.parametrize("victim", ["make", "supervisor"])
def test_everything_dies_with_what_started_it(start: Start, free_port: int, victim: str) -> None:
    run = start(free_port)
    run.until_said("sign in")
    assert len(run.members()) >= 4
    os.kill(run.process.pid if victim == "make" else run.pid_of("deploy/local/run.py"), signal.SIGKILL)
    until(lambda: not run.members(), 3)
    again = start(free_port)
    again.until_said("sign in")


def test_two_live_side_by_side_and_a_third_is_refused(start: Start, free_port: int) -> None:
    one, two = start(free_port, "one"), start(another_port(), "two")
    for run in (one, two):
        run.until_said("sign in")
    same_folder, same_port = start(another_port(), "one"), start(free_port, "three")
    same_folder.until_said("is running on .* already: stop it, or choose another folder")
    same_port.until_said(rf"Port {free_port} on 127\.0\.0\.1 is in use: choose another")
    for refused in (same_folder, same_port):
        assert refused.process.wait(10) != 0
        assert "Traceback" not in refused.said()
    for run in (one, two):
        with run.client as client:
            assert client.get("/readyz").status_code == 200


def test_sigterm_ends_it_cleanly_with_the_data_kept_private(start: Start, free_port: int) -> None:
    run = start(free_port, "deep/" + "long" * 30)
    run.until_said("sign in")
    run.process.terminate()
    run.process.wait(12)
    until(lambda: not run.members(), 1)
    assert "stopping" in run.said()
    assert run.data.stat().st_mode & 0o077 == 0
    assert KEY not in "".join(log.read_text() for log in (run.data / "logs").iterdir()) + run.said()
