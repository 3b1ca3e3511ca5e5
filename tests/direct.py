"""The three calls of a direct upload, as an app on a phone makes them."""

from __future__ import annotations

from typing import Any

import httpx


async def begin(client: httpx.AsyncClient, **wanted: str) -> dict[str, Any]:
    """Ask for an upload."""
    answer = await client.post("/v1/uploads", json=wanted)
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def put(client: httpx.AsyncClient, told: dict[str, Any], photo: bytes) -> httpx.Response:
    """Send the photo as the upload says: to the gateway, or past it to the store."""
    if told["url"].startswith(("/", str(client.base_url))):
        return await client.request(told["method"], told["url"], headers=told["headers"], content=photo)
    async with httpx.AsyncClient(trust_env=False) as straight:
        return await straight.request(told["method"], told["url"], headers=told["headers"], content=photo)


async def ask(client: httpx.AsyncClient, upload_id: str, key: str | None = None, **facts: object) -> httpx.Response:
    """Have it assessed."""
    headers = {"Idempotency-Key": key} if key else {}
    return await client.post("/v1/predictions", json={"upload_id": upload_id, **facts}, headers=headers)


async def uploaded(client: httpx.AsyncClient, photo: bytes) -> str:
    """The id of a photo that is there."""
    told = await begin(client)
    answer = await put(client, told, photo)
    assert answer.status_code == 200, answer.text
    return str(told["upload_id"])
