"""The arithmetic of `make bench`, its load generator and its page; no peer is started here."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from benchmarks.serving import forms, page, results, seen, tables, targets
from benchmarks.serving.cost import per_thousand
from benchmarks.serving.environments import is_current, wanted
from benchmarks.serving.floor import Floor
from benchmarks.serving.load import Body, Generator, Load, Order
from benchmarks.serving.processes import Command, Running
from benchmarks.serving.records import absent
from benchmarks.serving.results import CROWD, MANY, PATIENT, Case, Round, Run, Visit, mean_floor, share, spread
from benchmarks.serving.stacks import STACKS

from nevus.oip import HEADER_LENGTH, Response, decode_request, encode_response
from nevus.oip_tensors import Tensor
from training_job.cost import Prices

FLOOR = Floor(intake=4, decode=1, decode_clean=1, invoke=3, measured=4)


def load(*milliseconds: float, seconds: float = 1, lost: int = 0, **more: object) -> Load:
    statuses = {201: len(milliseconds)}
    made = {"seconds": seconds, "statuses": statuses, "lost": lost, "answered_ms": milliseconds, "generator_cpu": 0.0}
    return Load.model_validate(made | more)


def visit(stack: str, cpu_ms: float, rate: int = 10, more: dict[str, Case] | None = None) -> Visit:
    many = Case(load=load(*[5.0] * rate), cpu=cpu_ms * rate / 1000)
    return Visit(
        stack=stack, first_answer=1, logit=0.5, memory_at_start=100, memory=600, cases={MANY: many, **(more or {})}
    )


def run_of(*rounds: list[Visit]) -> Run:
    made = [Round(visits={each.stack: each for each in found}, floor=FLOOR, floor_at_once=FLOOR) for found in rounds]
    return Run(
        at="2026-11-24T00:00:00+00:00",
        machine={"cores": 2},
        git_commit=None,
        model="mobilenet_v2 1",
        titles={stack.name: stack.title for stack in STACKS},
        floors={stack.name: stack.floor for stack in STACKS},
        seconds={MANY: 1.0},
        rounds=tuple(made),
    )


def test_a_case_tells_what_an_answer_takes() -> None:
    found = Case(load=load(10, 20, 30, 11_000, seconds=2), cpu=0.04)
    assert found.rate == 2
    assert found.cpu_ms == 10
    assert found.percentile(50) == 25
    assert found.in_time() == 3
    nothing = Case(load=load(lost=5), cpu=1)
    assert (nothing.cpu_ms, nothing.percentile(99), nothing.rate) == (None, None, 0)


def test_errors_are_answers_that_are_not_2xx() -> None:
    assert load(1, 2, statuses={200: 2, 503: 3}).errors == 3


def test_floors_add_up() -> None:
    assert (FLOOR.model, FLOOR.inference, FLOOR.whole) == (4, 5, 9)
    assert mean_floor([FLOOR, FLOOR.model_copy(update={"invoke": 5.0})]).invoke == 4


def test_ratios_are_of_one_round_and_medians_of_all() -> None:
    rounds = [
        [visit("original-1", 70, 9), visit("original-4", 140, 10), visit("nevus", cpu, rate), visit("litserve", 8)]
        for cpu, rate in ((7.0, 90), (10.0, 100), (14.0, 110))
    ]
    found = {each.target.name: each for each in targets.outcomes(run_of(*rounds))}
    cpu = found["Nevus whole: CPU an answer, multiple of the original's best"]
    assert cpu.found
    assert cpu.found.median == pytest.approx(10 / 70)
    assert (cpu.found.low, cpu.found.high) == pytest.approx((0.1, 0.2))
    assert cpu.verdict == "met"
    assert cpu.at_floor
    assert cpu.at_floor.median == pytest.approx(9 / 70)
    rate = found["Nevus whole: answers a second at 32, multiple of the original's best"]
    assert rate.verdict == "met"
    assert rate.at_floor
    assert rate.at_floor.median == pytest.approx(2000 / 9 / 10)
    assert found["Nevus inference: floor's share of its CPU time"].verdict == "not measured"


def test_a_crowd_is_counted() -> None:
    crowd = Case(load=load(*[9_000.0] * 449, 11_000.0, lost=2), cpu=1)
    patient = Case(load=load(ended_ms=(1_000.0,) * 500), cpu=1)
    run = run_of([visit("nevus", 10, more={CROWD: crowd, PATIENT: patient})])
    verdicts = [each.verdict for each in targets.outcomes(run)][-3:]
    assert verdicts == ["not met", "met", "not met"]
    unrecorded = run_of([visit("nevus", 10, more={CROWD: Case(load=load(1), cpu=1, missing=1)})])
    assert [each.verdict for each in targets.outcomes(unrecorded)][-1] == "not met"


def test_a_share_is_of_the_stacks_own_floor() -> None:
    run = run_of([visit("nevus", 12), visit("litserve", 8)])
    shares = share(run, "nevus"), share(run, "litserve"), share(run, "mlserver")
    assert [found and found.median for found in shares] == [0.75, 0.5, None]
    beyond = results.beyond(run, "litserve")
    assert beyond
    assert beyond.median == 4


def test_spread_is_of_what_is_known() -> None:
    found = spread([3.0, None, 1.0, 2.0])
    assert found
    assert (found.median, found.low, found.high) == (2, 1, 3)
    assert spread([None]) is None


def test_cost_is_of_cores_and_memory_while_they_are_busy() -> None:
    prices = Prices(currency="USD", read="", pages=(), vcpu_second=0.00002, gib_second=0.000002, object_read=0)
    assert per_thousand(10, 600, 2, prices) == pytest.approx(5 * (2 * 0.00002 + 1 * 0.000002))


def test_the_page_loads_nothing_and_tells_of_stacks_that_failed() -> None:
    crowd = {CROWD: Case(load=load(1, 2, 3), cpu=1)}
    run = run_of([visit("nevus", 10, more=crowd)])
    failed = run.rounds[0].model_copy(update={"failed": {"bentoml": "<b>no port</b>\nmore"}})
    shown = page.page(run.model_copy(update={"rounds": (failed,), "people": {"nevus": people()}}))
    assert "&lt;b&gt;no port" in shown
    assert not {"<script", "http://", "https://", "src="} & set(shown.split())
    assert "http" not in shown.replace("http://127.0.0.1", "")
    assert "Nevus whole" in tables.told(run)
    assert Run.model_validate_json(run.model_dump_json()) == run


def people() -> seen.People:
    head = "Timestamp,User Count,Type,Name,Requests/s,Failures/s,50%,95%"
    history = seen.history(
        [head, "100,0,,Aggregated,0,0,N/A,N/A", "101,5,POST,send,2,0,9,9", "102,5,,Aggregated,2,0,7,9"]
    )
    rows = ["Type,Name,Request Count,Failure Count,50%,95%,99%", "POST,send,5,1,7,9,10", ",Aggregated,5,1,7,9,10"]
    counts = {"sent": 5, "acknowledged": 4, "told_to_come_again": 1, "given_up": 0, "lost": 0, "missing": 0, "cpu": 0.1}
    return seen.People.model_validate({"history": history, "steps": seen.steps(rows), **counts})


def test_what_locust_writes_is_read() -> None:
    found = people()
    assert [(each.at, each.p50) for each in found.history] == [(0, None), (2, 7)]
    assert [(each.name, each.failures, each.p99) for each in found.steps] == [("send", 1, 10)]


def test_forms_carry_the_photo() -> None:
    for form in (forms.MULTIPART, forms.UPLOAD):
        headers, body = form.pack(b"photo")
        assert headers["Content-Type"].split("boundary=")[1].encode() in body
        assert b"\r\n\r\nphoto\r\n" in body
    headers, body = forms.BINARY.pack(b"photo")
    asked = decode_request(body, headers[HEADER_LENGTH])
    assert asked.inputs[0].array.item() == b"photo"
    answer = encode_response(Response("m", "1", (Tensor("logit", "FP32", np.array([0.5], np.float32)),)), asked)
    told = {name.lower(): value for name, value in answer.headers().items()}
    assert forms.BINARY.logit(told, answer.data) == 0.5
    assert forms.MULTIPART.logit({}, b'{"logit": 0.25}') == 0.25


@pytest.fixture
async def server() -> AsyncIterator[tuple[int, list[str]]]:
    """Sheds every caller's first photo, then answers 202, pending once, complete; hangs up on `lost`."""
    asked: list[str] = []
    looks: dict[str, int] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := (await reader.readuntil(b"\r\n\r\n")).decode() if not reader.at_eof() else "":
            body = (
                await reader.readexactly(int(head.split("Content-Length: ")[1].split("\r\n")[0]))
                if "POST" in head
                else b""
            )
            caller = head.split("Bearer ")[1].split("\r\n")[0]
            asked.append(f"{head.split()[0]} {caller}")
            looks[caller] = looks.get(caller, 0) + 1
            if body == b"lost":
                break
            status, more, said = {
                1: ("503 Busy", "Retry-After: 0\r\n", "{}"),
                2: ("202 Accepted", f"Location: /{caller}\r\nRetry-After: 0\r\n", '{"status": "pending"}'),
                3: ("200 OK", "Retry-After: 0\r\n", '{"status": "pending"}'),
            }.get(looks[caller], ("200 OK", "Connection: close\r\n", '{"status": "complete"}'))
            writer.write(f"HTTP/1.1 {status}\r\n{more}Content-Length: {len(said)}\r\n\r\n{said}".encode())
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield listening.sockets[0].getsockname()[1], asked
    listening.close()
    await listening.wait_closed()


