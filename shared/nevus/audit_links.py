"""What the audit log is made of, as stores keep it; what it means is in `nevus.audit`."""

from __future__ import annotations

from dataclasses import dataclass

GENESIS = "0" * 64


@dataclass(frozen=True)
class Head:
    """Where the audit log ends: the last entry's number and hash."""

    sequence: int = 0
    hash: str = GENESIS

    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash}"


@dataclass(frozen=True)
class Link:
    """An entry of the audit log as it is stored: its number, the bytes of its text, its hash."""

    sequence: int
    text: bytes
    hash: str

    @property
    def head(self) -> Head:
        """The log's end, when this is the last one."""
        return Head(self.sequence, self.hash)
