"""A release: new revisions beside the old, tried out, then given the traffic bit by bit; else all as it was.

The order: inference and what calls it are put in place without traffic (Cloud Run waits until each one's startup
probe is satisfied, for inference that is a verified and warm model); the candidate of the gateway is asked by its own
address; traffic moves in steps, inference first, with the question repeated after each; the jobs come last.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from deploy.cloud import definitions, traffic
from deploy.cloud.definitions import Images
from deploy.cloud.parts import Command, gcloud
from deploy.cloud.runner import CommandFailed, Runner
from deploy.cloud.smoke import SmokeFailed, smoke
from deploy.cloud.workloads import JOBS

STEPS = (10, 50, 100)
RESTORE_TRIES = 4


@dataclass(frozen=True)
class Pace:
    """Seconds that a step of the traffic is watched, and between two tries of a restoration."""

    watch: float = 60.0
    again: float = 5.0


class Release:
    """One release of all three images; `name` tells it from every other, letters, digits and dashes."""

    def __init__(self, runner: Runner, images: Images, name: str, pace: Pace) -> None:
        self._runner = runner
        self._place = runner.place
        self._images = images
        self._name = name
        self._pace = pace
        self._say = runner.say
        self._before: dict[str, traffic.Standing] = {}
        self._jobs: dict[str, str] = {}

    def run(self) -> bool:
        """Whether the new revisions have the traffic; when not, the old ones have it. Interrupting it restores too.

        Raises CommandFailed when the old state could not be brought back: then somebody must look.
        """
        try:
            self._remember()
            for service in self._place.services:
                self._put(service)
            self._check("the candidate", tagged=True)
            for service in self._place.services:
                self._shift(service)
            for job in JOBS:
                self._replace_job(job)
        except (CommandFailed, SmokeFailed, KeyError, ValueError) as error:
            self._say(f"failed: {error}")
            self._restore()
            return False
        except BaseException:
            self._say("interrupted")
            self._restore()
            raise
        self._say(f"released {self._name}")
        return True

    def _remember(self) -> None:
        for service in self._place.services:
            self._before[service] = traffic.standing(self._runner.call(traffic.ask(self._place, service)))
            if not self._before[service].shares:
                raise ValueError(f"no revision of {service} has traffic")

    def _revision(self, service: str) -> str:
        return f"nevus-{service}-{self._name}"

    def _put(self, service: str) -> None:
        self._say(f"{service}: a new revision without traffic")
        beside = traffic.beside(self._before[service], self._revision(service))
        text = definitions.service(self._place, self._images, service, self._revision(service), beside)
        self._runner.call(gcloud("run", "services", "replace", "-", f"--region={self._place.region}", given=text))

    def _check(self, what: str, *, tagged: bool) -> None:
        """Ask the gateway, the candidate or whatever revision has the traffic."""
        found = traffic.standing(self._runner.call(traffic.ask(self._place, "gateway")))
        self._say(f"smoke test of {what}")
        smoke(found.candidate_url if tagged else found.url, self._place.access)

    def _shift(self, service: str) -> None:
        for percent in STEPS:
            self._say(f"{service}: {percent} % of the traffic")
            before, revision = self._before[service], self._revision(service)
            self._runner.call(traffic.shift(self._place, service, before, revision, percent))
            self._watch(f"{service} at {percent} %")

    def _watch(self, what: str) -> None:
        """Ask again and again, for as long as a step is watched."""
        end = time.monotonic() + self._pace.watch
        while True:
            self._check(what, tagged=False)
            if time.monotonic() >= end:
                return
            time.sleep(self._pace.watch / 10)

    def _replace_job(self, job: str) -> None:
        where = f"--region={self._place.region}"
        self._say(f"job {job}")
        self._jobs[job] = self._runner.call(gcloud("run", "jobs", "describe", f"nevus-{job}", where, "--format=export"))
        text = definitions.job(self._place, self._images, job)
        self._runner.call(gcloud("run", "jobs", "replace", "-", where, given=text))

    def _restore(self) -> None:
        """What was touched, as it was before, what calls before what is called; the first failure is raised last."""
        where, failures = f"--region={self._place.region}", []
        back = [gcloud("run", "jobs", "replace", "-", where, given=text) for text in self._jobs.values()]
        back += [traffic.restore(self._place, service, self._before[service]) for service in reversed(self._before)]
        for command in back:
            try:
                self._insist(command)
            except CommandFailed as error:
                failures.append(error)
        if failures:
            raise failures[0]
        self._say("all as it was before")

    def _insist(self, command: Command) -> None:
        """A failure here costs the most: try it again."""
        for left in reversed(range(RESTORE_TRIES)):
            try:
                self._runner.call(command)
            except CommandFailed:
                if not left:
                    raise
                time.sleep(self._pace.again)
            else:
                return
