"""People at a service: a photo is sent, its result looked at, the list of one's results opened; then the next one.

BENCH_BODIES names a folder of request bodies, BENCH_TYPE their content type, BENCH_TOKENS a file with a key a line
(none where nobody is asked for one: then there is nothing to look at either), BENCH_TALLY the file to write.
"""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path
from typing import Any

import gevent
from locust import FastHttpUser, SequentialTaskSet, between, events, task

PATH = os.environ["BENCH_PATH"]
TYPE = os.environ["BENCH_TYPE"]
BODIES = [file.read_bytes() for file in sorted(Path(os.environ["BENCH_BODIES"]).iterdir())]
TOKENS = Path(os.environ["BENCH_TOKENS"]).read_text().split()
TRIES = 5
bodies = itertools.cycle(BODIES)
callers = itertools.cycle(TOKENS or [""])
tally: dict[str, Any] = {"sent": 0, "told_to_come_again": 0, "given_up": 0, "lost": 0, "acknowledged": []}


class Session(SequentialTaskSet):
    """In this order, over and over."""

    where = ""

    @task
    def upload(self) -> None:
        """A photo; once more when told to."""
        tally["sent"] += 1
        for _ in range(TRIES):
            pause = self.send()
            if pause is None:
                return
            gevent.sleep(pause)
        tally["given_up"] += 1

    def send(self) -> float | None:
        """One try; seconds to wait when told to come again."""
        headers = self.user.caller | {"Content-Type": TYPE}
        with self.client.post(PATH, data=next(bodies), headers=headers, name="send", catch_response=True) as answer:
            if answer.status_code in (200, 201, 202):
                self.where = answer.headers.get("Location") or ""
                tally["acknowledged"].append([self.user.caller.get("Authorization", ""), self.where])
                return None
            if answer.status_code in (429, 503) and answer.headers.get("Retry-After"):
                tally["told_to_come_again"] += 1
                answer.failure("told to come again")
                return float(answer.headers["Retry-After"])
            tally["lost"] += 1
            answer.failure(f"status {answer.status_code}")
        return None

    @task
    def look(self) -> None:
        """At the result."""
        if TOKENS and self.where:
            self.client.get(self.where, headers=self.user.caller, name="look")

    @task
    def listed(self) -> None:
        """All results."""
        if TOKENS:
            self.client.get(PATH, headers=self.user.caller, name="list")


class Person(FastHttpUser):
    """Reads for some seconds between steps."""

    tasks = [Session]
    wait_time = between(2, 8)
    connection_timeout = network_timeout = 60

    def on_start(self) -> None:
        """Comes with a key of its own."""
        token = next(callers)
        self.caller = {"Authorization": f"Bearer {token}"} if token else {}


@events.quitting.add_listener
def write(**_: object) -> None:
    """What was counted."""
    Path(os.environ["BENCH_TALLY"]).write_text(json.dumps(tally))
