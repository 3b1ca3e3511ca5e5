"""What a deployment is made of: resources, each with the commands that find, make, mend and remove it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).resolve().parents[2]
Access = Literal["public", "iap"]
NUMBER, ADMIN, FOUND = "${PROJECT_NUMBER}", "${ADMIN}", "${found}"
PROJECT_ID = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]")
REGION = re.compile(r"[a-z]+-[a-z]+[0-9]+")
ADDRESS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._%+-]*@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


@dataclass(frozen=True)
class Place:
    """Where Nevus is deployed. The project's number and the first admin's address may be variables, asked for later."""

    project: str
    region: str
    access: Access = "public"
    number: str = NUMBER
    admin: str = ADMIN

    def __post_init__(self) -> None:
        """Raises ValueError for what cannot be one, so that nothing a shell would run stands in a printed script."""
        if not PROJECT_ID.fullmatch(self.project):
            raise ValueError(f"PROJECT={self.project} is no project id")
        if not REGION.fullmatch(self.region):
            raise ValueError(f"REGION={self.region} is no region")
        if self.number != NUMBER and not re.fullmatch("[0-9]+", self.number):
            raise ValueError(f"{self.number} is no project's number")
        if self.admin != ADMIN and not ADDRESS.fullmatch(self.admin):
            raise ValueError(f"ADMIN={self.admin} is no e-mail address")

    def bucket(self, name: str) -> str:
        """A bucket's name, unique in the world."""
        return f"{self.project}-nevus-{name}"

    def account(self, name: str) -> str:
        """E-mail of one of our service accounts."""
        return f"nevus-{name}@{self.project}.iam.gserviceaccount.com"

    def url(self, service: str) -> str:
        """Address of a service, known before the service is there."""
        return f"https://nevus-{service}-{self.number}.{self.region}.run.app"

    @property
    def images(self) -> str:
        """The repository of our images."""
        return f"{self.region}-docker.pkg.dev/{self.project}/nevus"

    @property
    def reconciler(self) -> str:
        """The service that Cloud Scheduler calls: it cannot pass IAP, so behind IAP a second one stands inside."""
        return "gateway" if self.access == "public" else "reconciler"

    @property
    def services(self) -> tuple[str, ...]:
        """In the order in which they are released: what is called before what calls."""
        return ("inference", "gateway") if self.access == "public" else ("inference", "gateway", "reconciler")


@dataclass(frozen=True)
class Command:
    """One call of gcloud. `given` goes to its standard input; an error that says `fine` (a pattern) is none."""

    words: tuple[str, ...]
    given: str = ""
    fine: str = ""


def gcloud(*words: str, given: str = "", fine: str = "") -> Command:
    """A command, without the word gcloud."""
    return Command(words, given, fine)


@dataclass(frozen=True)
class Resource:
    """Something that a deployment makes, mends and removes.

    `find` prints a name when it is there: then `update` brings it to what is declared, else `create` does; `${found}`
    in `update` and `remove` is that name. Without `find`, `create` can be repeated. It goes by `remove`, or with the
    resource that `within` names, or not at all, for the reason in `stays`; one with `data` only if that is asked for.
    """

    name: str
    purpose: str
    create: tuple[Command, ...]
    find: Command | None = None
    update: tuple[Command, ...] = ()
    remove: tuple[Command, ...] = ()
    within: str = ""
    stays: str = ""
    data: bool = False
