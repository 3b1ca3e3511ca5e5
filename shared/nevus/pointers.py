"""What a channel's file says, and how it changes when the channel moves."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from nevus import clock
from nevus.domain import Frozen, ModelRef

LONGEST_HISTORY = 50
LARGEST_SHARE = 0.5


class Pointer(Frozen):
    """What a channel's file says."""

    name: str
    version: str
    manifest_sha256: str
    previous: str | None = Field(default=None, description="version to go back to, the last of `history`")
    history: tuple[ModelRef, ...] | None = Field(
        default=None, description="the versions that led here, oldest first; null where only `previous` was kept"
    )

    share: float | None = Field(default=None, gt=0, le=LARGEST_SHARE, description="of the cases, of a canary")
    since: datetime | None = Field(default=None, description="when it began to have that share")
    ended: datetime | None = Field(default=None, description="when the canary ended: the channel points nowhere then")
    reason: str | None = Field(default=None, description="why it ended")

    @property
    def ref(self) -> ModelRef:
        """The version that it points at."""
        return ModelRef(name=self.name, version=self.version, sha256=self.manifest_sha256)

    def led_by(self, ref: ModelRef) -> bool:
        """Whether the channel came here from that version, so that pointing there is going back."""
        return ref.version == self.previous if self.history is None else ref in self.history

    def moved(self, ref: ModelRef) -> Pointer:
        """To another version: forward, or back, which forgets what came after it."""
        if ref == self.ref:
            return self
        past = self.history or ()
        history = past[: past.index(ref)] if ref in past else (*past, self.ref)[-LONGEST_HISTORY:]
        if self.history is None and ref.version == self.previous:
            history = ()
        previous = history[-1].version if history else None
        return pointer_to(ref).model_copy(update={"previous": previous, "history": history})

    def shared(self, share: float | None) -> Pointer:
        """From now on with that share of the cases."""
        since = None if share is None else clock.now()
        return self.model_copy(update={"share": share, "since": since, "ended": None, "reason": None})

    def over(self, reason: str) -> Pointer:
        """From now on nowhere."""
        return self.model_copy(update={"ended": clock.now(), "reason": reason})


def pointer_to(ref: ModelRef) -> Pointer:
    """The pointer of a channel that pointed nowhere before."""
    return Pointer(name=ref.name, version=ref.version, manifest_sha256=ref.sha256, history=())
