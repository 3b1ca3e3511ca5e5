"""One attempt at a training run: on from the champion, with the base photos and clinicians' diagnoses, to a challenger.

What is told of it goes into the run's record; checkpoints go into the training store, from which the next attempt
goes on.
"""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nevus.domain import ModelRef, RunState, TrainingRun
from nevus.ports import NotFound, ObjectStore, PhotoStore, PortError, RecordStore, RunStore
from nevus.registry import KERAS_FILE, Channel, Manifest, Registry, RegistryError
from training_job import corrections, lineage
from training_job.background import Background
from training_job.checkpoints import Checkpoints
from training_job.data import Row, paths, read_manifest, refuse_empty_splits, refuse_shared_groups, split_by_group
from training_job.evidence import leaks
from training_job.failures import is_permanent, sentence
from training_job.fetch import fetch
from training_job.hooks import Hooks, Interrupted
from training_job.notice import Notice
from training_job.plan import Plan
from training_job.promotion.command import Promotion
from training_job.recipe import UNCALIBRATED, identity, make_plan
from training_job.release import challenge, challenger, published_by
from training_job.run_record import RunRecord
from training_job.settings import Settings

if TYPE_CHECKING:
    from training_job.train import Trainer

logger = logging.getLogger("training_job.retrain")


@dataclass(frozen=True)
class Stores:
    """What a training run reads and writes."""

    runs: RunStore
    records: RecordStore
    photos: PhotoStore
    checkpoints: ObjectStore
    registry: Registry


