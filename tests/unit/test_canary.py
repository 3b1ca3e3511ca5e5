"""Who is answered by a canary, and how it ends by itself without costing anybody an answer."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.contract.predictions import prediction
from tests.fakes import FakeClassifier, World, world
from tests.integration.test_channels import add_version
from tests.photos import lesion
from tests.waiting import until

from gateway.canary import Canaries
from gateway.judge import Bands
from gateway.predict import attempt, first_attempt
from gateway.trial import Trial
from nevus.adapters.files import FileStore
from nevus.domain import Context, ModelRef, Prediction, Status
from nevus.pointers import Pointer
from nevus.ports import Busy, StoredObject, Unavailable, Unprocessable
from nevus.registry import Channel, Registry

PHOTO = lesion((64, 64), 1)
QUICK = {"canary_every": 10, "canary_refresh": 60.0, "canary_timeout": 2.0}


def record(number: int, case: str | None = None, owner: str = "anna") -> Prediction:
    made = prediction(f"r{number}", owner=owner, status=Status.PENDING, result=None, model=None)
    return made.model_copy(update={"context": Context(case_id=case)})


class Counting(FileStore):
    """Counts looks at the canary's channel; refuses its writes when told to."""

    looks = 0
    refuses = False

    async def get(self, key: str) -> StoredObject:
        self.looks += key == "channels/canary.json"
        return await super().get(key)

    async def put(self, key: str, data: bytes, *, if_generation: int | None = None) -> int:
        if self.refuses:
            raise Unavailable("down")
        return await super().put(key, data, if_generation=if_generation)


class Clinic:
    """A world with a canary on half of the cases, `second`."""

    def __init__(self, nevus: World, store: Counting, second: ModelRef) -> None:
        self.nevus, self.store, self.second = nevus, store, second
        self.registry = Registry(store)
        self.canary = FakeClassifier(second)
        nevus.classifier.versions["second"] = self.canary
        services = nevus.services
        self.canaries = services.canaries
        self.sent = 0

    async def start(self, share: float = 0.5) -> int:
        return await self.registry.point(Channel.CANARY, self.second, if_generation=0, share=share)

    async def answer(self, case: str | None = None) -> Prediction:
        self.sent += 1
        return await first_attempt(self.nevus.services, record(self.sent, case), PHOTO, 5.0)

    async def pointer(self) -> Pointer:
        return (await self.registry.pointer(Channel.CANARY))[0]

    async def until_ended(self, photos: int = 200) -> Pointer:
        """Every photo is answered, and the canary ends within so many."""
        for _ in range(photos):
            assert (await self.answer()).status is Status.COMPLETE
            if await self.canaries.trial() is None:
                break
        await until(lambda: self.canaries._ending is None)
        return await self.pointer()


@pytest_asyncio.fixture
async def clinic(models_dir: Path, tmp_path: Path) -> AsyncIterator[Clinic]:
    models = shutil.copytree(models_dir, tmp_path / "models", ignore=shutil.ignore_patterns("*.keras", "*.tflite"))
    champion = json.loads((models / "channels/champion.json").read_text())
    add_version(models / champion["name"] / "versions", champion["version"], "second")
    store = Counting(models)
    async with world(tmp_path, models, **QUICK) as nevus:
        services, registry = nevus.services, Registry(store)
        object.__setattr__(
            services, "canaries", Canaries(services.settings, registry, registry, nevus.records, services.metrics)
        )
        yield Clinic(nevus, store, await registry.by_version("second"))
        await services.canaries.close()


def trial(share: float, version: str = "second") -> Trial:
    pointer = Pointer(name="m", version=version, manifest_sha256=version * 8, share=share)
    return Trial(pointer, 1, Bands(), 1.0)


def test_a_case_is_drawn_once_for_all_its_photos_and_for_all_instances() -> None:
    taken = [[trial(0.1).takes(record(n, f"case-{case}")) for n in range(3)] for case in range(2000)]
    assert all(len(set(photos)) == 1 for photos in taken)
    assert 150 < sum(photos[0] for photos in taken) < 250
    assert 150 < sum(trial(0.1).takes(record(n)) for n in range(2000)) < 250


def test_a_case_is_its_owners_own_and_another_canary_draws_anew() -> None:
    cases = [(record(0, f"case-{n}", owner), f"{n}") for n in range(300) for owner in ("anna", "ben")]
    mine = {n for each, n in cases if each.owner == "anna" and trial(0.3).takes(each)}
    assert mine != {n for each, n in cases if each.owner == "ben" and trial(0.3).takes(each)}
    assert mine != {n for each, n in cases if each.owner == "anna" and trial(0.3, "third").takes(each)}


def test_a_larger_share_keeps_those_that_it_had() -> None:
    for n in range(500):
        assert not trial(0.1).takes(record(n)) or trial(0.2).takes(record(n))


async def test_each_record_says_which_version_has_answered(clinic: Clinic) -> None:
    await clinic.start()
    models = [(await clinic.answer(f"c{n % 10}")).model for n in range(40)]
    assert set(models) == {clinic.second, clinic.nevus.classifier.model}
    assert models[:10] == models[10:20] == models[20:30] == models[30:]


async def test_without_a_canary_and_with_one_the_channel_is_looked_at_once_in_a_while(clinic: Clinic) -> None:
    for _ in range(10):
        await clinic.answer()
    assert clinic.store.looks == 1
    clinic.canaries.look_again()
    await clinic.start()
    for _ in range(10):
        await clinic.answer()
    assert clinic.store.looks == 2


