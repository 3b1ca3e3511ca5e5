"""Clients that send photo after photo under keys of their own, and remember what they were told."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

import httpx
from tests.gateway_process import GatewayProcess
from tests.photos import lesion

KEY = "nvs_senders-test-key-of-forty-characters-00"
PHOTOS = [lesion((240, 180), seed) for seed in range(4)]
AT_ONCE = 4
AGAIN = 8  # one request in so many repeats an earlier one


@dataclass
class Senders:
    """`answered` are ids by upload; an upload that got no answer is sent again, under its key. `erased` are not."""

    answered: dict[int, str] = field(default_factory=dict)
    unanswered: deque[int] = field(default_factory=deque)
    begun: int = 0
    statuses: list[int] = field(default_factory=list)
    erased: set[int] = field(default_factory=set)

    def client(self, nevus: GatewayProcess) -> httpx.AsyncClient:
        """An admin's."""
        headers = {"Authorization": f"Bearer {KEY}"}
        return httpx.AsyncClient(base_url=nevus.url, headers=headers, trust_env=False, timeout=30)

    async def send(self, client: httpx.AsyncClient, number: int) -> None:
        """One upload; raises httpx.TransportError. An upload that was answered before is answered the same."""
        files, headers = {"image": ("p.jpg", PHOTOS[number % len(PHOTOS)])}, {"Idempotency-Key": f"upload-{number}"}
        answer = await client.post("/v1/predictions", files=files, headers=headers)
        self.statuses.append(answer.status_code)
        if answer.status_code in (201, 202):
            assert self.answered.setdefault(number, answer.json()["id"]) == answer.json()["id"]
        else:
            self.unanswered.append(number)

    def next(self) -> int:
        """What was not answered, else something new or, now and then, something old."""
        if self.unanswered:
            return self.unanswered.popleft()
        self.begun += 1
        return self.begun // 2 if self.begun % AGAIN == 0 and self.begun // 2 in self.answered else self.begun

    async def until_killed(self, client: httpx.AsyncClient) -> None:
        """Whatever the connection does."""
        while True:
            number = self.next()
            try:
                await self.send(client, number)
            except httpx.TransportError:
                self.unanswered.append(number)
                await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                self.unanswered.append(number)
                raise

    async def until_refused(self, client: httpx.AsyncClient) -> None:
        """Until nobody listens there any more; raises what else befalls a request."""
        while True:
            try:
                await self.send(client, self.next())
            except httpx.ConnectError:
                return

    async def check(self, nevus: GatewayProcess) -> None:
        """Everything is there once, and terminal: what was answered as it was, and the rest now."""
        async with self.client(nevus) as client:
            for number in sorted({*self.answered, *self.unanswered}):
                await self.send(client, number)
            for record_id in self.answered.values():
                await terminal(client, record_id)
            stats = (await client.get("/v1/stats")).json()
        assert stats["records"] == len(self.answered)
        kept = {path.name.partition(".")[0] for path in (nevus.data / "photos").glob("*.jpg")}
        assert kept == set(self.answered.values())
        assert len(list((nevus.data / "photos").glob("*.jpg"))) == len(kept)


async def terminal(client: httpx.AsyncClient, record_id: str) -> None:
    """Wait until it is."""
    async with asyncio.timeout(60):
        while True:
            status = (await client.get(f"/v1/predictions/{record_id}")).json()["status"]
            if status != "pending":
                assert status == "complete"
                return
            await asyncio.sleep(0.2)
