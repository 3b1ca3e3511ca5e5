"""The supervisor: restarts with growing patience, ends in order, kills at the deadline."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from supervisor import FIRST_DELAY, Service, rotate, stop

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
POLITE = "import time; print('up', flush=True); time.sleep(60)"

Make = Callable[..., Service]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[Service] = []

    def service(script: str, name: str = "one", said: list[str] | None = None) -> Service:
        say = said.append if said is not None else lambda _: None
        made.append(Service(name, [sys.executable, "-c", script], dict(os.environ), tmp_path / f"{name}.log", say))
        return made[-1]

    yield service
    stop(made, 0.0)


def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def tended(service: Service, condition: Callable[[], bool]) -> None:
    def turn() -> bool:
        service.tend()
        return condition()

    until(turn)


def test_a_dead_service_starts_again_after_a_growing_delay(make: Make, tmp_path: Path) -> None:
    said: list[str] = []
    service = make("import time; print(time.monotonic()); raise SystemExit(3)", said=said)
    tended(service, lambda: service.deaths == 3)
    assert [line.rpartition("in ")[2] for line in said] == ["0.2 s", "0.4 s", "0.8 s"]
    assert all("exit status 3" in line for line in said)
    first, second, third = map(float, (tmp_path / "one.log").read_text().split())
    assert second - first >= FIRST_DELAY
    assert third - second >= 2 * FIRST_DELAY


@pytest.mark.parametrize(("status", "refuses"), [(2, True), (1, False)])
def test_only_a_service_that_ends_by_its_settings_refuses_to_start(make: Make, status: int, refuses: bool) -> None:
    service = make(f"raise SystemExit({status})")
    tended(service, lambda: service.deaths == 1)
    assert service.refuses is refuses


def test_a_killed_service_is_named_with_its_signal(make: Make) -> None:
    said: list[str] = []
    service = make(f"import os; os.kill(os.getpid(), {signal.SIGKILL})", said=said)
    tended(service, lambda: bool(said))
    assert "killed by SIGKILL" in said[0]


def test_services_end_in_order_and_the_deaf_one_is_killed(make: Make, tmp_path: Path) -> None:
    said: list[str] = []
    services = [make(DEAF, "deaf", said), make(POLITE, "polite", said)]
    for service in services:
        service.start()
    until(lambda: all((tmp_path / f"{name}.log").read_text() for name in ("deaf", "polite")))
    begun = time.monotonic()
    stop(services, 2.5)
    assert time.monotonic() - begun < 2.5
    assert said == ["deaf did not end in time and is killed"]


def test_ctrl_c_of_the_terminal_does_not_reach_a_service(make: Make, tmp_path: Path) -> None:
    service = make("import os, signal; os.kill(os.getpid(), signal.SIGINT); print('alive')")
    service.start()
    service.wait(time.monotonic() + 5)
    assert (tmp_path / "one.log").read_text() == "alive\n"


def test_a_large_log_is_put_aside_once(tmp_path: Path) -> None:
    log = tmp_path / "one.log"
    rotate(log)
    for text in ("first", "second"):
        log.write_text(text)
        rotate(log, limit=3)
    log.write_text("abc")
    rotate(log, limit=3)
    assert (log.read_text(), (tmp_path / "one.log.1").read_text()) == ("abc", "second")
