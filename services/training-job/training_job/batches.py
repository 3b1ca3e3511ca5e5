"""Training batches, made by threads ahead of the step that needs them; batch i depends on the seed and i alone."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nevus.domain import FloatArray
from training_job.augment import Sample, augment
from training_job.data import Row, open_mask, open_photo

UNKNOWN = -1


@dataclass(frozen=True)
class Batch:
    """`images` (n, side, side, 3) 0..255; `malignant` (n, 1); `diagnosis` (n,) index or UNKNOWN.

    `outside` (n, h, w) is 1 where a cell of the activation map holds no lesion; `masked` (n,)
    says whether that is known. Without its lesion a photo is neither: malignant 0.5, and all of it is outside.
    """

    images: FloatArray
    malignant: FloatArray
    diagnosis: NDArray[np.int32]
    outside: FloatArray
    masked: FloatArray


def outside_cells(mask: NDArray[np.uint8], cells: int) -> FloatArray:
    """(side, side) lesion mask -> (cells, cells), 1 for cells that neither hold lesion nor touch one that does."""
    drawn = Image.fromarray(np.where(mask > 127, 255.0, 0.0).astype(np.float32))
    lesion = np.asarray(drawn.resize((cells, cells), Image.Resampling.BOX)) > 0
    padded = np.pad(lesion, 1)
    near = [padded[i : i + cells, j : j + cells] for i in range(3) for j in range(3)]
    return np.asarray(~np.any(near, axis=0), np.float32)


def _outside(sample: Sample, cells: int) -> FloatArray:
    """(cells, cells); zeros where it is not known."""
    if not sample.lesion:
        return np.ones((cells, cells), np.float32)
    return np.zeros((cells, cells), np.float32) if sample.mask is None else outside_cells(sample.mask, cells)


class Batches:
    """An endless, seeded supply of balanced, augmented batches; `cells` is the map's size at each resolution.

    `read` decodes a photo.
    """

    def __init__(
        self,
        rows: Sequence[Row],
        weights: NDArray[np.float64],
        diagnoses: Sequence[str],
        *,
        size: int,
        seed: int,
        cells: Mapping[int, int],
        read: Callable[[Row], Image.Image] = open_photo,
    ) -> None:
        self._read = read
        self._rows, self._weights, self._size, self._seed, self._cells = rows, weights, size, seed, cells
        self._diagnoses = {name: i for i, name in enumerate(diagnoses)}

    def batch(self, index: int, side: int) -> Batch:
        """Batch `index` at a resolution; raises OSError on an unreadable photo."""
        rng = np.random.default_rng([self._seed, index])
        chosen = [self._rows[i] for i in rng.choice(len(self._rows), self._size, p=self._weights)]
        samples = [self._sample(row, rng, side) for row in chosen]
        pairs = list(zip(chosen, samples, strict=True))
        return Batch(
            images=np.stack([sample.pixels for sample in samples]).astype(np.float32),
            malignant=np.array([[row.malignant if sample.lesion else 0.5] for row, sample in pairs], np.float32),
            diagnosis=np.array([self._label(row, sample) for row, sample in pairs], np.int32),
            outside=np.stack([_outside(sample, self._cells[side]) for sample in samples]),
            masked=np.array([s.mask is not None for s in samples], np.float32),
        )

    def _sample(self, row: Row, rng: np.random.Generator, side: int) -> Sample:
        photo = self._read(row)
        return augment(photo, open_mask(row, photo.size), rng, side)

    def _label(self, row: Row, sample: Sample) -> int:
        return self._diagnoses.get(row.diagnosis, UNKNOWN) if sample.lesion else UNKNOWN

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
