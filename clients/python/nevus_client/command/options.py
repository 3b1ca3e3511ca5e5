"""Options that several commands take, and what they say together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

import typer

from nevus_client.client import Nevus
from nevus_client.command import status
from nevus_client.command.showing import say
from nevus_client.errors import NevusError, Refused, Unreachable

Url = Annotated[str, typer.Option(envvar="NEVUS_URL", help="address of the service")]
Key = Annotated[
    str, typer.Option(envvar="NEVUS_KEY", show_default=False, help="API key; the variable keeps it out of listings")
]
Patience = Annotated[float, typer.Option(min=0, help="seconds to wait at most while it is busy, away or has to assess")]
AsJson = Annotated[bool, typer.Option("--json", help="print what the API answers")]
LOCAL = "http://127.0.0.1:8080"
HINTS = {
    401: "NEVUS_KEY or --key is not a key of this service",
    403: "the key's role does not allow it",
}


@contextmanager
def connected(url: str, key: str, patience: float = 60.0) -> Iterator[Nevus]:
    """The service; what goes wrong with it is said in one line, and becomes the exit status."""
    if not key:
        raise typer.BadParameter("give one, or set NEVUS_KEY; `nevus-admin create-key` makes them", param_hint="--key")
    try:
        nevus = Nevus(url, key.strip(), patience=patience)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--url or --key") from None
    if is_exposed(url):
        say(f"warning: the key and the photos go to {urlsplit(url).hostname} unencrypted; use https")
    try:
        with nevus:
            yield nevus
    except (NevusError, OSError) as error:
        say(explained(error))
        raise typer.Exit(status.of_error(error)) from None
    except KeyboardInterrupt:
        say("stopped")
        raise typer.Exit(130) from None


def explained(error: NevusError | OSError) -> str:
    """What went wrong, and what may help."""
    hint = HINTS.get(error.status, "") if isinstance(error, Refused) else ""
    if isinstance(error, Unreachable):
        hint = "is it running, and is NEVUS_URL or --url its address?"
    number = f" [request {error.request_id}]" if isinstance(error, Refused) and error.request_id else ""
    return f"{error}" + (f" ({hint})" if hint else "") + number


def is_exposed(url: str) -> bool:
    """Whether others on the way can read along."""
    where = urlsplit(url)
    host = where.hostname or ""
    try:
        return where.scheme == "http" and not ip_address(host).is_loopback
    except ValueError:
        return where.scheme == "http" and host != "localhost"
