"""The version that answers: loaded, warm, one interpreter a worker."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from queue import SimpleQueue

from PIL import Image, ImageDraw, ImageFilter

from inference.refusals import NotReady
from nevus.domain import Measurement, ModelRef
from nevus.measure import Measurer
from nevus.registry import Registry, Version

Work = Callable[[Measurer], Measurement]


class LoadedVersion:
    """`workers` warm measurers of one version; any thread borrows one for a measurement.

    Raises RegistryError when the version does not run.
    """

    def __init__(self, version: Version, workers: int) -> None:
        self.version = version
        self._idle: SimpleQueue[Measurer] = SimpleQueue()
        photo = warm_up_photo()
        for _ in range(workers):
            measurer = Measurer(version)
            self.example = measurer.warm_up(photo)
            self._idle.put(measurer)

    def run(self, work: Work) -> Measurement:
        """Do one piece of work with an interpreter that no other thread has."""
        measurer = self._idle.get()
        try:
            return work(measurer)
        finally:
            self._idle.put(measurer)


class ModelHolder:
    """Holds what is served. A request takes `current` once; putting another in its place disturbs none."""

    def __init__(self) -> None:
        self._current: LoadedVersion | None = None
        self._draining = False

    @property
    def current(self) -> LoadedVersion:
        """Raises NotReady."""
        if self._draining:
            raise NotReady("the service is stopping")
        if self._current is None:
            raise NotReady("no model version is loaded")
        return self._current

    @property
    def loaded(self) -> LoadedVersion | None:
        """What is served, if anything."""
        return self._current

    def put(self, loaded: LoadedVersion) -> None:
        """Serve this version from now on."""
        self._current = loaded

    def drain(self) -> None:
        """Take no new work; what was taken finishes."""
        self._draining = True


async def load(registry: Registry, ref: ModelRef, workers: int) -> LoadedVersion:
    """Read, verify and warm up a version; raises RegistryError, PortError, ValueError."""
    version = await registry.load(ref)
    return await asyncio.to_thread(LoadedVersion, version, workers)


def warm_up_photo() -> bytes:
    """A drawn lesion on skin, 600x450, as JPEG."""
    photo = Image.new("RGB", (600, 450), (214, 170, 148))
    ImageDraw.Draw(photo).ellipse((210, 140, 390, 310), fill=(104, 62, 48))
    encoded = io.BytesIO()
    photo.filter(ImageFilter.GaussianBlur(3)).save(encoded, "JPEG", quality=90)
    return encoded.getvalue()