class Retraining:
    """One attempt; `run` returns the exit status."""

    def __init__(self, run_id: str, stores: Stores, settings: Settings, loop: Background) -> None:
        self._id, self._stores, self._settings, self._loop = run_id, stores, settings, loop
        self._notice, self._attempts = Notice(), 0
        self._record = RunRecord(stores.runs, run_id, loop, self._notice.give)
        self._folder = settings.data_dir / "work" / run_id
        self._checkpoints: Checkpoints | None = None
        self._base: list[Row] = []

    def run(self) -> int:
        """0 when the run has succeeded or was cancelled; else the task is to be tried again. NotFound, Unavailable."""
        try:
            run = self._record.begin()
        except NotFound as error:
            raise NotFound(f"training run {self._id}") from error
        if not run.state.active:
            self._record.say(f"nothing to do: the run has {run.state.value}")
            return int(run.state is RunState.FAILED)
        try:
            made = self._attempt(run)
            self._record.say(f"published {made.name} {made.version} as challenger")
            self._check(made, run.data)
        except Interrupted:
            return self._interrupted()
        except Exception as error:
            logger.exception("the attempt has failed", extra={"run": self._id})
            return self._failed(error)
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._end(state=RunState.SUCCEEDED, version=made, stage="")  # where this fails, the next attempt says it
        return 0

    def _attempt(self, run: TrainingRun) -> ModelRef:
        """The version that the run has made, now the challenger."""
        if run.cancel_requested:
            raise Interrupted
        shutil.rmtree(self._folder.parent, ignore_errors=True)  # what killed attempts have left
        (self._folder / "photos").mkdir(parents=True)
        registry, self._attempts = self._stores.registry, run.attempts
        if made := self._published():
            return made
        self._stage("reading", f"attempt {run.attempts}: reading photos and diagnoses")
        parent = run.parent or self._loop.persist(lambda: champion(registry))
        self._record.tell(parent=parent)
        rows, theirs = self._rows(run.data)
        trained, plan = self._train(rows, theirs, parent)
        return self._publish(trained, plan, [*rows, *theirs], parent)

    def _check(self, made: ModelRef, data: str) -> None:
        """Hold it against the champion; the run's record says what was found."""
        self._stage("checking", "checking it against the champion")
        promotion = Promotion(self._stores.registry, self._settings, self._loop.run)
        lines, figures = promotion.after_training(made, data)
        for line in lines:
            self._record.say(line)
        self._record.measure(**figures)

    def _published(self) -> ModelRef | None:
        """The version that an earlier attempt has published before it was killed."""
        if self._attempts == 1:
            return None
        return self._loop.persist(lambda: published_by(self._stores.registry, self._id))

    def _stage(self, stage: str, line: str = "") -> None:
        self._record.tell(stage=stage)
        self._record.say(line or stage)

    def _rows(self, data: str) -> tuple[list[Row], list[Row]]:
        """The base and the corrections, each with its splits; raises ManifestError, PortError, OSError."""
        cache = self._settings.cache_dir
        base = split_by_group(read_manifest(data, cache, held=True))
        used = [row for row in base if row.split != "held"]
        refuse_shared_groups(used)
        refuse_empty_splits(used, UNCALIBRATED)
        records, photos, folder = self._stores.records, self._stores.photos, self._folder / "photos"
        given = self._loop.persist(lambda: corrections.gather(records, photos, folder))
        fetch(paths(base if given else used), cache)
        self._base, used = used, leaks.apart(used)
        new = corrections.without_known(given, base)
        theirs = corrections.fitted(corrections.joined(new), [row for row in used if row.split == "train"])
        self._record.tell(corrections=len(theirs))
        self._record.say(
            f"{len(used)} photos, {len(theirs)} corrections; {len(given) - len(new)} more are in the base already"
        )
        return used, theirs

    def _train(self, base: list[Row], theirs: list[Row], parent: ModelRef) -> tuple[Trainer, Plan]:
        from training_job.train import Trainer

        weights = self._folder / "parent.keras"
        registry = self._stores.registry
        weights.write_bytes(self._loop.persist(lambda: registry.file(parent, KERAS_FILE)))
        manifest = self._loop.persist(lambda: registry.manifest(parent))
        plan = make_plan(self._settings, manifest, weights, base, theirs)
        fits = identity(plan, base, parent)
        checkpoints = Checkpoints(self._stores.checkpoints, self._id, self._attempts, fits, self._loop)
        self._checkpoints = checkpoints
        start = checkpoints.restore(self._folder / "checkpoints")
        self._record.tell(steps=plan.steps)
        self._record.rewind(start)
        self._stage("training", f"training from step {start} of {plan.steps}, on from {parent.name} {parent.version}")
        photos = sum(row.split == "train" for row in (*base, *theirs))
        trainer = Trainer([*base, *theirs], plan, self._folder, self._hooks(checkpoints, plan, photos))
        with self._notice.patiently():
            trainer.run(every=self._settings.retrain_checkpoint_every)
        checkpoints.settle()
        return trainer, plan

    def _hooks(self, checkpoints: Checkpoints, plan: Plan, photos: int) -> Hooks:
        def stepped(done: int, loss: float) -> None:
            epoch = round(done * plan.batch_size / max(1, photos), 3)
            self._record.tell(step=done, epoch=epoch)
            self._record.plot(done, loss=round(loss, 4))
            self._notice.check()

        def saved(done: int) -> None:
            checkpoints.keep(self._folder / "checkpoints", done)
            self._record.say(f"step {done} of {plan.steps}: checkpoint")

        def looked(done: int, found: dict[str, float]) -> None:
            self._record.plot(done, **found)
            self._record.say("validation: " + ", ".join(f"{name} {value:.3f}" for name, value in found.items()))

        return Hooks(stepped, saved, looked)

    def _publish(self, trainer: Trainer, plan: Plan, rows: list[Row], parent: ModelRef) -> ModelRef:
        from training_job import version

        registry = self._stores.registry
        before = self._loop.persist(lambda: registry.manifest(parent))
        facts = {
            "inherited": self._loop.persist(lambda: lineage.inherited(registry, parent, "", self._base)),
            "name": parent.name,
            "licence": self._settings.retrain_licence or before.licence,
            "parent": parent.version,
            "run": self._id,
            "uncalibrated": UNCALIBRATED,
            "training": trainer.spent(),
        }
        manifest, files = version.make(trainer.model, rows, plan, facts, self._stage)
        self._record.measure(**figures(manifest))
        self._stage("publishing")
        self._notice.ignore()
        _, generation = self._loop.persist(lambda: challenger(registry))
        if self._record.over():
            raise Interrupted
        if made := self._published():
            return made
        published = self._loop.persist(lambda: registry.publish(manifest, files))
        return self._loop.persist(lambda: challenge(registry, published, if_generation=generation))

    def _interrupted(self) -> int:
        if self._is_cancelled():
            self._record.say("cancelled")
            self._end(state=RunState.CANCELLED, stage="")
            return 0
        if self._checkpoints:
            self._checkpoints.settle()
        self._record.say("interrupted; the next attempt goes on from the last checkpoint")
        self._record.end()
        return 1

    def _is_cancelled(self) -> bool:
        try:
            return self._record.cancelled()
        except PortError:
            return False

    def _failed(self, error: Exception) -> int:
        """The run has failed when another attempt would fail too, or there is none left."""
        told = sentence(error)
        self._record.say(told)
        if not self._settings.last_attempt and not is_permanent(error):
            self._record.end()
            return 1
        self._end(state=RunState.FAILED, error=told)
        return 1

    def _end(self, **news: Any) -> None:
        """Write the end of the run, and delete its checkpoints unless a later attempt goes on with them."""
        ended = not self._record.end(**news).state.active
        try:
            if ended and self._checkpoints:
                self._checkpoints.forget()
        except PortError as error:
            logger.warning("checkpoints were not deleted: %s", type(error).__name__)


async def champion(registry: Registry) -> ModelRef:
    """What to train on from; raises RegistryError when there is none."""
    try:
        return await registry.resolve(Channel.CHAMPION)
    except NotFound as error:
        raise RegistryError("there is no champion to train on from") from error


def figures(manifest: Manifest) -> dict[str, float]:
    """The test split's AUROC, overall and by source."""
    by_source: dict[str, Any] = manifest.metrics["subgroups"]["source"]
    told = {"test_auroc": manifest.metrics["overall"]}
    told |= {f"test_auroc_{name}": found for name, found in by_source.items()}
    values = {name: (found.get("auroc") or {}).get("value") for name, found in told.items()}
    return {name: value for name, value in values.items() if value is not None}
