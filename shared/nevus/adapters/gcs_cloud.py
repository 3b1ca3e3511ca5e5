"""One pooled client of Cloud Storage a process and identity, and the threads that it works in."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Any, TypeVar

import google.auth
from google.auth.credentials import AnonymousCredentials, Credentials
from google.auth.impersonated_credentials import Credentials as Impersonated
from google.auth.transport.requests import AuthorizedSession
from google.cloud.storage import Client
from requests.adapters import HTTPAdapter

from nevus.adapters.google_calls import DEADLINE, repeated

T = TypeVar("T")

EMULATOR = "STORAGE_EMULATOR_HOST"
NO_BUCKET_METADATA = "DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA"  # else the client asks for it, beside our calls
STORAGE_SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
PLATFORM_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
THREADS = 16
CONNECT = 3.0  # seconds
SLOWEST = 1024 * 1024  # bytes a second: a call has this much more time for what it moves


@dataclass(frozen=True)
class Patience:
    """How long a call waits, in seconds: `silence` for the next byte, `within` for all its attempts."""

    silence: float = 5.0
    within: float = DEADLINE

    @property
    def timeout(self) -> tuple[float, float]:
        """As requests takes it: to connect, to read."""
        return min(CONNECT, self.silence), self.silence

    @property
    def options(self) -> dict[str, Any]:
        """Of every call to the client, which is not to repeat anything itself."""
        return {"timeout": self.timeout, "retry": None}


class Clock:
    """A call's time: so many seconds, and more for what has moved."""

    def __init__(self, within: float) -> None:
        self._end = time.monotonic() + within

    def check(self, moved: int = 0) -> None:
        """Raises TimeoutError when it is over, with that many bytes moved."""
        if time.monotonic() > self._end + moved / SLOWEST:
            raise TimeoutError


class Cloud:
    """A client, its session and its threads; neither is made before the first call, because that may ask a server.

    As many connections are kept as there are threads.
    """

    def __init__(self, emulator: str | None, impersonate: str | None) -> None:
        self.emulator = emulator
        self._impersonate = impersonate
        self._threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="gcs")
        self._lock = Lock()
        self._open: tuple[Client, AuthorizedSession] | None = None

    async def call(self, work: Callable[[Cloud], T], *, within: float = DEADLINE) -> T:
        """What `work` returns, in a thread, repeated while its failures pass; raises as `repeated` does."""
        loop = asyncio.get_running_loop()
        return await repeated(lambda: loop.run_in_executor(self._threads, work, self), within=within)

    @property
    def client(self) -> Client:
        """It blocks at first use; raises GoogleAuthError."""
        return self._opened()[0]

    @property
    def session(self) -> AuthorizedSession:
        """The client's own; raises GoogleAuthError."""
        return self._opened()[1]

    def _opened(self) -> tuple[Client, AuthorizedSession]:
        with self._lock:
            self._open = self._open or self._connect()
            return self._open

    def _connect(self) -> tuple[Client, AuthorizedSession]:
        os.environ.setdefault(NO_BUCKET_METADATA, "true")
        credentials = AnonymousCredentials() if self.emulator else credentials_of(self._impersonate)
        session = AuthorizedSession(credentials)
        session.trust_env = not self.emulator
        for scheme in ("https://", "http://"):
            session.mount(scheme, HTTPAdapter(pool_connections=4, pool_maxsize=THREADS))
        options = {"api_endpoint": self.emulator} if self.emulator else None
        return Client(project=None, credentials=credentials, _http=session, client_options=options), session


def credentials_of(impersonate: str | None) -> Credentials:
    """Our own, or those of a service account that we may impersonate; raises GoogleAuthError."""
    if not impersonate:
        return google.auth.default(scopes=[STORAGE_SCOPE])[0]
    source, _ = google.auth.default(scopes=[PLATFORM_SCOPE])
    return Impersonated(source, target_principal=impersonate, target_scopes=[STORAGE_SCOPE])


def cloud(impersonate: str | None = None) -> Cloud:
    """The process's own for that identity, as the environment says at this moment."""
    return _cloud(os.environ.get(EMULATOR) or None, impersonate)


_cloud = lru_cache(maxsize=None)(Cloud)
