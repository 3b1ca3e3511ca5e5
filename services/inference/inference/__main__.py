"""`python -m inference`: serve until SIGTERM or SIGINT, finish what is in flight, exit 0."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from pathlib import Path
from types import FrameType

import uvicorn
from pydantic import ValidationError

from inference.app import create_app
from inference.bootstrap import build
from inference.service import Service
from inference.settings import Settings, from_environment
from nevus.configuration import EXIT_STATUS, refusal
from nevus.lifetime import follow_parent_if_asked
from nevus.telemetry import configure

GRACE_SECONDS = 5


class Server(uvicorn.Server):
    """Uvicorn, with new work refused from the signal on, an exit status of 0, and a socket for its owner alone."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop; a second signal does not wait for what is in flight. Uvicorn's own would end by the signal."""
        del sig, frame
        self._service.holder.drain()
        self.force_exit = self.should_exit
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen."""
        await super().startup(sockets)
        if self.config.uds:
            await asyncio.to_thread(Path(self.config.uds).chmod, 0o600)


def configured(settings: Settings, service: Service) -> uvicorn.Config:
    """Uvicorn's part of the settings."""
    return uvicorn.Config(
        create_app(service),
        host=settings.host,
        port=settings.port,
        uds=str(settings.uds) if settings.uds else None,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def main() -> int:
    """Exit status."""
    follow_parent_if_asked()
    try:
        settings = from_environment(os.environ)
    except ValidationError as error:
        sys.stderr.write(f"inference cannot start: {refusal(error)}.\n")
        return EXIT_STATUS
    configure("inference", settings.log_level)
    service = build(settings)
    Server(configured(settings, service), service).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