def order(port: int, tmp_path: Path, body: bytes, **more: object) -> Order:
    (tmp_path / "body").write_bytes(body)
    told = {"port": port, "path": "/", "bodies": [Body(file=tmp_path / "body", headers={})], "tokens": ["a", "b"]}
    return Order.model_validate(told | {"connections": 2, "requests": 2, "seconds": 5} | more)


async def test_patient_clients_come_again_until_they_have_an_answer(
    server: tuple[int, list[str]], tmp_path: Path
) -> None:
    found = await Generator(order(server[0], tmp_path, b"photo", patient=True)).run()
    assert found.statuses == {503: 2}
    assert (found.answered, found.errors, found.lost, len(found.ended_ms)) == (0, 2, 0, 2)
    assert sorted(server[1]) == [f"{method} {who}" for method in ("GET", "POST") for who in "aabb"]
    assert sorted(found.acknowledged) == [("Bearer a", "/a"), ("Bearer b", "/b")]
    assert await asyncio.to_thread(absent, server[0], found.acknowledged) == 0


async def test_others_take_the_first_answer(server: tuple[int, list[str]], tmp_path: Path) -> None:
    found = await Generator(order(server[0], tmp_path, b"photo", requests=4, connections=1)).run()
    assert found.statuses == {503: 1, 202: 1, 200: 2}
    assert (found.answered, found.pending, found.errors, found.lost) == (2, 1, 1, 0)


