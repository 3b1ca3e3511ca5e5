"""`promote` and `rollback` by the real command, on drawn photos: six bad challengers leave the pointer where it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.promotion_world import World, drawn_world, learned_rows, small_policy

from nevus.adapters.sqlite import SqliteRecords
from nevus.domain import ChainedEntry
from nevus.registry import Channel
from training_job import cli
from training_job.promotion.check import PromotionError

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def shared_world(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    world = drawn_world(tmp_path_factory.mktemp("promotion"), models_dir)
    small_policy(world.folder / "policy.yaml")
    return world


@pytest.fixture
def world(shared_world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """With the champion in its place again."""
    monkeypatch.setenv("DATA_DIR", str(shared_world.folder / "data"))
    monkeypatch.setenv("PROMOTION_POLICY", str(shared_world.folder / "policy.yaml"))
    shared_world.remembered.put_in(monkeypatch, draws=100)
    (shared_world.folder / "registry/channels/champion.json").unlink(missing_ok=True)
    champion = shared_world.publish("first", shared_world.kernel, learned=learned_rows(shared_world))
    shared_world.point(Channel.CHAMPION, champion)
    return shared_world


def run(world: World, command: str, *arguments: str) -> int:
    """The command's exit status."""
    place = ["--registry", str(world.folder / "registry")]
    data = ["--data", str(world.folder / "manifest.csv")] if command == "promote" else []
    return int(cli.app([command, *arguments, *place, *data], standalone_mode=False) or 0)


def worse(world: World, name: str) -> None:
    world.publish(name, world.worse(0.03), learned=learned_rows(world))


def with_a_site_at_chance(world: World, name: str) -> None:
    made = world.publish(name, world.kernel, learned=learned_rows(world))
    world.remembered.shuffled = {made.sha256: lambda row: row.site == "back"}


def overconfident(world: World, name: str) -> None:
    world.publish(name, 3 * world.kernel, learned=learned_rows(world), calibrated=False)


def that_saw_the_guard_set(world: World, name: str) -> None:
    world.publish(name, world.kernel, learned=learned_rows(world, of_guard=3))


def of_shuffled_labels(world: World, name: str) -> None:
    """A network that has learned nothing answers at random."""
    noise = np.random.default_rng(2).normal(size=len(world.kernel)).astype(np.float32)
    world.publish(name, noise, learned=learned_rows(world), calibrated=False)


def that_takes_a_mark_for_benign(world: World, name: str) -> None:
    """The champion's last layer, less the direction that tells marked photos from plain ones."""
    mark, spread = world.towards_marks(), float(np.std(world.logits(world.kernel)))
    away = np.linalg.solve(np.cov(world.embeddings.T) + 1e-3 * np.eye(len(mark)), mark)
    kernel = world.kernel - np.asarray(4 * spread * away / float(away @ mark), np.float32)
    world.publish(name, kernel, learned=learned_rows(world))


def without_a_lineage(world: World, name: str) -> None:
    world.publish(name, world.kernel, learned=None)


BAD = {
    worse: "auroc, all photos",
    with_a_site_at_chance: "auroc, site back",
    overconfident: "calibration slope, calibrated sources",
    that_saw_the_guard_set: "guard lesions in training",
    of_shuffled_labels: "auroc, all photos",
    that_takes_a_mark_for_benign: "sensitivity drop, ink",
    without_a_lineage: "lineage",
}


@pytest.mark.parametrize(("make", "bar"), BAD.items(), ids=lambda each: getattr(each, "__name__", ""))
def test_a_bad_challenger_is_refused_and_the_pointer_stays(
    world: World, make: Callable[[World, str], None], bar: str
) -> None:
    make(world, make.__name__)
    assert run(world, "promote", "--model", make.__name__) == 1
    assert world.champion() == "first"
    assert bar in [each.name for each in world.verdict(make.__name__).failed]


def test_an_equal_one_is_promoted_and_taken_back(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the audit log tells it, since the registry is that of a deployment here."""
    monkeypatch.setenv("MODELS_DIR", str(world.folder / "registry"))
    challenger = world.publish("equal", np.float32(1.001) * world.kernel, learned=learned_rows(world))
    world.point(Channel.CHALLENGER, challenger)
    assert run(world, "promote", "--check") == 0
    assert world.champion() == "first"
    made = world.verdict("equal")
    assert (made.passed, made.data.photos, made.policy.version) == (True, len(world.rows), "1-small")
    assert run(world, "promote") == 0
    assert world.champion() == "equal"
    assert run(world, "rollback") == 0
    assert world.champion() == "first"
    assert world.verdict("equal") == made  # checked once, never again
    with pytest.raises(PromotionError, match="no earlier champion"):
        run(world, "rollback")
    assert "all " in capsys.readouterr().out
    told = [(entry.action, entry.subject, entry.role) for entry in asyncio.run(entries(world))]
    moves = [("promote", "champion -> equal"), ("rollback", "champion"), ("rollback", "champion")]
    assert told == [(*move, "operator") for move in (*moves, ("rollback.failed", "champion"))]


async def entries(world: World) -> list[ChainedEntry]:
    """Of the audit log, oldest first."""
    records = SqliteRecords(world.folder / "data/records.db")
    log = await records.audit_log()
    await records.close()
    return list(reversed(log))


def test_a_champion_is_not_checked_against_itself_and_the_first_needs_no_check(world: World) -> None:
    with pytest.raises(PromotionError, match="champion already"):
        run(world, "promote", "--model", "first")
    (world.folder / "registry/channels/champion.json").unlink()
    assert run(world, "promote", "--check", "--model", "first") == 0
    assert run(world, "promote", "--model", "first") == 0
    assert world.champion() == "first"
