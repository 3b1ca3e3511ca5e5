"""Who is let in and who is not, in simulated time: bursts, overloads, greedy callers, closed loops, slow senders."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.simulated import CORES, WORK, Visit, World, percentile, poisson

from gateway.line import Ticket

CAPACITY = CORES / WORK
BEFORE = poisson(0.2 * CAPACITY, 0, 5)


def unloaded() -> float:
    world = World()
    world.run(poisson(0.2 * CAPACITY, 0, 20), 25)
    return percentile(world.answered(), 0.99)


@pytest.mark.parametrize("times", [2, 2.5])
def test_in_an_overload_those_who_are_accepted_are_served_soon_and_all_the_time_is_used(times: float) -> None:
    world = World()
    world.run(BEFORE + poisson(times * CAPACITY, 5, 17), 20)
    during = world.answered(since=5)
    assert percentile(during, 0.99) <= 3 * unloaded()
    assert len(during) >= 0.95 * 12 * CAPACITY


def test_after_an_overload_everything_is_served_again() -> None:
    world = World()
    world.run(BEFORE + poisson(2 * CAPACITY, 5, 15) + poisson(0.7 * CAPACITY, 15, 30, seed=2), 35)
    late = [visit for visit in world.visits if visit.came >= 20]
    assert not any(visit.problem for visit in late)
    assert percentile([visit.seconds for visit in late], 0.99) <= 4 * unloaded()


@pytest.mark.parametrize("spread", [0.1, 1.0, 1.8])
def test_a_burst_is_served_to_its_end(spread: float) -> None:
    world = World()
    world.run(BEFORE + [(5 + spread * number / 500, "anna") for number in range(500)], 30)
    burst = [visit for visit in world.visits if visit.came >= 5]
    assert not any(visit.problem for visit in burst)
    assert max(visit.seconds for visit in burst) < 1.1 * 500 / CAPACITY


@pytest.mark.parametrize("clients", [32, 400])
def test_clients_that_wait_for_their_answers_are_all_served_in_turn(clients: int) -> None:
    world = World()
    finish = world.finish

    def again(visit: Visit, ticket: Ticket) -> None:
        finish(visit, ticket)
        world.arrive("anna")

    world.finish = again  # type: ignore[method-assign]
    world.run([(0.001 * number, "anna") for number in range(clients)], 20)
    assert not any(visit.problem for visit in world.visits)
    assert percentile([visit.seconds for visit in world.visits if visit.left], 0.99) < 2.5 * clients / CAPACITY + 0.1


def test_a_greedy_caller_keeps_nobody_waiting_and_is_told_so() -> None:
    world = World()
    world.run(poisson(5 * CAPACITY, 0, 10, "greedy") + poisson(5, 1, 10, "polite", 2), 15)
    polite = [visit for visit in world.visits if visit.caller == "polite"]
    refused = [visit.problem for visit in world.visits if visit.problem]
    assert not any(visit.problem for visit in polite)
    assert percentile([visit.seconds for visit in polite], 0.99) <= 3 * unloaded()
    assert {problem.status for problem in refused} <= {429, 503}  # 503 as long as it was alone
    assert sum(problem.status == 429 for problem in refused) > 100
    assert all(1 <= int(problem.headers["Retry-After"]) <= 10 for problem in refused)


def test_who_sends_little_is_not_refused_for_what_a_greedy_caller_sends() -> None:
    world = World()
    calm = [each for n in range(20) for each in poisson(0.03 * CAPACITY, 0, 20, f"calm-{n}", n)]
    world.run(poisson(3 * CAPACITY, 2, 20, "greedy", 99) + calm, 22)
    assert not [visit for visit in world.visits if visit.problem and visit.caller != "greedy"]
    assert sum(visit.problem is not None for visit in world.visits) > CAPACITY  # the greedy one's


def test_forms_that_are_refused_are_no_overload() -> None:
    world = World()
    begin = world.begin

    def refused(visit: Visit, ticket: Ticket) -> None:
        world.keeper.leave(ticket) if visit.caller == "broken" else begin(visit, ticket)

    world.begin = refused  # type: ignore[method-assign]
    world.run(poisson(20, 0, 15, "broken", 3) + poisson(0.6 * CAPACITY, 0, 15), 18)
    assert not any(visit.problem for visit in world.visits)


def test_after_a_long_flood_one_need_not_stay_away_for_longer_than_the_line_takes() -> None:
    world = World(queue=10)
    world.run(poisson(20 * CAPACITY, 0, 5) + [(16.0, "anna")] * 30, 16.0001)
    (*_, last) = [visit.problem for visit in world.visits if visit.problem]
    assert last is not None
    assert last.headers["Retry-After"] == "1"


def test_what_was_not_assessed_tells_nothing_of_how_many_fit_inside() -> None:
    still = Still()
    assert still.arrive() == [200]
    still.keeper.received(still.ticket, 1)
    still.keeper.leave(still.ticket)
    assert still.world.crew.alone is None


def test_ten_callers_get_equal_parts() -> None:
    world = World()
    rates = {f"caller-{n}": (n + 1) * 0.1 * CAPACITY for n in range(10)}
    world.run([each for n, (name, rate) in enumerate(rates.items()) for each in poisson(rate, 0, 10, name, n)], 12)
    served = [len(world.answered(name)) for name in rates]
    assert served[0] >= 0.06 * CAPACITY * 10  # who asks for an equal part gets most of it
    assert max(served[2:]) < 1.5 * min(served[2:])


def test_how_long_to_stay_away_is_what_the_line_takes() -> None:
    world = World(queue=100)
    world.run(BEFORE + [(5.0, "anna")] * 300, 5.0001)
    (*_, last) = [visit.problem for visit in world.visits if visit.problem]
    assert last is not None
    assert last.headers["Retry-After"] == str(min(10, round(300 * world.crew.cost + 0.5)))
    assert 0.5 * WORK / CORES < world.crew.cost < 3 * WORK


class Still:
    """A doorkeeper whose clock a test moves."""

    def __init__(self, **limits: Any) -> None:
        self.world = World(**limits)
        self.keeper = self.world.keeper

    def arrive(self, caller: str = "anna", size: int = 1, until: float = 1e9) -> list[int]:
        """The status that it is told, later if not now; 200 when it is let in."""
        told: list[int] = []
        self.ticket = Ticket(caller, size, self.world.now, until, lambda p: told.append(p.status if p else 200))
        self.keeper.arrive(self.ticket)
        return told


def test_slow_senders_take_places_and_no_time_from_others() -> None:
    still = Still(places=16)
    for number in range(12):
        assert still.arrive(f"slow-{number % 2}") == [200]
        still.keeper.rest(still.ticket)
    assert still.keeper.active == 0
    assert [still.arrive("quick") for _ in range(4)] == [[200]] * 4
    assert still.arrive("quick") == []  # the house is full
    assert still.keeper.waiting == 1


def test_one_caller_has_three_places_and_three_bytes_in_four() -> None:
    still = Still(places=4, room=400)
    assert [still.arrive(size=100), still.arrive(size=100), still.arrive(size=150)] == [[200], [200], []]
    assert still.arrive("other", size=150) == [200]
    many = Still(places=4)
    assert [many.arrive() for _ in range(4)] == [[200], [200], [200], []]


def test_who_cannot_be_served_in_time_does_not_wait() -> None:
    still = Still(places=1, queue=9)
    waiting = [still.arrive() for _ in range(5)]
    assert [still.arrive(until=0.01), still.arrive(until=5.0)] == [[503], []]
    assert waiting == [[200], [], [], [], []]


def test_a_full_line_makes_way_for_who_has_less_in_it() -> None:
    still = Still(places=1, queue=3)
    greedy = [still.arrive("greedy") for _ in range(4)]
    assert still.arrive("polite") == []
    assert greedy == [[200], [], [], [429]]
    assert still.arrive("greedy") == [429]
    assert still.arrive("polite") == [503]  # it would have more of the line than the other one


def test_when_the_house_closes_nobody_waits_any_longer() -> None:
    still = Still(places=1)
    told = [still.arrive() for _ in range(4)]
    still.keeper.dismiss()
    assert told == [[200], [503], [503], [503]]


KINDS = st.sampled_from(["arrive", "leave", "receive", "rest", "give_up", "tick"])
ACTIONS = st.lists(st.tuples(KINDS, st.integers(0, 3), st.integers(1, 40)), max_size=120)


@settings(max_examples=60, deadline=None)
@given(ACTIONS)
def test_whatever_happens_the_bounds_hold_and_everybody_is_told_once(actions: list[tuple[str, int, int]]) -> None:
    world = World(places=4, queue=5, room=100)
    keeper, tickets = world.keeper, list[Ticket]()
    told: dict[Ticket, list[Any]] = {}
    for what, who, size in actions:
        inside = [each for each in tickets if told.get(each) == [None]]
        if what == "tick":
            world.now += size / 20
        elif what == "arrive":
            tickets.append(ticket := Ticket(f"c{who}", size, world.now, world.now + 5, lambda _: None))
            told[ticket] = []
            ticket.tell = told[ticket].append
            keeper.arrive(ticket)
        elif what == "give_up" and tickets:
            keeper.give_up(random.Random(size).choice(tickets))
        elif inside:
            ticket = inside[size % len(inside)]
            if what == "leave":
                keeper.leave(ticket)
                told[ticket].append("left")
            elif not ticket.begun:
                keeper.received(ticket, min(size, ticket.size)) if what == "receive" else keeper.rest(ticket)
        inside = [each for each in tickets if told.get(each) == [None]]
        assert len(inside) == keeper.inside <= 4
        assert sum(each.size for each in inside) == keeper.bytes <= 100
        assert sum(not each.resting for each in inside) == keeper.active
        assert sum(told[each] == [] for each in tickets) == keeper.waiting <= 5
        assert all(len(words) <= 1 or words == [None, "left"] for words in told.values())
    for ticket in tickets:
        keeper.give_up(ticket)
        if told[ticket] == [None]:
            keeper.leave(ticket)
    assert (keeper.inside, keeper.waiting, keeper.bytes, keeper.active) == (0, 0, 0, 0)
