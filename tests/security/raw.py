"""Requests by the byte, as no decent client sends them, and their answers."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

PATIENCE = 30.0  # seconds; the machine may be busy


@dataclass(frozen=True)
class Answer:
    """The first one on a connection, with all that followed; whether the server then ended it."""

    status: int
    headers: dict[str, str]
    body: bytes
    ended: bool


def head(method: str, path: str, *lines: str) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: nevus.test", *lines, "", ""]).encode(
        "utf-8", "surrogateescape"
    )


def part(name: str, data: bytes, filename: str | None = None) -> bytes:
    told = f'form-data; name="{name}"' + ("" if filename is None else f'; filename="{filename}"')
    return b"--x\r\nContent-Disposition: " + told.encode() + b"\r\n\r\n" + data + b"\r\n"


def form(parts: bytes, *, end: bytes = b"--x--\r\n", kind: str = "multipart/form-data; boundary=x") -> bytes:
    body = parts + end if kind.endswith("boundary=x") else parts
    return head("POST", "/v1/predictions", f"Content-Type: {kind}", f"Content-Length: {len(body)}") + body


def chunked(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


async def sent(url: str, request: bytes, *more: str, to_the_end: bool = False) -> Answer:
    """Send, with more lines in its head, and read the answer; what the server does not take is not sent."""
    first, end, rest = request.partition(b"\r\n")
    whole = first + end + "".join(line + "\r\n" for line in more).encode() + rest
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    sending = asyncio.create_task(send(writer, whole))
    try:
        async with asyncio.timeout(PATIENCE):
            return await read(reader, to_the_end=to_the_end)
    finally:
        sending.cancel()
        with suppress(asyncio.CancelledError):
            await sending
        writer.close()


async def send(writer: asyncio.StreamWriter, data: bytes) -> None:
    with suppress(ConnectionError):
        for at in range(0, len(data), 1 << 16):
            writer.write(data[at : at + (1 << 16)])
            await writer.drain()


async def read(reader: asyncio.StreamReader, *, to_the_end: bool) -> Answer:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:-2])}
    status = int(lines[0].split()[1])
    if to_the_end or headers.get("connection") == "close":
        return Answer(status, headers, await reader.read(-1), ended=True)
    return Answer(status, headers, await reader.readexactly(int(headers["content-length"])), ended=False)
