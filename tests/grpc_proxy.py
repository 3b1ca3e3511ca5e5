"""Between Firestore's client and the emulator: what is called is recorded, and spoiled as a test wants."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias

import grpc
from grpc import StatusCode

STREAMING = {"BatchGetDocuments", "RunQuery", "RunAggregationQuery"}


class Hang(Enum):
    """No answer, ever."""

    NOW = "now"


@dataclass(frozen=True)
class Lost:
    """It is done, and the answer is this error."""

    code: StatusCode = StatusCode.UNAVAILABLE


Fault: TypeAlias = "StatusCode | Hang | Lost"


@dataclass
class Proxy(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc carries no types
    """`calls` are (method, request) in order; each fault of a method spoils one call of it, in order."""

    channel: Any
    address: str = ""
    calls: list[tuple[str, bytes]] = field(default_factory=list)
    faults: dict[str, deque[Fault]] = field(default_factory=lambda: defaultdict(deque))

    def spoil(self, method: str, *faults: Fault) -> None:
        self.faults[method].extend(faults)

    def methods(self) -> list[str]:
        return [method for method, _ in self.calls]

    def service(self, handler_call_details: Any) -> Any:
        path = handler_call_details.method
        if path.rpartition("/")[2] in STREAMING:
            return grpc.unary_stream_rpc_method_handler(self._streamed(path))
        return grpc.unary_unary_rpc_method_handler(self._plain(path))

    def _plain(self, path: str) -> Callable[[bytes, Any], Awaitable[bytes]]:
        async def answer(request: bytes, context: Any) -> bytes:
            fault = await self._begin(path, request, context)
            call = self.channel.unary_unary(path)(request, metadata=context.invocation_metadata())
            response = await told(call, context)
            if isinstance(fault, Lost):
                await context.abort(fault.code, "spoiled by the test")
            return bytes(response)

        return answer

    def _streamed(self, path: str) -> Callable[[bytes, Any], AsyncIterator[bytes]]:
        async def answer(request: bytes, context: Any) -> AsyncIterator[bytes]:
            await self._begin(path, request, context)
            try:
                async for response in self.channel.unary_stream(path)(request, metadata=context.invocation_metadata()):
                    yield response
            except grpc.aio.AioRpcError as error:
                await context.abort(error.code(), error.details())

        return answer

    async def _begin(self, path: str, request: bytes, context: Any) -> Fault | None:
        method = path.rpartition("/")[2]
        self.calls.append((method, request))
        fault = self.faults[method].popleft() if self.faults[method] else None
        if isinstance(fault, StatusCode):
            await context.abort(fault, "spoiled by the test")
        if isinstance(fault, Hang):
            await asyncio.Event().wait()
        return fault


async def told(call: Any, context: Any) -> Any:
    """The answer, or the error that was the answer."""
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        await context.abort(error.code(), error.details())


@asynccontextmanager
async def grpc_proxy(target: str) -> AsyncIterator[Proxy]:
    """Listening, in front of the emulator at `target`."""
    async with grpc.aio.insecure_channel(target) as channel:
        proxy, server = Proxy(channel), grpc.aio.server()
        server.add_generic_rpc_handlers((proxy,))
        proxy.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        await server.start()
        yield proxy
        await server.stop(0)


@dataclass
class Wire:
    """A TCP connection to the emulator that can be made deaf (answers vanish) and cut."""

    target: str
    address: str = ""
    deaf: bool = False
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = self.target.partition(":")
        there_reader, there_writer = await asyncio.open_connection(host, int(port))
        self.writers += [writer, there_writer]
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(self._pump(reader, there_writer), self._pump(there_reader, writer, answers=True))

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, answers: bool = False) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                if not (answers and self.deaf):
                    sink.write(data)
                    await sink.drain()
        sink.close()

    def cut(self) -> None:
        """Reset every connection; those that follow hear again."""
        for writer in self.writers:
            writer.transport.abort()
        self.writers.clear()
        self.deaf = False


@asynccontextmanager
async def tcp_wire(target: str) -> AsyncIterator[Wire]:
    """Listening, in front of the emulator at `target`."""
    wire = Wire(target)
    server = await asyncio.start_server(wire.accept, "127.0.0.1", 0)
    wire.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield wire
    wire.cut()
    server.close()
    await server.wait_closed()
