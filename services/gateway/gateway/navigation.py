"""Where each role can go from every page: one line a page; its label is translated when it is shown."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.languages import mark
from nevus.domain import Role


@dataclass(frozen=True)
class Place:
    """A page of the navigation; `also` are beginnings of paths that belong to it."""

    path: str
    label: str
    also: tuple[str, ...] = ()

    def holds(self, path: str) -> bool:
        """Whether the page at `path` is this one or under it."""
        below = (*self.also, *((self.path + "/",) if self.path != "/" else ()))
        return path == self.path or path.startswith(below)


WORKLIST = (Place("/worklist", mark("Worklist")), Place("/batch", mark("Many photos")))
SPOTS = Place("/", mark("Check a spot"), also=("/results", "/spots", "/data", "/consent"))
PLACES: dict[Role, tuple[Place, ...]] = {
    Role.CLIENT: (
        Place("/", mark("Check a spot")),
        Place("/spots", mark("My spots"), also=("/results",)),
        Place("/data", mark("My data"), also=("/consent",)),
    ),
    Role.CLINICIAN: (*WORKLIST, SPOTS),
    Role.ADMIN: (*WORKLIST, SPOTS, Place("/admin", mark("Administration"))),
}
