"""Score an archive of photos of any size, shared among tasks: LiteRT on all cores, photos streamed, memory bounded."""

from __future__ import annotations

import json
import logging
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from typing import Any

from pydantic import ValidationError

from nevus.adapters.places import folder_of, is_remote, join, place
from nevus.machine import cores
from nevus.measure import Measurer
from nevus.policy import DEFAULT_POINT, cautious_reading, decide
from nevus.ports import NotFound, Unprocessable
from nevus.registry import Version
from training_job.cost import per_million, prices
from training_job.data import context_of, open_manifest
from training_job.parallel import Workers
from training_job.shards import Done, Folder, Plan, ScoringError, Shard

FETCHING = 16
AHEAD = 48
LARGEST = 32 * 1024 * 1024  # bytes of a photo
TELL_EVERY = 10.0  # seconds

Record = dict[str, str]
Scored = Sequence[object]
logger = logging.getLogger("training_job.score")


def run(version: Version, plan: Plan, folder: Folder, shard: Shard, gib: float) -> Done:
    """Score one shard, or the rest of it; raises ManifestError, Unavailable, RegistryError."""
    if done := folder.done(shard):
        folder.forget_parts(shard)
        return done
    number = first = folder.parts(shard)
    told = Progress(shard)
    with open_manifest(plan.data, ("file",)) as records:
        rows = islice(records, shard.index, None, shard.count)
        rest = islice(rows, first * plan.part_rows, None)
        with closing(answers(version, rest, folder_of(plan.data))) as scored:
            while part := list(told.counted(islice(scored, plan.part_rows))):
                folder.write_part(shard, number, part)
                number += 1
    facts = {"scored": told.n, "seconds": round(told.seconds, 3), "vcpus": cores(), "gib": gib}
    done = folder.finish(shard, number, facts)
    told.tell("shard finished")
    return done


def answers(version: Version, records: Iterable[Record], root: str) -> Generator[Scored]:
    """One row a photo, in order, with at most AHEAD photos in memory; raises Unavailable."""
    workers = Workers(lambda: Measurer(version), cores())

    def measured(record: Record, photo: Future[bytes]) -> Scored:
        with workers.borrowed() as measurer:
            return answer(version, measurer, record, photo)

    waiting: deque[Future[Scored]] = deque()
    with ThreadPoolExecutor(FETCHING) as fetching, ThreadPoolExecutor(cores()) as measuring:
        try:
            for record in records:
                photo = fetching.submit(fetched, join(root, record["file"] or ""))
                waiting.append(measuring.submit(measured, record, photo))
                if len(waiting) >= AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def fetched(address: str) -> bytes:
    """A photo's bytes; raises NotFound, Unavailable, ValueError on one too large."""
    return place(address).read(LARGEST)


def answer(version: Version, measurer: Measurer, record: Record, photo: Future[bytes]) -> Scored:
    """`file, probability, decision, ood, error`: an error instead of figures for a photo that cannot be read."""
    file = record["file"]
    try:
        context = context_of({name: (value or "").strip() for name, value in record.items() if name})
    except (ValidationError, ValueError):
        return file, "", "", "", "what the row says of the photo cannot be"
    try:
        found = measurer.measure(photo.result())
    except NotFound:
        return file, "", "", "", "there is no such file"
    except (Unprocessable, ValueError) as error:  # no photo, too large, or no name that a file can have
        return file, "", "", "", str(error)
    reading = cautious_reading(found.logit, context.modality, version.manifest, DEFAULT_POINT)
    decision = decide(found, context, version.manifest).decision.value
    return file, f"{reading.probability:.6f}", decision, f"{found.ood_score:.4f}", ""


class Progress:
    """Counts photos and tells the log every so often."""

    def __init__(self, shard: Shard) -> None:
        self._shard, self._start, self._told = shard, time.monotonic(), time.monotonic()
        self.n = self._failures = 0

    @property
    def seconds(self) -> float:
        """Since the first photo was asked for."""
        return time.monotonic() - self._start

    def counted(self, rows: Iterable[Scored]) -> Iterator[Scored]:
        """The rows as they come."""
        for row in rows:
            self.n, self._failures = self.n + 1, self._failures + bool(row[-1])
            if time.monotonic() - self._told > TELL_EVERY:
                self.tell("scoring")
            yield row

    def tell(self, what: str) -> None:
        """One log line."""
        self._told = time.monotonic()
        rate = round(self.n / max(self.seconds, 1e-9), 1)
        facts = {"shard": self._shard.name, "photos": self.n, "failures": self._failures, "photos_per_second": rate}
        logger.info(what, extra=facts)


def merge(folder: Folder, plan: Plan) -> dict[str, Any]:
    """`scores.csv` and `summary.json` of all shards; raises ScoringError while one is unfinished.

    Two tasks that finish at once write the same twice.
    """
    shards = [Shard(index, plan.shards) for index in range(plan.shards)]
    finished = [done for done in map(folder.done, shards) if done]
    if len(finished) < plan.shards:
        raise ScoringError(f"{plan.shards - len(finished)} of {plan.shards} shards are not finished")
    folder.merge(shards)
    summary = summarised(plan, finished)
    folder.write_summary(json.dumps(summary, indent=1) + "\n")
    return summary


def summarised(plan: Plan, finished: Sequence[Done]) -> dict[str, Any]:
    """Counts, the model, and what a million photos cost at the rate that was measured."""
    given, one = prices(), finished[0]
    scored, seconds = sum(done.scored for done in finished), sum(done.seconds for done in finished)
    rate = scored / seconds if scored else None
    remote = is_remote(plan.data)
    cost = per_million(rate, vcpus=one.vcpus, gib=one.gib, remote=remote, given=given) if rate else None
    return {
        "n": sum(done.n for done in finished),
        "failures": sum(done.failures for done in finished),
        "model": plan.model.model_dump(),
        "data": plan.data,
        "shards": plan.shards,
        "task": {"vcpus": one.vcpus, "gib": one.gib},
        "photos_per_second_per_task": rate and round(rate, 2),
        "cost_per_million": cost,
        "prices": given.model_dump(exclude={"machines"}),
    }
