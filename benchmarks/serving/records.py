"""Whether what was acknowledged is on record."""

from __future__ import annotations

import time
from collections.abc import Sequence

import httpx
from benchmarks.serving.load import Receipt

DRAIN = 30.0  # seconds in which what is pending may become complete
ENDED = ("complete", "failed")


def absent(port: int, acknowledged: Sequence[Receipt]) -> int:
    """How many acknowledged photos are not on record as complete or failed, once what is pending had its time."""
    deadline, left = time.monotonic() + DRAIN, list(acknowledged)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30) as client:
        while left and time.monotonic() < deadline:
            left = [each for each in left if not terminal(client, *each)]
            time.sleep(0.5 if left else 0)
    return len(left)


def terminal(client: httpx.Client, caller: str, location: str) -> bool:
    """Whether the record is there and no longer pending."""
    try:
        answer = client.get(location, headers={"Authorization": caller})
    except httpx.HTTPError:
        return False
    return answer.status_code == httpx.codes.OK and answer.json()["status"] in ENDED
