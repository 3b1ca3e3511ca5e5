"""The whole gateway in this process, with inference made up, and callers of every kind."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any, cast

import httpx
import numpy as np
from fastapi import FastAPI
from tests.contract import predictions
from tests.contract.predictions import result
from tests.contract.training_runs import training_run
from tests.fakes import FakeJobs
from tests.issuer import AUDIENCE, FIREBASE, IAP_AUDIENCE, Issuer, token_issuer
from tests.photos import lesion

from gateway import quarantine, retrain
from gateway.app import create_app
from gateway.auth import IAP_HEADER
from gateway.bootstrap import open_services
from gateway.services import Services
from gateway.settings import Settings
from nevus.adapters.keys import SqliteIdentity
from nevus.adapters.oidc import IAP_ISSUER, caller_id
from nevus.domain import Caller, Context, Measurement, ModelRef, Photo, Prediction, Role, RunState, Status, TrainingRun
from nevus.ports import JobState, NotFound
from nevus.registry import Channel
from nevus.training_runs import change

HOST = "http://nevus.test"
CALLERS = ("nobody", "malformed", "revoked", "other", "owner", "clinician", "admin")
ROLES = {"clinician": Role.CLINICIAN, "admin": Role.ADMIN}
EMAILS = {"clinician_emails": "clinician@nevus.test", "admin_emails": "admin@nevus.test"}
SCHEDULER = "scheduler@nevus-test.iam.gserviceaccount.com"
KEY_WAYS, OIDC_WAYS = ("key", "session"), ("token", "iap")
OWNER = "owner"
OWNERS = {"token": caller_id({"iss": FIREBASE, "sub": OWNER}), "iap": caller_id({"iss": IAP_ISSUER, "sub": OWNER})}
PHOTO = lesion((300, 225))


@dataclasses.dataclass(frozen=True)
class MadeUp:
    """A classifier that always says the same."""

    model: ModelRef

    async def measure(self, photo: bytes, *, timeout: float, by: ModelRef | None = None) -> Measurement:
        del photo, timeout, by
        told = result()
        cam, embedding = np.ones((7, 7), np.float32), np.ones(8, np.float32)
        return Measurement(0.0, cam, embedding, 1.0, told.quality, told.skin_tone, self.model)

    async def ready(self) -> bool:
        return True


@asynccontextmanager
async def opening(settings: Settings) -> AsyncIterator[Services]:
    """The real adapters, but for the classifier and for training jobs, which end at once."""
    async with open_services(settings) as services:
        model = await services.registry.resolve(Channel.CHAMPION)
        training = settings.model_copy(update={"training_data": "manifest.csv"})
        jobs = FakeJobs(JobState.SUCCEEDED)
        yield dataclasses.replace(services, settings=training, classifier=MadeUp(model), jobs=jobs)


@dataclasses.dataclass(frozen=True)
class Door:
    """The app, a client of it, and what a test puts behind it."""

    app: FastAPI
    client: httpx.AsyncClient
    issuer: Issuer

    @property
    def services(self) -> Services:
        return cast(Services, self.app.state.services)

    @property
    def identity(self) -> SqliteIdentity:
        return cast(SqliteIdentity, self.services.callers.identity)

    def exchange(self, **parts: Any) -> None:
        """Put other adapters in the place of some."""
        self.app.state.services = dataclasses.replace(self.services, **parts)

    async def record(self, owner: str = OWNER, case_id: str | None = None) -> Prediction:
        """A new record of that caller, with its photo."""
        model = await self.services.registry.resolve(Channel.CHAMPION)
        facts = Photo(sha256=hashlib.sha256(PHOTO).hexdigest(), width=300, height=225)
        cam = np.ones((7, 7), "<f2").tobytes()
        made = predictions.prediction(
            new_id(),
            owner=owner,
            photo=facts,
            model=model,
            cam=cam,
            status=Status.COMPLETE,
            created_at=datetime.now(UTC),
            context=Context(age=50, case_id=case_id),
        )
        await self.services.photos.put(facts.key(made.id), PHOTO)
        await self.services.records.create(made)
        return made

    async def upload(self, caller_id: str) -> str:
        """The id of a photo that this caller has uploaded directly."""
        upload_id = quarantine.new_upload_id(datetime.now(UTC))
        await self.services.photos.put(quarantine.key_of(Caller(id=caller_id, role=Role.CLIENT), upload_id), PHOTO)
        return upload_id

    async def training_run(self) -> TrainingRun:
        """A new one that has ended, as has what was under way before."""
        await retrain.settle_active(self.services)
        made = training_run(new_id(), created_at=datetime.now(UTC))
        await self.services.runs.begin(made)
        ended = {"state": RunState.CANCELLED}  # the reconciler may look at it meanwhile
        return await change(self.services.runs, made.id, lambda run: run.model_copy(update=ended))

    async def credentials(self, kind: str, way: str) -> dict[str, str]:
        """Headers of a caller: a new key, session, ID token or assertion of IAP."""
        if kind == "nobody":
            return {}
        return shown("x" if kind == "malformed" else await self._secret(kind, way), way)

    def link(self) -> str:
        """A sign-in link's token, or one that is as good as any where there are none."""
        return self.identity.create_invite(Role.CLIENT) if self.services.callers.sessions else "x"

    def _signed(self, kind: str, way: str) -> str:
        """A revoked one has expired; a role is a claim, or behind IAP an address."""
        times: dict[str, Any] = {"exp": int(time.time()) - 3600} if kind == "revoked" else {}
        if way == "token":
            return self.issuer.token(kind, role=ROLES.get(kind), **times)
        subject = f"accounts.google.com:{kind}" if kind in ROLES else kind
        return self.issuer.assertion(subject, email=f"{kind}@nevus.test", **times)

    async def _secret(self, kind: str, way: str) -> str:
        role = ROLES.get(kind, Role.CLIENT)
        if way in OIDC_WAYS:
            return self._signed(kind, way)
        if way == "key":
            key = self.identity.create_key(role, kind)
            if kind == "revoked":
                self.identity.revoke(key.key_id)
            return key.secret
        session = await self.identity.redeem(self.identity.create_invite(role, kind))
        assert session is not None
        if kind == "revoked":
            await self.identity.end_session(session)
        return session


