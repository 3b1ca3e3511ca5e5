"""What a retraining run is made of, without TensorFlow: diagnoses as rows, checkpoints in a store, the run's record."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest
from PIL import Image
from tests.contract.predictions import result
from tests.photos import draw_lesion, lesion

from nevus.adapters.file_photos import FilePhotos
from nevus.adapters.files import FileStore
from nevus.adapters.sqlite import SqliteRecords
from nevus.adapters.sqlite_runs import SqliteRuns
from nevus.domain import (
    Consent,
    Context,
    Decision,
    Diagnosis,
    ModelRef,
    Photo,
    Prediction,
    Role,
    RunState,
    Status,
    TrainingRun,
)
from nevus.ports import Unavailable
from nevus.registry import sha256
from nevus.training_runs import change
from training_job import corrections, run_record
from training_job.background import Background
from training_job.checkpoints import Checkpoints
from training_job.cost import per_million, prices
from training_job.data import Origin, Row, shared_groups
from training_job.failures import sentence
from training_job.run_record import RunRecord
from training_job.settings import Settings

NOW = datetime(2026, 11, 24, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def loop() -> Iterator[Background]:
    with Background() as background:
        yield background


def record(number: int, photo: bytes, **facts: object) -> Prediction:
    diagnosis = Diagnosis(label="nv", malignant=False, confirmed_by="dr", confirmed_at=NOW + timedelta(hours=number))
    return Prediction(
        id=f"r{number}",
        owner="bea",
        status=Status.COMPLETE,
        created_at=NOW + timedelta(seconds=number),
        body_sha256="",
        context=Context(case_id="back", age=54, fitzpatrick=2),
        consent=Consent(training=True),
        photo=Photo(sha256=sha256(photo), width=120, height=90),
        diagnosis=diagnosis,
    ).model_copy(update=facts)


async def test_diagnoses_become_rows_with_consent_alone_and_the_newest_one_counts(tmp_path: Path) -> None:
    records, photos = SqliteRecords(tmp_path / "records.db"), FilePhotos(tmp_path / "photos")
    one, two = lesion((120, 90), 1), lesion((120, 90), 2)
    malignant = Diagnosis(label="mel", malignant=True, confirmed_by="dr", confirmed_at=NOW)
    stored = [
        record(1, one),
        record(2, one, diagnosis=malignant),
        record(3, two, consent=Consent()),
        record(4, two, diagnosis=None),
    ]
    for each, photo in zip(stored, (one, one, two, two), strict=True):
        await photos.put(each.photo.key(each.id), photo)
        await records.create(each)
    await records.create(record(5, b"erased"))
    (tmp_path / "work").mkdir()
    (row,) = await corrections.gather(records, photos, tmp_path / "work")
    await records.close()
    assert row.path.read_bytes() == one
    assert (row.malignant, row.diagnosis, row.source, row.age, row.fitzpatrick) == (0, "nv", "corrections", "54", "2")
    assert row.origin == Origin(sha256(b"r1")[:16], "unknown", "none", None)
    assert "bea" not in row.group_id
    assert "back" not in row.group_id


def test_a_case_never_splits_and_a_photo_without_one_is_only_trained_on() -> None:
    base = [Row("1.jpg", Path("1.jpg"), 1, split="train", diagnosis="mel", site="trunk")]
    cases = [Row(f"{i}.jpg", Path("x"), 0, "corrections", group_id=f"c{i // 3}", diagnosis="mel") for i in range(90)]
    one = Row("l", Path("x"), 1, "corrections", diagnosis="what I think", site="Anna's arm")
    lone = [replace(one, file=f"l{i}.jpg") for i in range(20)]
    found = corrections.fitted([*cases, *lone], base)
    assert [row.file for row in found] == [row.file for row in (*cases, *lone)]
    assert shared_groups(found) == 0
    assert {row.split for row in found[:90]} == {"train", "val", "test"}
    assert {row.split for row in found[90:]} == {"train"}
    assert {(row.diagnosis, row.site) for row in found} == {("mel", ""), ("", "")}


def test_one_photo_in_two_cases_makes_them_one(tmp_path: Path) -> None:
    def stored(number: int, seed: int, case: str, quality: int) -> Row:
        path = tmp_path / f"{number}.jpg"
        draw_lesion((240, 180), seed).save(path, "JPEG", quality=quality)
        return Row(path.name, path, 0, "corrections", group_id=case)

    shown = [(1, "a"), (2, "a"), (2, "b"), (3, "b"), (4, ""), (5, "c"), (3, ""), (4, "")]
    rows = [stored(n, seed, case, 92 - 5 * n) for n, (seed, case) in enumerate(shown)]
    assert [row.group_id for row in corrections.joined(rows)] == ["a", "a", "a", "a", "", "c", "a", ""]
    assert corrections.joined([]) == []


def test_a_version_tells_where_its_corrections_came_from() -> None:
    said = Origin("0123456789abcdef", "clinician", "v1", agreed=False)
    rows = [
        Row("a", Path("a"), 1, "corrections", split="train", diagnosis="mel", origin=said),
        Row("b", Path("b"), 0, "corrections", split="val", origin=replace(said, record="00", agreed=None)),
        Row("c", Path("c"), 1, "ham10000", split="train"),
    ]
    assert corrections.provenance(rows) == {
        "photos": 2,
        "malignant": 1,
        "by_split": {"train": 1, "val": 1},
        "by_diagnosis": {"mel": 1, "other words": 1},
        "confirmed_by": {"clinician": 2},
        "answered_by": {"v1": 2},
        "agreed": {"no": 1, "unanswered": 1},
        "records": ["00", "0123456789abcdef"],
    }
    assert corrections.provenance(rows[2:]) == {}


def test_what_the_model_had_said_is_compared_with_the_diagnosis() -> None:
    said = record(1, b"", model=ModelRef(name="m", version="v1", sha256=""), result=result(Decision.REFER))
    found = Diagnosis(label="nv", malignant=False, confirmed_by="dr", confirmed_at=NOW, role=Role.ADMIN)
    assert corrections.origin(said, found).role == "admin"
    for decision, malignant, agreed in (
        (Decision.REFER, True, True),
        (Decision.INDETERMINATE, False, False),
        (Decision.ROUTINE, True, False),
        (Decision.REJECTED, True, None),
    ):
        diagnosis = found.model_copy(update={"malignant": malignant})
        changed = said.model_copy(update={"diagnosis": diagnosis, "result": result(decision)})
        assert corrections.origin(changed, diagnosis).agreed is agreed


@pytest.mark.parametrize(("theirs", "expected"), [(0, 0.0), (10, 3 * 10 / 1010), (500, 0.2)])
def test_few_corrections_are_not_learned_by_heart(theirs: int, expected: float) -> None:
    rows = [Row("", Path(), 0, split="train")] * 1000
    share = corrections.share(rows[:theirs], rows)
    assert share / (1 + share) == pytest.approx(expected)


def test_a_photo_of_the_base_is_known_again_even_encoded_anew(tmp_path: Path) -> None:
    def stored(name: str, image: Image.Image, **options: int) -> Row:
        image.save(tmp_path / "draft.jpg", "JPEG", **options)
        data = (tmp_path / "draft.jpg").read_bytes()
        path = tmp_path / (name or f"{sha256(data)}.jpg")
        path.write_bytes(data)
        return Row(path.name, path, 0)

    base = [stored(f"{seed}.jpg", draw_lesion((240, 180), seed), quality=92) for seed in range(5)]
    same = stored("", draw_lesion((240, 180), 1), quality=92)
    anew = stored("", draw_lesion((240, 180), 2).resize((200, 150)), quality=70)
    other = stored("", draw_lesion((240, 180), 9), quality=92)
    assert corrections.without_known([same, anew, other], base) == [other]


def test_a_checkpoint_comes_back_whole_or_not_at_all(tmp_path: Path, loop: Background) -> None:
    store, folder = FileStore(tmp_path / "store"), tmp_path / "made"
    folder.mkdir()
    kept = Checkpoints(store, "r1", 1, "plan", loop)
    assert kept.restore(tmp_path / "none") == 0
    for step in (2, 4):
        for kind in ("index", "data-00000-of-00001"):
            (folder / f"ckpt-{step}.{kind}").write_bytes(f"{step}{kind}".encode())
        kept.keep(folder, step)
        kept.settle()
    assert kept.restore(tmp_path / "again") == 4
    assert (tmp_path / "again/ckpt-4.index").read_bytes() == b"4index"
    assert 'model_checkpoint_path: "ckpt-4"' in (tmp_path / "again/checkpoint").read_text()
    assert not loop.run(store.list("runs/r1/1-2/"))
    spoils = (store.put("runs/r1/1-4/ckpt-4.index", b"half"), store.delete("runs/r1/1-4/ckpt-4.index"))
    for spoil in spoils:
        loop.run(spoil)
        assert kept.restore(tmp_path / "half") == 0
        kept.keep(folder, 4)
        kept.settle()
    assert Checkpoints(store, "r1", 1, "another plan", loop).restore(tmp_path / "other") == 0
    kept.forget()
    assert loop.run(store.list("runs/")) == []


class Faulty(SqliteRuns):
    """Its writes fail while `down`."""

    down = False
    writes = 0

    async def replace(self, run: TrainingRun) -> TrainingRun:
        self.writes += 1
        if self.down:
            raise Unavailable("down")
        return await super().replace(run)


@pytest.fixture
def runs(tmp_path: Path, loop: Background) -> Iterator[Faulty]:
    store = Faulty(tmp_path / "runs.db")
    run = TrainingRun(id="r1", requested_by="ada", created_at=NOW, updated_at=NOW, data="d.csv")
    loop.run(store.begin(run))
    yield store
    loop.run(store.close())


def test_progress_is_gathered_and_outlives_a_store_that_is_down(
    runs: Faulty, loop: Background, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_record, "PAUSE", 0.1)
    told = RunRecord(runs, "r1", loop, lambda: None)
    assert told.begin().attempts == 1
    runs.down = True
    for step in range(300):
        told.tell(step=step, stage="training")
        told.measure(loss=1 / (step + 1), auroc_corrections=float("nan"))
        told.say(f"step {step}")
        time.sleep(0.001)
    time.sleep(0.15)
    assert runs.writes < 20
    runs.down = False
    time.sleep(0.25)
    run = loop.run(runs.get("r1"))
    assert (run.state, run.step, run.stage, run.metrics) == (RunState.RUNNING, 299, "training", {"loss": 1 / 300})
    assert len(run.log_tail) == 20
    assert run.log_tail[-1].endswith("step 299")
    assert told.end(state=RunState.SUCCEEDED).state is RunState.SUCCEEDED
    assert told.begin().state is RunState.SUCCEEDED


def test_curves_go_on_from_where_the_next_attempt_goes_on(runs: Faulty, loop: Background) -> None:
    first, second = (RunRecord(runs, "r1", loop, lambda: None) for _ in range(2))
    first.begin()
    for step in (1, 2, 3):
        first.plot(step, loss=1 / step, auroc_corrections=float("nan"))
    first.end()
    assert second.begin().metrics == {"loss": 1 / 3}
    second.rewind(2)
    second.plot(3, loss=0.25)
    run = second.end(state=RunState.SUCCEEDED)
    assert [(point.step, point.value) for point in run.curves["loss"]] == [(1, 1.0), (2, 0.5), (3, 0.25)]
    assert list(run.curves) == ["loss"]


def test_a_cancel_is_seen_by_the_next_write(runs: Faulty, loop: Background, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_record, "PAUSE", 0.05)
    monkeypatch.setattr(run_record, "BEAT", 0.1)
    heard = Event()
    told = RunRecord(runs, "r1", loop, heard.set)
    told.begin()
    assert not told.cancelled()
    loop.run(change(runs, "r1", lambda run: run.model_copy(update={"cancel_requested": True})))
    assert heard.wait(5)
    assert told.cancelled()
    told.end(state=RunState.CANCELLED)


@pytest.mark.parametrize("error", [OSError(5, "Input/output error", "/photos/anna.jpg"), RuntimeError("anna.jpg")])
def test_no_file_name_is_told(error: Exception) -> None:
    assert "anna" not in sentence(error)


def test_the_cost_of_a_million_is_time_and_reads() -> None:
    given = prices().model_copy(update={"vcpu_second": 2e-5, "gib_second": 2e-6, "object_read": 4e-7})
    assert per_million(100, vcpus=2, gib=4, remote=False, given=given) == pytest.approx(0.48)
    assert per_million(100, vcpus=2, gib=4, remote=True, given=given) == pytest.approx(0.88)


def test_every_setting_is_described_in_its_page() -> None:
    page = (ROOT / "docs/training.md").read_text()
    missing = [name.upper() for name in Settings.model_fields if f"`{name.upper()}`" not in page]
    assert not missing
