"""One run: some minutes in which anything fails, then peace, then a look at what is left."""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from tests.simulation.invariants import broken
from tests.simulation.loop import SimulatedLoop, WallClock
from tests.simulation.people import Admin, Person, Told
from tests.simulation.world import Gateway, World

from gateway import retrain
from gateway.reconcile import Reconciler, tried
from gateway.services import Services
from nevus import clock
from nevus.domain import Status
from nevus.ports import Busy, Unavailable

STORM = 60.0  # seconds
FINISHING = 100  # rounds at most
LATER = timedelta(days=5)  # longer than any clock was ahead, and a day


@dataclass(frozen=True)
class Outcome:
    """What was broken, and what had befallen which call."""

    broken: tuple[str, ...]
    trace: tuple[str, ...]
    acknowledged: int
    erased: int


def simulate(seed: int, registry: Path, monkeypatch: pytest.MonkeyPatch) -> Outcome:
    """The run of that seed; the same again whenever it is asked for."""
    rng, wall = random.Random(seed), WallClock()
    random.seed(seed)
    logging.disable()
    try:
        with monkeypatch.context() as patched, asyncio.Runner(loop_factory=SimulatedLoop) as runner:
            patched.setattr(clock, "now", wall.now)
            patched.setattr(secrets, "token_bytes", rng.randbytes)
            return runner.run(lived(rng, registry, wall))
    finally:
        logging.disable(logging.NOTSET)


async def lived(rng: random.Random, registry: Path, wall: WallClock) -> Outcome:
    """From the first request to the verdict."""
    world, told = World(rng, registry, wall), Told()
    await world.start()
    try:
        storm = [asyncio.create_task(each(world)) for each in (kills, fills, jumps, breaks_down)]
        tending = [asyncio.create_task(tends(world, number)) for number in range(len(world.gateways))]
        people = [Person(world, told, number) for number in range(rng.randint(2, 6))]
        people += [Admin(world, told, -1)] if rng.random() < 0.3 else []
        await asyncio.gather(*(person.live() for person in people))
        for task in (*storm, *tending):
            task.cancel()
        await asyncio.gather(*storm, *tending, return_exceptions=True)
        await peace(world)
        found = await broken(world, told)
    finally:
        await world.close()
    return Outcome(tuple(found), tuple(world.chaos.trace), len(told.acknowledged), len(told.erased))


async def kills(world: World) -> None:
    """Up to four times."""
    for _ in range(world.rng.randrange(5)):
        await asyncio.sleep(world.rng.uniform(0, STORM / 2))
        await world.restart(world.rng.randrange(len(world.gateways)))


async def fills(world: World) -> None:
    """The disk, for some seconds."""
    for _ in range(world.rng.choice((0, 0, 1, 2))):
        await asyncio.sleep(world.rng.uniform(0, STORM / 2))
        world.disk.fill(True)
        await asyncio.sleep(world.rng.uniform(0, 10))
        world.disk.fill(False)


async def jumps(world: World) -> None:
    """Of the clock; where stores have their own, of less than the half hour that they may differ by."""
    for _ in range(world.rng.choice((0, 0, 1, 3))):
        await asyncio.sleep(world.rng.uniform(0, STORM / 2))
        if world.cloud:
            world.wall.offset = timedelta(minutes=world.rng.uniform(-25, 25))
        else:
            world.wall.offset += world.rng.choice((timedelta(seconds=90), timedelta(hours=2), timedelta(days=1)))
        world.chaos.trace.append(f"the clock is {world.wall.offset} ahead")


async def breaks_down(world: World) -> None:
    """Inference, for a while, in one way or another."""
    for _ in range(world.rng.choice((0, 1, 1, 2))):
        await asyncio.sleep(world.rng.uniform(0, STORM / 2))
        world.classifier.error = world.rng.choice((Busy(), Unavailable("down"), RuntimeError("ours")))
        world.classifier.is_ready = world.rng.random() < 0.5
        await asyncio.sleep(world.rng.uniform(0, STORM / 2))
        repair(world)


def repair(world: World) -> None:
    """Inference answers."""
    world.classifier.error, world.classifier.is_ready = None, True


async def tends(world: World, number: int) -> None:
    """What the reconciler of whatever process there is does, in an order of its own."""
    while True:
        await asyncio.sleep(world.rng.uniform(0.1, 4))
        gateway = world.gateways[number]
        reconciler = Reconciler(gateway.services)
        await beside(gateway, reconciler.round)
        await beside(gateway, partial(retrain.settle_active, gateway.services))
        await beside(gateway, reconciler.anchor)
        if world.rng.random() < 0.3:
            await beside(gateway, reconciler.sweep)


async def beside(gateway: Gateway, work: Callable[[], Awaitable[object]]) -> None:
    """In that process, as long as it lives."""
    if not gateway.process.dead:
        await asyncio.wait({gateway.process.run(tried(work()))})


async def peace(world: World) -> None:
    """Nothing fails any more, the clock is right, everything starts anew; days go by."""
    repair(world)
    world.disk.fill(False)
    await world.chaos.settle()
    for number in range(len(world.gateways)):
        await world.restart(number)
    services = world.gateways[0].services
    await finish(world, services)
    world.wall.offset = timedelta()
    await asyncio.sleep(LATER.total_seconds())
    for _ in range(2):
        await Reconciler(services).sweep()
    await finish(world, services)  # a run that a clock far ahead has begun without a job gets one now
    await Reconciler(services).anchor()


async def finish(world: World, services: Services) -> None:
    """Rounds until nothing is pending and no run is under way."""
    for _ in range(FINISHING):
        await Reconciler(services).round()
        await retrain.settle_active(services)
        pending = (await world.records.counts()).get(f"status:{Status.PENDING}", 0)
        if not pending and await world.runs.active() is None:
            break
        await asyncio.sleep(20)
