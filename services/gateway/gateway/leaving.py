"""How the gateway leaves: nobody new comes in, who is connected is told that it ends, what is under way is finished.

Uploads that still wait at the door could not be, and are told to come again.

Uvicorn by itself closes connections on which nothing is under way at once, and with them the request that just comes.
"""

from __future__ import annotations

import asyncio
from typing import cast

import uvicorn
from fastapi import FastAPI

LINGER = 0.5  # seconds in which requests still come, on connections that are there


async def leave(server: uvicorn.Server) -> None:
    """Before uvicorn's own shutdown. Every answer from now on carries `Connection: close`."""
    for listener in server.servers:
        listener.close()
    state = server.server_state
    state.default_headers = [*state.default_headers, (b"connection", b"close")]
    await asyncio.sleep(0 if server.force_exit else LINGER)
    cast(FastAPI, server.config.app).state.services.intake.dismiss()
