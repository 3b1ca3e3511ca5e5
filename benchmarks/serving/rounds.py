"""Every stack in turn, and again: started, warmed up, loaded, measured, ended."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.serving.asking import Failed, checked, first_answer
from benchmarks.serving.environments import ROOT, InstallError
from benchmarks.serving.floor import at_once
from benchmarks.serving.load import Body, Load, Order
from benchmarks.serving.processes import Running
from benchmarks.serving.records import absent
from benchmarks.serving.results import CROWD, FEW, MANY, PATIENT, Case, Round, Visit, mean_floor
from benchmarks.serving.setting import Setting, free_port
from benchmarks.serving.stacks import Stack

from nevus.machine import cores

CALM_WITHIN = 30.0  # seconds
CALM = 0.1  # cores in use at which a stack is at rest
ENOUGH = 100_000  # requests that no case sends


@dataclass(frozen=True)
class Effort:
    """How much is done: seconds at 1 and at 32 connections, photos of the crowd, photos of a floor's loop.

    In the first `crowds` rounds the crowd comes to all, after them to Nevus whole alone, and who is there only for the
    crowd is left out.
    """

    few: float = 4.0
    many: float = 8.0
    crowd: int = 500
    crowds: int = 1
    floor: int = 200


QUICK = Effort(few=1.5, many=2.0, crowd=32, floor=20)


def go_round(stacks: Sequence[Stack], setting: Setting, effort: Effort, number: int) -> Round:
    """One round; each begins with another stack, so that none is always first. One that fails is told, not fatal."""
    start, crowd = number * 5 % len(stacks), number < effort.crowds
    visits, failed = {}, {}
    for stack in [*stacks[start:], *stacks[:start]]:
        if stack.only_crowd and not crowd:
            continue
        begun = time.monotonic()
        try:
            visits[stack.name] = visit(stack, setting, effort, crowd=stack.whole or crowd)
        except (Failed, InstallError, OSError, subprocess.SubprocessError) as error:
            failed[stack.name] = str(error)
        told = failed.get(stack.name) or brief(visits[stack.name])
        print(f"  {stack.name:<20} {time.monotonic() - begun:5.0f} s  {told}", flush=True)
    (alone,) = at_once(setting.registry, effort.floor, 1)
    floor_at_once = mean_floor(at_once(setting.registry, effort.floor, cores()))
    return Round(visits=visits, floor=alone, floor_at_once=floor_at_once, failed=failed)


def brief(found: Visit) -> str:
    """A visit on one line."""
    cases = ", ".join(f"{name}: {case.rate:.0f}/s" for name, case in found.cases.items())
    return f"first answer {found.first_answer:.1f} s; {cases}"


def visit(stack: Stack, setting: Setting, effort: Effort, *, crowd: bool) -> Visit:
    """One stack from start to end, with or without the crowd; raises Failed."""
    with tempfile.TemporaryDirectory(prefix="nevus-bench-", dir="/tmp") as temporary:  # sockets need short paths
        folder = Path(temporary)
        folder.chmod(0o711)  # nginx gives its rights away and must reach the socket
        port = free_port()
        commands = stack.start(setting, port, folder)
        begun = time.perf_counter()
        with Running(commands, folder / "log") as running:
            first_answer(stack, setting, port, running, folder / "log")
            seconds, memory = time.perf_counter() - begun, running.memory()
            logit, difference = checked(stack, setting, port)
            cases, resident = loaded(stack, running, Sender(stack, setting, port, folder), effort, crowd=crowd)
    return Visit(
        stack=stack.name,
        first_answer=seconds,
        logit=logit,
        difference=difference,
        memory_at_start=memory,
        memory=resident,
        cases=cases,
    )


def loaded(
    stack: Stack, running: Running, sender: Sender, effort: Effort, *, crowd: bool
) -> tuple[dict[str, Case], float]:
    """Every load in turn, and MiB after the second."""
    sender.send(connections=4 * cores(), requests=48, seconds=8)
    settle(running)
    cases = {FEW: case(running, sender, connections=1, requests=ENOUGH, seconds=effort.few)}
    cases[MANY] = case(running, sender, connections=32, requests=ENOUGH, seconds=effort.many)
    memory = running.memory()
    for name in ((CROWD, PATIENT) if stack.whole else (CROWD,)) if crowd else ():
        cases[name] = case(
            running, sender, connections=effort.crowd, requests=effort.crowd, seconds=60, patient=name == PATIENT
        )
    return cases, memory


def case(
    running: Running, sender: Sender, *, connections: int, requests: int, seconds: float, patient: bool = False
) -> Case:
    """One load, from rest until rest, and a look at every record that it was told of."""
    before = running.cpu()
    load = sender.send(connections=connections, requests=requests, seconds=seconds, patient=patient)
    settle(running)
    spent = running.cpu() - before
    missing = absent(sender.port, load.acknowledged)
    return Case(load=load.model_copy(update={"acknowledged": ()}), cpu=spent, missing=missing)


def settle(running: Running) -> None:
    """Wait until the stack has nothing in hand."""
    deadline = time.monotonic() + CALM_WITHIN
    before = running.cpu()
    while time.monotonic() < deadline:
        time.sleep(0.5)
        now = running.cpu()
        if (now - before) / 0.5 <= CALM:
            return
        before = now


class Sender:
    """Runs the load generator, a process for each load."""

    def __init__(self, stack: Stack, setting: Setting, port: int, folder: Path) -> None:
        self._stack, self._setting, self.port = stack, setting, port
        self._bodies = tuple(self._written(photo, folder / f"body-{i}") for i, photo in enumerate(setting.photos))

    def _written(self, photo: bytes, file: Path) -> Body:
        headers, body = self._stack.form.pack(photo)
        file.write_bytes(body)
        return Body(file=file, headers=headers)

    def send(self, *, connections: int, requests: int, seconds: float, patient: bool = False) -> Load:
        """One load."""
        order = Order(
            port=self.port,
            path=self._stack.path,
            bodies=self._bodies,
            tokens=self._setting.tokens if self._stack.whole else (),
            connections=connections,
            requests=requests,
            seconds=seconds,
            patient=patient,
        )
        command = [sys.executable, "-m", "benchmarks.serving.load"]
        told = order.model_dump_json().encode()
        done = subprocess.run(command, input=told, capture_output=True, timeout=300, cwd=ROOT, check=False)
        if done.returncode:
            raise Failed(f"the load generator: {done.stderr.decode(errors='replace')[-1500:]}")
        return Load.model_validate_json(done.stdout)
