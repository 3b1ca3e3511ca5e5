"""Training batches, made by threads ahead of the step that needs them; batch i depends on the seed and i alone."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nevus.domain import FloatArray
from training_job.augment import Sample, augment
from training_job.data import Row, open_mask, open_photo

UNKNOWN = -1


@dataclass(frozen=True)
class Batch:
    """`images` (n, side, side, 3) 0..255; `malignant` (n, 1); `diagnosis` (n,) index or UNKNOWN.

    `outside` (n, h, w) is 1 where a cell of the activation map holds no lesion; `masked` (n,)
    says whether that is known.
    """

    images: FloatArray
    malignant: FloatArray
    diagnosis: NDArray[np.int32]
    outside: FloatArray
    masked: FloatArray


def outside_cells(mask: NDArray[np.uint8], stride: int = 32) -> FloatArray:
    """(side, side) lesion mask -> (side/32, side/32), 1 for cells that neither hold lesion nor touch one that does."""
    cells = mask.shape[0] // stride
    lesion = mask[: cells * stride, : cells * stride].reshape(cells, stride, cells, stride).max(axis=(1, 3)) > 127
    padded = np.pad(lesion, 1)
    near = [padded[i : i + cells, j : j + cells] for i in range(3) for j in range(3)]
    return np.asarray(~np.any(near, axis=0), np.float32)


class Batches:
    """An endless, seeded supply of balanced, augmented batches."""

    def __init__(
        self, rows: Sequence[Row], weights: NDArray[np.float64], diagnoses: Sequence[str], *, size: int, seed: int
    ) -> None:
        self._rows, self._weights, self._size, self._seed = rows, weights, size, seed
        self._diagnoses = {name: i for i, name in enumerate(diagnoses)}

    def batch(self, index: int, side: int) -> Batch:
        """Batch `index` at a resolution; raises OSError on an unreadable photo."""
        rng = np.random.default_rng([self._seed, index])
        chosen = [self._rows[i] for i in rng.choice(len(self._rows), self._size, p=self._weights)]
        samples = [self._sample(row, rng, side) for row in chosen]
        unknown = np.zeros((side // 32, side // 32), np.float32)
        return Batch(
            images=np.stack([sample.pixels for sample in samples]).astype(np.float32),
            malignant=np.array([[row.malignant] for row in chosen], np.float32),
            diagnosis=np.array([self._diagnoses.get(row.diagnosis, UNKNOWN) for row in chosen], np.int32),
            outside=np.stack([unknown if s.mask is None else outside_cells(s.mask) for s in samples]),
            masked=np.array([s.mask is not None for s in samples], np.float32),
        )

    @staticmethod
    def _sample(row: Row, rng: np.random.Generator, side: int) -> Sample:
        photo = open_photo(row)
        return augment(photo, open_mask(row, photo.size), rng, side)

    def stream(self, sides: Sequence[int], start: int = 0, *, workers: int = 2, ahead: int = 6) -> Iterator[Batch]:
        """Batches `start` to the end of `sides`, batch i at resolution sides[i]."""
        with ThreadPoolExecutor(workers) as pool:
            waiting: deque[Future[Batch]] = deque()
            try:
                for index in range(start, len(sides)):
                    waiting.append(pool.submit(self.batch, index, sides[index]))
                    if len(waiting) > ahead:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()