def shown(secret: str, way: str) -> dict[str, str]:
    """The header by which a way in takes it."""
    if way in ("key", "token"):
        return {"Authorization": f"Bearer {secret}"}
    return {"Cookie": f"nevus_session={secret}"} if way == "session" else {IAP_HEADER: secret}


def new_id() -> str:
    """As the gateway makes them."""
    return base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower()


async def start_canary(door: Door) -> None:
    """The champion as its own canary, which no caller could make it, unless there is one."""
    registry = door.services.registry
    with suppress(NotFound):
        pointer, generation = await registry.pointer(Channel.CANARY)
        if pointer.ended:
            await registry.point(Channel.CANARY, pointer.ref, if_generation=generation, share=0.1)
        return
    await registry.point(Channel.CANARY, await registry.resolve(Channel.CHAMPION), if_generation=0, share=0.1)


@asynccontextmanager
async def open_door(settings: Settings) -> AsyncIterator[Door]:
    """The app, started."""
    with token_issuer() as issuer:
        app = create_app(settings.model_copy(update=believing(issuer, settings.google_cloud_project)), opening)
        transport = httpx.ASGITransport(app)
        async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url=HOST) as client:
            yield Door(app, client, issuer)


def believing(issuer: Issuer, project: str = "") -> dict[str, Any]:
    """Settings that take the tokens of an issuer for those of Firebase, IAP and Google; failures do not add up.

    What the project's name says of Firebase is told by itself where the project is another, an emulator's.
    """
    urls = dict.fromkeys(("oidc_keys_url", "iap_keys_url", "google_keys_url"), issuer.url)
    named = {"oidc_issuer": FIREBASE, "oidc_audience": AUDIENCE} if project else {"google_cloud_project": AUDIENCE}
    audiences = named | {"iap_audience": IAP_AUDIENCE, "reconcile_audience": HOST}
    return urls | EMAILS | audiences | {"reconcile_caller": SCHEDULER, "failed_keys": 1_000_000}
