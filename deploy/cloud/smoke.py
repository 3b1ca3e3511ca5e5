"""The questions that a revision must answer before it gets traffic."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request

from deploy.cloud.parts import Access

TRIES, PAUSE, TIMEOUT = 5, 2.0, 15.0


class SmokeFailed(Exception):
    """It answered something else, or not at all."""


def smoke(url: str, access: Access) -> None:
    """Open to all: it is ready, which takes the records and a warm model, and keeps its door. Behind IAP: IAP is there.

    Raises SmokeFailed.
    """
    if access == "iap":  # from here nobody passes it; the startup probes are what vouches for the revision
        _expect(url + "/readyz", {302, 401, 403})
        return
    ready = _expect(url + "/readyz", {200})
    if json.loads(ready or b"{}").get("status") != "ready":
        raise SmokeFailed(f"{url}/readyz does not come from the gateway")
    _expect(url + "/v1/predictions", {401})
    described = json.loads(_expect(url + "/openapi.json", {200}))
    if "/v1/predictions" not in described.get("paths", {}):
        raise SmokeFailed(f"{url}/openapi.json knows no predictions")


def _expect(url: str, statuses: set[int]) -> bytes:
    """The body; a first answer may wait for an instance, so that it is asked a few times."""
    said = ""
    for attempt in range(TRIES):
        time.sleep(PAUSE if attempt else 0)
        status, body = _ask(url)
        if status in statuses:
            return body
        said = f"{url} answered {status or 'nothing'}"
    raise SmokeFailed(said)


def _ask(url: str) -> tuple[int, bytes]:
    opener = urllib.request.build_opener(_NoRedirect)
    try:
        with opener.open(url, timeout=TIMEOUT) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except (OSError, http.client.HTTPException):
        return 0, b""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer too."""

    def redirect_request(self, *_: object) -> None:
        """None leaves the status as it is."""
