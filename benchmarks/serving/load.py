"""The load generator, a process of its own so that its CPU time is known apart: `python -m benchmarks.serving.load`.

Reads an `Order` as JSON from standard input, writes a `Load` to standard output. Sends to 127.0.0.1 alone, and is
bounded in requests and in time.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import uvloop
from benchmarks.serving.connection import HOST, Answer, Connection, Lost

from nevus.domain import Frozen

SHED = (429, 503)
RESULT, PENDING = (200, 201), 202
Receipt = tuple[str, str]  # the caller's Authorization, the prediction's Location
LONGEST_PAUSE = 5.0  # seconds that a patient client waits at once, whatever it is told


class Body(Frozen):
    """A request's body, and the headers that describe it."""

    file: Path
    headers: dict[str, str]


class Order(Frozen):
    """What to send: `bodies` in turn by `connections` at once, until `requests` or `seconds` are used up.

    With several `tokens` each connection is another caller. `patient` clients come again when they are told to.
    """

    port: int
    path: str
    bodies: tuple[Body, ...]
    tokens: tuple[str, ...] = ()
    connections: int
    requests: int
    seconds: float
    timeout: float = 60.0
    patient: bool = False


class Load(Frozen):
    """What came back. Milliseconds are of results at the first try, and of patient clients until the end.

    `acknowledged` are the photos that a caller with a key was told to be taken.
    """

    seconds: float
    statuses: dict[int, int]
    lost: int
    answered_ms: tuple[float, ...]
    ended_ms: tuple[float, ...] = ()
    acknowledged: tuple[Receipt, ...] = ()
    generator_cpu: float

    @property
    def answered(self) -> int:
        """Requests with a result at the first try."""
        return len(self.answered_ms)

    @property
    def pending(self) -> int:
        """Taken, the result to come."""
        return self.statuses.get(PENDING, 0)

    @property
    def errors(self) -> int:
        """Answers of any other kind."""
        return sum(self.statuses.values()) - self.answered - self.pending


@dataclass
class Tally:
    """What is counted while it goes on."""

    statuses: dict[int, int] = field(default_factory=dict)
    lost: int = 0
    answered: list[float] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)
    acknowledged: list[Receipt] = field(default_factory=list)

    def first(self, answer: Answer, milliseconds: float) -> None:
        """The answer at the first try."""
        self.statuses[answer.status] = self.statuses.get(answer.status, 0) + 1
        if answer.status in RESULT:
            self.answered.append(round(milliseconds, 2))


class Generator:
    """Sends what an order says."""

    def __init__(self, order: Order) -> None:
        self._order, self._tally = order, Tally()
        self._bodies = [(body.headers, body.file.read_bytes()) for body in order.bodies]
        self._left = order.requests
        self._end = 0.0

    async def run(self) -> Load:
        """Until the order is used up."""
        begun, cpu = time.perf_counter(), time.process_time()
        self._end = begun + self._order.seconds
        async with asyncio.TaskGroup() as group:
            for number in range(self._order.connections):
                group.create_task(self._client(number))
        return Load(
            seconds=time.perf_counter() - begun,
            statuses=self._tally.statuses,
            lost=self._tally.lost,
            answered_ms=tuple(self._tally.answered),
            ended_ms=tuple(self._tally.ended),
            acknowledged=tuple(self._tally.acknowledged),
            generator_cpu=time.process_time() - cpu,
        )

    async def _client(self, number: int) -> None:
        connection, turn = Connection(self._order.port), number
        while self._left > 0 and time.perf_counter() < self._end:
            self._left -= 1
            begun = time.perf_counter()
            try:
                async with asyncio.timeout(self._order.timeout):
                    await self._photo(connection, number, turn, begun)
            except (Lost, TimeoutError):
                self._tally.lost += 1
                connection.close()
            turn += self._order.connections
        connection.close()

    async def _photo(self, connection: Connection, number: int, turn: int, begun: float) -> None:
        headers, body = self._bodies[turn % len(self._bodies)]
        head = self._head("POST", self._order.path, number, headers | {"Content-Length": str(len(body))})
        answer = await self._post(connection, number, head, body)
        self._tally.first(answer, 1000 * (time.perf_counter() - begun))
        if self._order.patient:
            await self._insist(connection, answer, (head, body), number)
            self._tally.ended.append(round(1000 * (time.perf_counter() - begun), 2))

    async def _insist(self, connection: Connection, answer: Answer, request: tuple[bytes, ...], number: int) -> None:
        """Send again what was shed, then look until the prediction is complete; raises Lost when it fails."""
        while answer.status in SHED:
            await asyncio.sleep(pause(answer))
            answer = await self._post(connection, number, *request)
        location, status = answer.headers.get("location", ""), answer.status
        while status == PENDING:
            await asyncio.sleep(pause(answer))
            answer = await connection.ask(self._head("GET", location, number, {}))
            status = PENDING if answer.status in SHED or json.loads(answer.body).get("status") == "pending" else 200
        if answer.status not in RESULT:
            raise Lost(f"ended with {answer.status}")

    async def _post(self, connection: Connection, number: int, *request: bytes) -> Answer:
        answer = await connection.ask(*request)
        if answer.status in (*RESULT, PENDING) and self._order.tokens:
            self._tally.acknowledged.append((self._caller(number), answer.headers.get("location", "")))
        return answer

    def _caller(self, number: int) -> str:
        tokens = self._order.tokens
        return f"Bearer {tokens[number % len(tokens)]}" if tokens else ""

    def _head(self, method: str, path: str, number: int, headers: dict[str, str]) -> bytes:
        told = {"Host": f"{HOST}:{self._order.port}", "Accept": "*/*"} | headers
        if caller := self._caller(number):
            told["Authorization"] = caller
        return "\r\n".join([f"{method} {path} HTTP/1.1", *(f"{k}: {v}" for k, v in told.items()), "", ""]).encode()


def pause(answer: Answer) -> float:
    """Seconds until the next try, as the answer says; 1 where it does not."""
    told = answer.headers.get("retry-after", "")
    return min(float(told), LONGEST_PAUSE) if told.isdecimal() else 1.0


def main() -> None:
    """One order."""
    order = Order.model_validate_json(sys.stdin.buffer.read())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(runner.run(Generator(order).run()).model_dump_json())


if __name__ == "__main__":
    main()
