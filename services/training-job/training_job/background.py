"""An event loop on a thread of its own, for ports that a training calls while its own thread computes."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, Self, TypeVar

from nevus.ports import Unavailable

T = TypeVar("T")
PAUSES = (1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 60.0, 60.0)  # seconds


class Background:
    """Runs coroutines, all on one loop; `with` it."""

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="background", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def start(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Begin it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Its result; raises what it raises."""
        return self.start(work).result()

    def persist(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Its result; what is safe to repeat waits some minutes for a store that is down. Raises what it raises."""
        for pause in PAUSES:
            try:
                return self.run(work())
            except Unavailable:
                time.sleep(pause)
        return self.run(work())
