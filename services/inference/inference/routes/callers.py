"""Who may ask, where that is asked at all: service accounts on a list, by their Google ID tokens."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from inference.refusals import NotReady, Refusal, Stranger, Uninvited
from inference.routes.answers import refused
from inference.settings import Settings
from nevus.ports import ServiceIdentity, Unavailable

HEALTH = "/v2/health/"  # the platform's probes bring no token


class KnownCallers:
    """ASGI middleware: lets health checks pass, and whoever is on the list."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._identity: ServiceIdentity | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and not scope["path"].startswith(HEALTH):
            try:
                await self._check(Headers(scope=scope).get("authorization", ""))
            except Refusal as refusal:
                await refused(refusal)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _check(self, authorization: str) -> None:
        """Raises Stranger, Uninvited, or NotReady while it cannot be told."""
        scheme, _, token = authorization.partition(" ")
        try:
            email = await self._callers().email(token.strip()) if scheme.lower() == "bearer" else None
        except Unavailable as error:
            raise NotReady("who is calling cannot be told now") from error
        if email is None:
            raise Stranger("an ID token of a service account is needed")
        if email not in self._settings.invited:
            raise Uninvited("this service account may not ask")

    def _callers(self) -> ServiceIdentity:
        """Made at the first request: what it imports takes longer than the service may take to be ready."""
        if self._identity is None:
            from nevus.adapters.oidc import GOOGLE_KEYS, ServiceAccounts

            keys = self._settings.google_keys_url or GOOGLE_KEYS
            self._identity = ServiceAccounts(self._settings.caller_audience, keys)
        return self._identity
