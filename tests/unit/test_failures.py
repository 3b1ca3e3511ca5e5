"""Who sends wrong keys is told to wait; who has a right one never, but for a short one that was not seen before."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

import pytest

from gateway import failures
from gateway.failures import Failures, network_of
from gateway.problems import Problem

RIGHT, SHORT = "nvs_" + secrets.token_urlsafe(32), "a-short-key-of-ours"
HERE, THERE = "192.0.2.1", "192.0.2.2"
A_MINUTE = 5


@dataclass
class World:
    """Two right keys, and a clock."""

    seconds: float = 1000.0
    asked: int = 0
    failures: Failures = field(init=False)

    def __post_init__(self) -> None:
        self.failures = Failures(A_MINUTE, lambda: self.seconds)

    async def identify(self, secret: str) -> str | None:
        self.asked += 1
        return secret if secret in {RIGHT, SHORT} else None

    async def told(self, secret: str, address: str = HERE) -> str | None:
        """What is known; after 429 its Retry-After."""
        try:
            return await self.failures.known(secret, address, self.identify)
        except Problem as problem:
            return problem.headers["Retry-After"] if problem.status == 429 else problem.type


@pytest.fixture
def world() -> World:
    return World()


def wrong() -> str:
    return "nvs_" + secrets.token_urlsafe(32)


async def test_failures_of_an_address_add_up_and_are_forgotten(world: World) -> None:
    assert [await world.told(wrong()) for _ in range(A_MINUTE + 2)] == [None] * A_MINUTE + ["12", "12"]
    assert await world.told(wrong(), THERE) is None
    world.seconds += 11
    assert await world.told(wrong()) == "1"
    world.seconds += 1
    assert [await world.told(wrong()) for _ in range(2)] == [None, "12"]
    world.seconds += failures.MINUTE
    assert [await world.told(wrong()) for _ in range(A_MINUTE + 1)] == [None] * A_MINUTE + ["12"]


async def test_a_right_key_is_let_in_amid_any_number_of_failures(world: World) -> None:
    for _ in range(50):
        await world.told(wrong())
        assert await world.told(RIGHT) == RIGHT


async def test_a_short_key_is_let_in_too_if_it_was_before(world: World) -> None:
    assert await world.told(SHORT, THERE) == SHORT
    for _ in range(A_MINUTE):
        await world.told("guess")
    assert await world.told(SHORT) == SHORT


async def test_short_ones_are_not_even_looked_up_while_there_are_too_many(world: World) -> None:
    for number in range(A_MINUTE):
        await world.told(f"{number}-guess")
    asked = world.asked
    assert await world.told(SHORT) == await world.told("one-more-guess") == "12"
    assert world.asked == asked
    assert await world.told(SHORT, THERE) == SHORT


async def test_guesses_of_one_key_from_many_addresses_add_up(world: World) -> None:
    answers = [await world.told(f"a-short-guess-{number}", f"198.51.100.{number}") for number in range(A_MINUTE + 1)]
    assert answers == [None] * A_MINUTE + ["12"]
    assert await world.told("another-guess", "203.0.113.7") is None


async def test_tokens_of_one_issuer_do_not_belong_together(world: World) -> None:
    for number in range(2 * A_MINUTE):
        assert await world.told(f"eyJhbGciOiJSUzI1NiJ9.{number}.x", f"198.51.100.{number}") is None


async def test_what_is_remembered_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "REMEMBERED", 100)
    for number in range(1000):
        await world.told(wrong(), f"10.0.{number // 256}.{number % 256}")
    assert len(world.failures._forgotten) == 100


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("a" * 10_000, "unknown"),
        ("", "unknown"),
    ],
)
def test_an_address_stands_for_its_network(address: str, network: str) -> None:
    assert network_of(address) == network
