"""What an overload does to those who are accepted.

Start `make run` with NEVUS_ADMIN_KEY on a machine that does nothing else, then:
`.venv/dev/bin/python -m benchmarks.overload http://127.0.0.1:8080 KEY [--seconds 20] [--rate R] [--crowd 500]`.
Drawn photos of 600x450, one caller. Prints one JSON object: the unloaded times, the capacity, times at twice of it
(arrivals at random, which do not wait for answers), the rate after it, and 500 at once, without and with clients that
come again as `Retry-After` says.
The load comes from this process, so that on the same cores it costs a part of the capacity.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import uvloop
from benchmarks.serving.connection import Connection, Lost
from tests.photos import lesion

PHOTOS = [lesion((600, 450), seed) for seed in range(3)]
BOUNDARY = "nevus"
CROWD = 500


def form(photo: bytes) -> bytes:
    """As a browser sends it; made once, since making it costs the generator more than sending it."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="p.jpg"\r\n\r\n'
    return head.encode() + photo + f"\r\n--{BOUNDARY}--\r\n".encode()


FORMS = [form(photo) for photo in PHOTOS]


@dataclass(frozen=True)
class Outcome:
    """One request: when it was sent (monotonic), its seconds, its status (0: lost), and what it was told."""

    sent: float
    seconds: float
    status: int
    retry_after: float = 0.0


class Load:
    """Clients of one key, on as many connections as they need at once."""

    def __init__(self, port: int, key: str) -> None:
        self._port, self._idle = port, list[Connection]()
        told = {"Host": f"127.0.0.1:{port}", "Authorization": f"Bearer {key}"}
        told |= {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        lines = ["POST /v1/predictions HTTP/1.1", *(f"{name}: {value}" for name, value in told.items())]
        self._heads = ["\r\n".join([*lines, f"Content-Length: {len(form)}", "", ""]).encode() for form in FORMS]

    async def one(self, number: int = 0) -> Outcome:
        """Send a photo."""
        sent, which = time.monotonic(), number % len(FORMS)
        connection = self._idle.pop() if self._idle else Connection(self._port)
        try:
            async with asyncio.timeout(30):
                answer = await connection.ask(self._heads[which], FORMS[which])
        except (Lost, TimeoutError):
            connection.close()
            return Outcome(sent, time.monotonic() - sent, 0)
        self._idle.append(connection)
        told = float(answer.headers.get("retry-after", 0))
        return Outcome(sent, time.monotonic() - sent, answer.status, told)

    def close(self) -> None:
        """Hang up."""
        for connection in self._idle:
            connection.close()

    async def closed(self, clients: int, seconds: float) -> list[Outcome]:
        """So many clients, each of which waits for its answer."""
        end = time.monotonic() + seconds

        async def client() -> list[Outcome]:
            found: list[Outcome] = []
            while time.monotonic() < end:
                found.append(await self.one(len(found)))
            return found

        return [each for found in await asyncio.gather(*(client() for _ in range(clients))) for each in found]

    async def open(self, rate: float, seconds: float) -> list[Outcome]:
        """Arrivals at random, whatever the answers are."""
        dice, begin, moment = random.Random(1), time.monotonic(), 0.0  # noqa: S311
        tasks: list[asyncio.Task[Outcome]] = []
        while (moment := moment + dice.expovariate(rate)) < seconds:
            await asyncio.sleep(max(0.0, begin + moment - time.monotonic()))
            tasks.append(asyncio.create_task(self.one(len(tasks))))
        return list(await asyncio.gather(*tasks))

    async def patient(self, number: int) -> Outcome:
        """Comes again as it is told, until there is an answer."""
        begin = time.monotonic()
        last = await self.one(number)
        for _ in range(60):
            if last.status not in (429, 503):
                break
            await asyncio.sleep(last.retry_after)
            last = await self.one(number)
        return Outcome(begin, time.monotonic() - begin, last.status)


def told(outcomes: Iterable[Outcome], seconds: float | None = None) -> dict[str, Any]:
    """Times of those that were accepted, and how many of each status."""
    found = list(outcomes)
    times = sorted(each.seconds for each in found if each.status == 201)
    refused = [each.seconds for each in found if each.status in (429, 503)]
    summary: dict[str, Any] = {"statuses": dict(Counter(str(each.status) for each in found))}
    if times:
        ranks = {q: min(len(times) - 1, q * len(times) // 100) for q in (50, 95, 99)}
        summary |= {f"p{q}_ms": round(1000 * times[rank], 1) for q, rank in ranks.items()}
        summary["longest_ms"] = round(1000 * times[-1], 1)
    if refused:
        summary["refusals_median_ms"] = round(1000 * sorted(refused)[len(refused) // 2], 1)
    return summary | ({"answers_a_second": round(len(times) / seconds, 1)} if seconds else {})


async def timed(work: Iterable[Awaitable[Outcome]]) -> dict[str, Any]:
    """All at once."""
    begin = time.monotonic()
    outcomes = await asyncio.gather(*work)
    return told(outcomes) | {"seconds": round(time.monotonic() - begin, 2)}


async def measure(load: Load, seconds: float, rate: float | None, crowd: int) -> dict[str, Any]:
    """Everything, one after another."""
    await load.closed(2, min(3.0, seconds))
    alone = told(await load.closed(1, seconds))
    capacity = told(await load.closed(8, seconds), seconds)
    offered = rate or 2 * capacity["answers_a_second"]
    loaded = told(await load.open(offered, seconds), seconds)
    await asyncio.sleep(5)
    after = told(await load.closed(8, min(5.0, seconds)), min(5.0, seconds))
    at_once = await timed(load.one(number) for number in range(crowd))
    await asyncio.sleep(5)
    patient = await timed(load.patient(number) for number in range(crowd))
    ratios = {
        "p99_loaded_to_unloaded": round(loaded["p99_ms"] / alone["p99_ms"], 2),
        "rate_5_s_after_to_before": round(after["answers_a_second"] / capacity["answers_a_second"], 2),
    }
    return {
        "unloaded": alone, "capacity": capacity, "offered_a_second": round(offered, 1), "overload": loaded,
        "after": after, "at_once": at_once, "at_once_patient": patient, **ratios,
    }  # fmt: skip


async def main() -> None:
    """Print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("url")
    parser.add_argument("key")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rate", type=float, help="arrivals a second; twice the capacity unless set")
    parser.add_argument("--crowd", type=int, default=CROWD)
    asked = parser.parse_args()
    load = Load(urlsplit(asked.url).port or 80, asked.key)
    print(json.dumps(await measure(load, asked.seconds, asked.rate, asked.crowd), indent=1))
    load.close()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
