"""A caller who hangs up after sending loses nothing; one who hangs up amid sending leaves nothing."""

from __future__ import annotations

import socket
import time
from urllib.parse import urlsplit

import httpx
from tests.photos import lesion

PHOTO = lesion((1200, 900), 7)


def hang_up(client: httpx.Client, case: str, share: float) -> None:
    """Send that share of an upload's body, then close the connection without reading."""
    request = client.build_request("POST", "/v1/predictions", files={"image": ("a.jpg", PHOTO)}, data={"case_id": case})
    body = request.read()
    headers = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    place = urlsplit(str(client.base_url))
    with socket.create_connection((place.hostname, place.port)) as connection:
        connection.sendall(f"POST /v1/predictions HTTP/1.1\r\n{headers}\r\n".encode() + body[: int(len(body) * share)])


def kept(client: httpx.Client, case: str) -> list[str]:
    items = client.get("/v1/predictions", params={"case_id": case}).json()["items"]
    return [item["status"] for item in items]


def test_an_upload_that_arrived_is_answered_on_record(client: httpx.Client) -> None:
    hang_up(client, "gone-after", 1.0)
    end = time.monotonic() + 5
    while not kept(client, "gone-after") and time.monotonic() < end:
        time.sleep(0.05)
    assert kept(client, "gone-after") == ["complete"]


def test_half_an_upload_leaves_nothing_and_harms_nobody(client: httpx.Client) -> None:
    hang_up(client, "gone-amid", 0.5)
    time.sleep(0.3)
    assert kept(client, "gone-amid") == []
    assert client.get("/readyz").status_code == 200
