"""How many photos are worked on at once: as many as do not hold each other up. Pure: times are given.

On two cores a fifth photo at once makes all of them slower and none more is answered; where storing takes longer than
computing, sixteen at once are no slower than one. Which it is shows in the time that a photo takes beside others,
against that of a photo alone: the gradient of Netflix' concurrency-limits (2018), after TCP Vegas (Brakmo, 1995).
"""

from __future__ import annotations

TOLERANCE = 1.3  # times a photo alone, from which on fewer are let in
HEADROOM = 0.5  # more that are let in while that is not reached
SMOOTHING = 0.1  # share of the newest photo in what is remembered
FIRST_COST = 0.02  # seconds a photo, until one was measured


class Crew:
    """`size` photos at once, between `least` and `most`."""

    def __init__(self, least: int, first: int, most: int) -> None:
        self._least, self._most = min(least, most), most
        self._size = float(min(first, most))
        self._among: float | None = None
        self.alone: float | None = None
        self.cost = FIRST_COST

    @property
    def size(self) -> int:
        """How many may be worked on now."""
        return int(self._size)

    def see(self, seconds: float, beside: int) -> None:
        """A photo took `seconds` with `beside` others at its end; what it cost the others is its share of the time."""
        self.cost = smoothed(self.cost, seconds / (beside + 1))
        if beside == 0:
            self.alone = smoothed(self.alone, seconds)
            return
        self._among = smoothed(self._among, seconds)
        if self.alone is not None:
            self._adapt(self._among / self.alone, bound=beside + 1 >= self.size)

    def _adapt(self, ratio: float, *, bound: bool) -> None:
        """Fewer as the ratio grows; more only where the bound was felt."""
        wanted = self._size * max(0.5, min(1.0, TOLERANCE / max(ratio, 1e-9))) + (HEADROOM if bound else 0)
        self._size = max(self._least, min(self._most, smoothed(self._size, wanted)))


def smoothed(old: float | None, new: float) -> float:
    """An exponential average."""
    return new if old is None else old + SMOOTHING * (new - old)
