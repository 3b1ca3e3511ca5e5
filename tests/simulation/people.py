"""Who calls: people who send, try again, look and erase, a clinician, an admin. What they were told is kept."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import httpx
from tests.photos import lesion
from tests.simulation.world import World

PHOTOS = [lesion((96, 72), seed) for seed in range(3)]
PREDICTIONS, RUNS = "/v1/predictions", "/v1/training-runs"
TRIES = 6
SENDING_SECONDS = 40.0
FORESEEN = {200, 201, 202, 204, 403, 404, 409, 410, 412, 422, 429, 503}


@dataclass
class Told:
    """What the outside was told: by id of the record, or of the training run."""

    acknowledged: dict[str, dict[str, Any]] = field(default_factory=dict)
    ids_of: dict[str, set[str]] = field(default_factory=dict)  # by Idempotency-Key
    photos_of: dict[str, set[str]] = field(default_factory=dict)  # by Idempotency-Key: hashes of photos
    erasing: set[str] = field(default_factory=set)
    erased: set[str] = field(default_factory=set)
    diagnosed: dict[str, str] = field(default_factory=dict)
    runs: set[str] = field(default_factory=set)
    sent: set[str] = field(default_factory=set)  # names of requests
    unforeseen: list[str] = field(default_factory=list)


class Person:
    """One lesion's story; `number` names it."""

    def __init__(self, world: World, told: Told, number: int) -> None:
        self._world, self._told, self._rng = world, told, world.rng
        self._name = f"person-{number}"
        self._key = f"key-{number}" if self._rng.random() < 0.7 else None
        self._image = self._rng.choice(PHOTOS)
        self._attempts = 0

    async def live(self) -> None:
        """Send, perhaps twice at once; then perhaps look, be diagnosed, erase, and send again late."""
        await self._wait(SENDING_SECONDS)
        upload = self._rng.random() < 0.2
        twice = self._key and self._rng.random() < 0.3
        sending = [self._until_answered(self._upload if upload else self._send) for _ in range(2 if twice else 1)]
        found = [record_id for record_id in await asyncio.gather(*sending) if record_id]
        for record_id in dict.fromkeys(found):
            await self._afterwards(record_id, again=not upload)

    async def _afterwards(self, record_id: str, *, again: bool) -> None:
        if self._rng.random() < 0.3:
            await self._diagnose(record_id)
        if self._rng.random() < 0.5:
            await self._wait(20)
            await self._erase(record_id)
            if again and self._rng.random() < 0.7:
                await self._send()

    async def _until_answered(self, ask: Any) -> str | None:
        """The id; None where patience has ended, or for good."""
        for attempt in range(TRIES):
            answer = await ask()
            if answer is not None and answer.status_code in (201, 202):
                return str(answer.json()["id"])
            if answer is not None and answer.status_code not in (429, 503):
                return None
            await self._wait(2.0**attempt)
        return None

    async def _send(self) -> httpx.Response | None:
        """Sometimes another photo under the same key, as a mistaken client does."""
        image = self._image if self._rng.random() < 0.9 else self._rng.choice(PHOTOS)
        files = {"image": ("a.jpg", image)}
        return self._heard(await self._ask("POST", PREDICTIONS, files=files, data=self._facts(), headers=self._headers))

    async def _upload(self) -> httpx.Response | None:
        """Straight into the store, then named."""
        made = await self._ask("POST", "/v1/uploads")
        if made is None or made.status_code != 201:
            return made
        upload = made.json()
        sent = await self._ask(upload["method"], upload["url"], content=self._image, headers=upload["headers"])
        if sent is None or sent.status_code not in (200, 412):
            return sent
        told = {"upload_id": upload["upload_id"], **self._facts()}
        return self._heard(await self._ask("POST", PREDICTIONS, json=told, headers=self._headers))

    def _facts(self) -> dict[str, str]:
        """The same for every request with the key; another name for each one without."""
        self._attempts += 0 if self._key else 1
        name = f"{self._name}-{self._attempts}"
        self._told.sent.add(name)
        return {"case_id": name}

    @property
    def _headers(self) -> dict[str, str]:
        return {"Idempotency-Key": self._key} if self._key else {}

    def _heard(self, answer: httpx.Response | None) -> httpx.Response | None:
        if answer is None or answer.status_code not in (201, 202):
            return answer
        said = answer.json()
        if said["id"] in self._told.erasing:
            return answer  # an old answer, given again while it is being erased
        self._told.acknowledged[said["id"]] = said
        if self._key:
            self._told.ids_of.setdefault(self._key, set()).add(said["id"])
            self._told.photos_of.setdefault(self._key, set()).add(said["photo"]["sha256"])
        return answer

    async def _diagnose(self, record_id: str) -> None:
        found = {"label": f"seen-{self._rng.randrange(1000)}", "malignant": True}
        answer = await self._ask("PUT", f"{PREDICTIONS}/{record_id}/diagnosis", caller="clinician", json=found)
        if answer is not None and answer.status_code == 200:
            self._told.diagnosed[record_id] = str(found["label"])
        elif answer is None or answer.status_code == 503:
            self._told.diagnosed.pop(record_id, None)  # it may have been written, or not

    async def _erase(self, record_id: str) -> None:
        self._told.erasing.add(record_id)
        for attempt in range(TRIES):
            answer = await self._ask("DELETE", f"{PREDICTIONS}/{record_id}")
            if answer is not None and answer.status_code in (204, 410):
                self._told.erased.add(record_id)
                return
            await self._wait(2.0**attempt)

    async def _ask(self, method: str, path: str, caller: str = "client", **more: Any) -> httpx.Response | None:
        answer = await self._world.any().send(caller, method, path, **more)
        if answer is not None and answer.status_code not in FORESEEN:
            self._told.unforeseen.append(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer

    async def _wait(self, seconds: float) -> None:
        await asyncio.sleep(self._rng.uniform(0, seconds))


class Admin(Person):
    """Starts a training run, and may cancel it."""

    async def live(self) -> None:
        """Once."""
        await self._wait(SENDING_SECONDS)
        answer = await self._ask("POST", RUNS, caller="admin")
        if answer is None or answer.status_code != 202:
            return
        run = answer.json()["id"]
        self._told.runs.add(run)
        if self._rng.random() < 0.4:
            await self._wait(60)
            await self._ask("POST", f"{RUNS}/{run}/cancel", caller="admin")
