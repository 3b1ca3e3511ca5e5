"""Pages, one after another, and names as parts of a path."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

from nevus_client.connection import Connection, read

Item_co = TypeVar("Item_co", covariant=True)


class Paged(Protocol[Item_co]):
    """A page of something."""

    @property
    def items(self) -> tuple[Item_co, ...]:
        """What is on it."""
        ...

    @property
    def next(self) -> str | None:
        """Cursor of the page that follows."""
        ...


def paged(connection: Connection, path: str, kind: type[Paged[Item_co]], wanted: dict[str, Any]) -> Iterator[Item_co]:
    """Every item of every page; a page is asked for when its first item is."""
    cursor: str | None = None
    while True:
        more = {} if cursor is None else {"cursor": cursor}
        page = read(kind, connection.ask("GET", path, params=wanted | more))
        yield from page.items
        cursor = page.next
        if cursor is None:
            return


def part(name: str) -> str:
    """As one part of a path, whatever is in it; raises ValueError for none."""
    if not name.strip("."):
        raise ValueError("an id is missing")
    return quote(name, safe="")