@pytest.mark.parametrize("error", [Unavailable("down"), Busy(), Unprocessable(), RuntimeError("odd")], ids=repr)
async def test_one_that_fails_costs_no_answer_and_is_ended(clinic: Clinic, error: Exception) -> None:
    await clinic.start()
    clinic.canary.error = error
    ended = await clinic.until_ended()
    assert ended.ended
    assert ended.reason
    assert ended.reason.startswith("errors: ")
    assert {(await clinic.answer()).model for _ in range(20)} == {clinic.nevus.classifier.model}
    (told,) = await clinic.nevus.records.audit_log()
    assert (told.actor, told.action, told.subject) == ("nevus", "canary-end", "canary -> second")
    assert told.detail == ended.reason
    assert 'nevus_canary_ends_total{measure="errors"} 1.0' in clinic.nevus.services.metrics.text().decode()


async def test_one_with_other_scores_is_ended(clinic: Clinic) -> None:
    await clinic.start()
    clinic.canary.logit, clinic.nevus.classifier.logit = 6.0, -6.0
    assert ((await clinic.until_ended()).reason or "").startswith("scores: ")


async def test_one_that_is_slow_is_ended(clinic: Clinic) -> None:
    await clinic.start()
    clinic.canary.seconds = 0.02
    assert ((await clinic.until_ended()).reason or "").startswith("latency: the median is ")


async def test_one_that_is_like_the_champion_stays(clinic: Clinic) -> None:
    await clinic.start()
    for _ in range(120):
        await clinic.answer()
    view = clinic.canaries.view((await clinic.registry.pointer(Channel.CANARY))[1])
    assert view
    assert (view.canary.failed, view.champion.failed, view.absent, view.score_distance) == (0, 0, 0, 0)
    assert view.canary.answered + view.champion.answered == 120
    assert view.looks >= 3
    assert not (await clinic.pointer()).ended


async def test_one_that_is_being_loaded_is_no_fault(clinic: Clinic) -> None:
    await clinic.start()
    clinic.nevus.classifier.versions.clear()
    for _ in range(80):
        assert (await clinic.answer()).model == clinic.nevus.classifier.model
    view = clinic.canaries.view((await clinic.registry.pointer(Channel.CANARY))[1])
    assert view
    assert (view.canary.answered, view.canary.failed) == (0, 0)
    assert view.absent > 20


async def test_photos_that_nobody_can_read_tell_nothing(clinic: Clinic) -> None:
    await clinic.start()
    clinic.canary.error = clinic.nevus.classifier.error = Unprocessable()
    assert {(await clinic.answer()).status for _ in range(80)} == {Status.FAILED}
    assert await clinic.canaries.trial()


async def test_what_is_pending_is_finished_by_the_champion(clinic: Clinic) -> None:
    await clinic.start(0.5)
    clinic.canary.error = clinic.nevus.classifier.error = Unavailable("down")
    pending = [await clinic.answer() for _ in range(10)]
    assert {each.status for each in pending} == {Status.PENDING}
    clinic.canary.error = clinic.nevus.classifier.error = None
    done = [await attempt(clinic.nevus.services, each, PHOTO, 5.0) for each in pending]
    assert {each.model for each in done} == {clinic.nevus.classifier.model}


async def test_one_that_becomes_the_champion_is_no_canary_any_more(clinic: Clinic) -> None:
    await clinic.start()
    await clinic.answer()
    clinic.nevus.classifier.model = clinic.second
    assert (await clinic.until_ended()).reason == "promoted: it has become the champion"


async def test_another_instance_may_have_ended_it(clinic: Clinic) -> None:
    await clinic.start()
    await clinic.answer()
    _, generation = await clinic.registry.pointer(Channel.CANARY)
    await clinic.registry.end(Channel.CANARY, "errors: elsewhere", if_generation=generation)
    clinic.canary.error = Unavailable("down")
    assert (await clinic.until_ended()).reason == "errors: elsewhere"
    assert not await clinic.nevus.records.audit_log()


async def test_an_end_that_cannot_be_written_is_written_later_and_ends_it_here_at_once(clinic: Clinic) -> None:
    await clinic.start()
    clinic.canary.error, clinic.store.refuses = Unavailable("down"), True
    assert not (await clinic.until_ended()).ended
    asked = len(clinic.canary.calls)
    clinic.store.refuses = False
    clinic.canaries.look_again()
    for _ in range(20):
        await clinic.answer()
    await until(lambda: clinic.canaries._ending is None)
    assert (await clinic.pointer()).ended
    assert len(clinic.canary.calls) == asked


async def test_a_store_that_hangs_holds_up_the_first_photos_alone(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.canary.PATIENCE", 0.1)

    async def hang(key: str) -> StoredObject:
        await asyncio.sleep(30)
        raise AssertionError(key)

    monkeypatch.setattr(clinic.store, "get", hang)
    clock = asyncio.get_running_loop().time
    begun = clock()
    assert (await clinic.answer()).model == clinic.nevus.classifier.model
    assert clock() - begun > 0.09
    begun = clock()
    await asyncio.gather(*(clinic.answer() for _ in range(10)))
    assert clock() - begun < 0.09


async def test_one_not_heard_of_for_long_is_asked_for_before_it_gets_a_photo(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    await clinic.start()
    assert await clinic.canaries.trial()
    _, generation = await clinic.registry.pointer(Channel.CANARY)
    await clinic.registry.end(Channel.CANARY, "ended by an admin", if_generation=generation)
    clinic.canaries._tried = clinic.canaries._seen = clinic.canaries._seen - 300  # five intervals
    assert await clinic.canaries.trial() is None
