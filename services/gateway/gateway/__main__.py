"""`python -m gateway`: serve until SIGTERM or SIGINT, finish what is in flight, exit 0."""

from __future__ import annotations

import os
import socket
import sys
from types import FrameType

import uvicorn
from pydantic import ValidationError

from gateway.app import create_app
from gateway.leaving import leave
from gateway.settings import Settings, is_secret
from gateway.wire import Wire, make_room
from nevus.adapters.google_credentials import NO_CREDENTIALS, credentials_found
from nevus.configuration import EXIT_STATUS, refusal
from nevus.lifetime import follow_parent_if_asked
from nevus.telemetry import configure

GRACE_SECONDS = 6


class Server(uvicorn.Server):
    """Uvicorn with an exit status of 0 after a signal; its own would end by the signal."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop; a second signal does not wait."""
        del sig, frame
        self.force_exit = self.should_exit
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Leave, finish, close."""
        await leave(self)
        await super().shutdown(sockets)


def main() -> int:
    """Exit status."""
    follow_parent_if_asked()
    try:
        settings = Settings()
    except ValidationError as error:
        sys.stderr.write(f"gateway cannot start: {refusal(error)}.\n")
        return EXIT_STATUS
    if not credentials_found(storage=settings.storage, records=settings.records):
        sys.stderr.write(f"gateway cannot start: {NO_CREDENTIALS}\n")
        return EXIT_STATUS
    for name in filter(is_secret, tuple(os.environ)):
        del os.environ[name]  # what decodes photos inherits the rest
    configure("gateway", settings.log_level)
    make_room()
    config = uvicorn.Config(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=Wire,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=2048,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    Server(config).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
