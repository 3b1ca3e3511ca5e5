"""The folder of a scoring: its plan, the parts and results of each shard, and their merge. A path or `gs://`."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO, Any

from nevus.adapters.places import join, place
from nevus.domain import Frozen, ModelRef
from nevus.ports import NotFound

PLAN, SCORES, SUMMARY = "score.json", "scores.csv", "summary.json"
COLUMNS = ("file", "probability", "decision", "ood", "error")
LARGEST = 1024 * 1024  # bytes of a JSON file here


class ScoringError(RuntimeError):
    """The folder holds another scoring, or not all of its shards."""


class Plan(Frozen):
    """What all tasks of a scoring have agreed on; `mark` tells the manifest's contents, `asked` is the model's name."""

    data: str
    mark: str
    asked: str
    model: ModelRef
    shards: int
    part_rows: int


class Done(Frozen):
    """A finished shard; `scored` photos in `seconds` are those of its last attempt, from which the rate comes."""

    n: int
    failures: int
    scored: int
    seconds: float
    vcpus: int
    gib: float


@dataclass(frozen=True)
class Shard:
    """One task's rows: those whose number, from 0, leaves `index` when divided by `count`."""

    index: int
    count: int

    @property
    def name(self) -> str:
        """As in its files' names."""
        return f"shard-{self.index:05}-of-{self.count:05}"


class Folder:
    """Where the results of a scoring are."""

    def __init__(self, address: str) -> None:
        self.address = address

    def agree(self, plan: Plan) -> Plan:
        """Write the plan, or take the one that another task wrote; raises ScoringError when it is of something else."""
        found = place(join(self.address, PLAN))
        if found.create(plan.model_dump_json(indent=1).encode()):
            return plan
        agreed = self.plan()
        if agreed.model_copy(update={"model": plan.model}) != plan:
            raise ScoringError(f"{self.address} holds the scores of other data, another model or other shards")
        return agreed

    def plan(self) -> Plan:
        """The plan; raises NotFound."""
        return Plan.model_validate_json(place(join(self.address, PLAN)).read(LARGEST))

    def parts(self, shard: Shard) -> int:
        """How many parts of a shard are finished, from the first on."""
        names = set(place(self._parts(shard)).names())
        return next(number for number in range(len(names) + 1) if part_name(number) not in names)

    def write_part(self, shard: Shard, number: int, rows: Sequence[Sequence[object]]) -> None:
        """Write a part whole."""
        with _writing(join(self._parts(shard), part_name(number))) as table:
            table.writerows(rows)

    def finish(self, shard: Shard, parts: int, facts: dict[str, Any]) -> Done:
        """Make the shard's file of its parts, then its facts, which say that it is finished; the parts go last."""
        n = failures = 0
        with _writing(join(self.address, f"{shard.name}.csv")) as table:
            table.writerow(COLUMNS)
            for number in range(parts):
                for row in _rows(join(self._parts(shard), part_name(number))):
                    table.writerow(row)
                    n, failures = n + 1, failures + bool(row[-1])
        done = Done(n=n, failures=failures, **facts)
        with place(join(self.address, f"{shard.name}.json")).writing() as file:
            file.write(done.model_dump_json(indent=1).encode())
        self.forget_parts(shard)
        return done

    def forget_parts(self, shard: Shard) -> None:
        """Delete the parts of a finished shard."""
        for name in place(self._parts(shard)).names():
            place(join(self._parts(shard), name)).delete()

    def done(self, shard: Shard) -> Done | None:
        """The facts of a shard, None until it is finished."""
        try:
            data = place(join(self.address, f"{shard.name}.json")).read(LARGEST)
        except NotFound:
            return None
        return Done.model_validate_json(data)

    def merge(self, shards: Sequence[Shard]) -> None:
        """`scores.csv`: the rows of all finished shards in the manifest's order, streamed."""
        with _writing(join(self.address, SCORES)) as table, ExitStack() as stack:
            opened = [stack.enter_context(_reading(join(self.address, f"{shard.name}.csv"))) for shard in shards]
            heads = [next(rows) for rows in opened]
            table.writerow(heads[0])
            table.writerows(_in_turn(opened))

    def write_summary(self, text: str) -> None:
        """`summary.json`, which says that the merge is finished."""
        with place(join(self.address, SUMMARY)).writing() as file:
            file.write(text.encode())

    def _parts(self, shard: Shard) -> str:
        return join(self.address, f"parts/{shard.name}")


def part_name(number: int) -> str:
    """Of a part's file."""
    return f"{number:07}.csv"


def _in_turn(opened: Sequence[Iterator[list[str]]]) -> Iterator[list[str]]:
    """One row of each shard, again and again, until one has no more: the shards after it have none either."""
    while True:
        for rows in opened:
            row = next(rows, None)
            if row is None:
                return
            yield row


def _rows(address: str) -> Iterator[list[str]]:
    with _reading(address) as rows:
        yield from rows


@contextmanager
def _reading(address: str) -> Iterator[Iterator[list[str]]]:
    with place(address).reading() as file, io.TextIOWrapper(file, "utf-8", newline="") as text:
        yield csv.reader(text)


@contextmanager
def _writing(address: str) -> Iterator[Any]:
    """A CSV writer; the text goes out in blocks, for a stream into a bucket cannot be flushed."""
    with place(address).writing() as file:
        text = Text(file)
        yield csv.writer(text)
        text.send()


class Text:
    """What a CSV writer writes to: gathers text and hands it on in blocks."""

    BLOCK = 64 * 1024

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._gathered, self._size = file, list[str](), 0

    def write(self, text: str) -> None:
        """Gather."""
        self._gathered.append(text)
        self._size += len(text)
        if self._size >= self.BLOCK:
            self.send()

    def send(self) -> None:
        """Hand on what is gathered."""
        self._file.write("".join(self._gathered).encode())
        self._gathered, self._size = [], 0
