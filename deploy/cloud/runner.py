"""Carries a plan out, one command after the other, and says what it does."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Sequence

from deploy.cloud.parts import ADMIN, FOUND, NUMBER, Command, Place, Resource, gcloud

ABSENT = re.compile(r"not.?found|does not exist|cannot find|may not exist|\b404\b", re.IGNORECASE)
LONGEST = 3600.0  # seconds of one command; creating a database takes minutes


Answer = tuple[int, str, str]


def started(words: Sequence[str], given: str, project: str) -> Answer:
    """Exit status, output and errors of gcloud itself; raises FileNotFoundError when it is not installed."""
    done = subprocess.run(
        ["gcloud", *words],
        input=given,
        env=os.environ | {"CLOUDSDK_CORE_PROJECT": project, "CLOUDSDK_CORE_DISABLE_PROMPTS": "1"},
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


class CommandFailed(Exception):
    """gcloud refused; the message is its own."""


class Runner:
    """Calls gcloud for one place; `say` takes a line for a person."""

    def __init__(
        self, place: Place, say: Callable[[str], None], start: Callable[[Sequence[str], str, str], Answer] = started
    ) -> None:
        self._start = start
        self.place = place
        self.say = say
        self._known: dict[str, str] = {}

    def call(self, command: Command, found: str = "") -> str:
        """What it printed; raises CommandFailed."""
        words = [self._filled(word, found) for word in command.words]
        status, said, error = self._start(words, self._filled(command.given, found), self.place.project)
        if status and not (command.fine and re.search(command.fine, error, re.IGNORECASE)):
            raise CommandFailed(f"gcloud {' '.join(words[:4])}: {error.strip() or status}")
        return said.strip()

    def _filled(self, text: str, found: str) -> str:
        asked = {
            NUMBER: gcloud("projects", "describe", self.place.project, "--format=value(projectNumber)"),
            ADMIN: gcloud("config", "get", "account"),
        }
        for variable, command in asked.items():
            if variable in text:
                self._known[variable] = self._known.get(variable) or self.call(command)
                text = text.replace(variable, self._known[variable])
        return text.replace(FOUND, found)

    def find(self, resource: Resource) -> str:
        """Its name, empty when it is not there; raises CommandFailed when that cannot be told."""
        if resource.find is None:
            return resource.name
        try:
            return self.call(resource.find)
        except CommandFailed as error:
            if ABSENT.search(str(error)):
                return ""
            raise

    def make(self, resource: Resource) -> None:
        """Bring it to what is declared."""
        found = self.find(resource) if resource.find else ""
        self.say(f"{'update' if found else 'create'} {resource.name}")
        for command in resource.update if found else resource.create:
            self.call(command, found)

    def remove(self, resource: Resource) -> None:
        """Remove it if it is there."""
        for found in self.find(resource).splitlines():
            self.say(f"remove {resource.name}")
            for command in resource.remove:
                self.call(command, found)