async def test_what_has_no_answer_is_lost(server: tuple[int, list[str]], tmp_path: Path) -> None:
    found = await Generator(order(server[0], tmp_path, b"lost")).run()
    assert (found.lost, found.statuses) == (2, {})


def test_a_stack_is_measured_and_ended_with_all_that_it_started(tmp_path: Path) -> None:
    child = f"import subprocess, sys; subprocess.Popen([{sys.executable!r}, '-c', 'import time; time.sleep(60)'])"
    orphan = f"{child}; import time; time.sleep(60)"
    with Running([Command((sys.executable, "-c", orphan))], tmp_path / "log") as running:
        for _ in range(200):
            if len(running.family()) > 1:
                break
            signal.sigtimedwait([], 0.05)
        family = running.family()
        assert len(family) == 2
        assert running.cpu() > 0
        assert running.memory() > 1
        assert not running.ended()
    assert not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in family)


def test_a_program_that_is_not_there_leaves_nothing_behind(tmp_path: Path) -> None:
    first = Command((sys.executable, "-c", "import time; time.sleep(60)"))
    running = Running([first, Command((str(tmp_path / "nothing"),))], tmp_path / "log")
    with pytest.raises(FileNotFoundError), running:
        pass
    assert not running.family()


def test_an_environment_is_of_one_lock(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.txt"
    lock.write_text("a")
    assert not is_current(tmp_path, lock)
    (tmp_path / "nevus-stamp").write_text(wanted(lock))
    assert is_current(tmp_path, lock)
    lock.write_text("b")
    assert not is_current(tmp_path, lock)
