"""The whole corpus, and what is asked of every file in it."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import psutil
from PIL import Image
from tests.gateway_process import GatewayProcess
from tests.photos import lesion
from tests.security import corpus_jpeg, corpus_others, corpus_png
from tests.security.corpus import MARK, Case

LIMIT = 2.0  # seconds to an answer, on a machine where
USUAL = 0.03  # seconds are what a plain photo takes
GROWTH = 64 << 20  # bytes that all processes of the gateway may hold more when the storm is over
PLAIN = lesion()
KEPT = frozenset((0xE0, 0xDB, 0xC0, 0xC4, 0xDA))  # JFIF, tables, frame, scan


def cases(seed: int, scale: float = 1.0) -> Iterator[Case]:
    """Every file; the floods have their full size at a scale of 1."""
    yield from corpus_jpeg.cases(seed, scale)
    yield from corpus_png.cases(seed, scale)
    yield from corpus_others.cases(seed, scale)


def only_pixels(jpeg: bytes) -> bool:
    """Whether it decodes, has nothing but what pixels need, and ends where they end."""
    with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as image:
        image.load()
        described = set(image.info) - {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    starts = corpus_jpeg.offsets(jpeg)
    scan = jpeg[starts[-1] :]
    once = scan.count(b"\xff\xd9") == 1 and scan.endswith(b"\xff\xd9") and scan.count(b"\xff\xda") == 1
    return once and not described and {jpeg[at + 1] for at in starts} <= KEPT and MARK not in jpeg


def resident(nevus: GatewayProcess) -> int:
    """Bytes of the gateway and of all that it started, when nothing has gone on for a moment."""
    time.sleep(1.0)
    gateway = psutil.Process(nevus.process.pid)
    return sum(int(each.memory_info().rss) for each in (gateway, *gateway.children(recursive=True)))


@dataclass
class Storm:
    """Sends files one after another and notes what is wrong."""

    nevus: GatewayProcess
    client: httpx.Client
    faults: list[str] = field(default_factory=list)
    kept: int = 0

    def pace(self) -> float:
        """How many times slower than usual this machine is now."""
        taken = sorted(self.send(PLAIN).elapsed.total_seconds() for _ in range(3))
        self.kept += 3
        return max(1.0, taken[-1] / USUAL)

    def plain(self) -> None:
        """A photo that is answered as ever."""
        assert self.send(PLAIN).status_code in {201, 202}  # pending, where inference has too little of the machine
        self.kept += 1

    def send(self, data: bytes) -> httpx.Response:
        return self.client.post("/v1/predictions", files={"image": ("../photo.jpg", data)})

    def throw(self, case: Case) -> None:
        """One file; one that took long counts only if it does so again."""
        for _ in range(3):
            begun = time.perf_counter()
            answer = self.send(case.data)
            taken = time.perf_counter() - begun
            wrong = self.wrong(case, answer)
            if wrong:
                self.faults.append(f"{case.name}: {wrong}")
            if wrong or taken < LIMIT or taken < LIMIT * self.pace():
                return
        self.faults.append(f"{case.name}: answered late, three times")

    def wrong(self, case: Case, answer: httpx.Response) -> str | None:
        """What is, with the answer and what was kept."""
        if self.nevus.process.poll() is not None:
            return "the gateway has ended"
        if answer.status_code in {201, 202}:
            self.kept += 1
            photo = self.client.get(answer.json()["links"]["photo"]).content
            if not only_pixels(photo):
                return "more than pixels was kept"
            return "was taken" if case.answer == "refused" else None
        if not (400 <= answer.status_code < 500 or answer.status_code == 503):
            return f"was answered {answer.status_code}"
        if answer.headers["content-type"] != "application/problem+json" or MARK in answer.content:
            return "was refused by something else than a problem"
        return f"was refused: {answer.text}" if case.answer == "clean" else None
