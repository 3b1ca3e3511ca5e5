"""What real photos do to the drift measures: test photos as they are, and darkened, against a version's own reference.

`python -m benchmarks.drift MANIFEST`, on the champion in models/. A week is drawn from the test photos again and again.
"""

from __future__ import annotations

import asyncio
import io
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import ImageEnhance

from nevus.adapters.files import FileStore
from nevus.domain import Modality
from nevus.drift import Level, shift
from nevus.reference import Baseline, Group, read_baseline
from nevus.registry import STATISTICS_FILE, Channel, Registry, Version
from training_job.data import Row, open_photo, read_manifest
from training_job.evaluate import measure_all, photo_bytes
from training_job.progress import steps
from training_job.reference import Measures, answered, fits, with_reference

UNCALIBRATED = ("isic10k",)
WEEK, WEEKS = 300, 200
DARKER = 0.75


async def champion() -> Version:
    """The version that ships."""
    registry = Registry(FileStore(Path("models")))
    return await registry.load(await registry.resolve(Channel.CHAMPION))


def darker(row: Row) -> bytes:
    """The photo in less light."""
    data = io.BytesIO()
    ImageEnhance.Brightness(open_photo(row)).enhance(DARKER).save(data, "JPEG", quality=95)
    return data.getvalue()


def levels(observed: Sequence[Measures], known: Group, rng: np.random.Generator) -> dict[str, Counter[Level]]:
    """How often each measure reaches which level in a week of these photos."""
    found: dict[str, Counter[Level]] = {name: Counter() for name in known.measures}
    for _ in range(WEEKS):
        week = [observed[i] for i in rng.choice(len(observed), min(WEEK, len(observed)))]
        for name, histogram in known.measures.items():
            bins = [histogram.bin(each[name]) for each in week if name in each]
            counts = np.bincount(bins, minlength=len(histogram.counts)).tolist()
            found[name][shift(name, counts, histogram.counts).level] += 1
    return found


def tell(title: str, rows: Sequence[Row], version: Version, found: Baseline, source: Callable[[Row], bytes]) -> None:
    """Measure test photos and print, for each modality and measure, the share of weeks at each level."""
    with steps(title, len(rows)) as step:
        measured = list(zip(rows, measure_all(version, rows, step, source), strict=True))
    for modality in Modality:
        theirs = [answered(row, each, modality, version, found)[0] for row, each in measured if fits(row, modality)]
        told = levels(theirs, found.reference.groups[modality.value], np.random.default_rng(1))
        for name, counts in told.items():
            shares = ", ".join(f"{level} {100 * n / WEEKS:.1f} %" for level, n in sorted(counts.items()))
            print(f"{title}, {modality} ({len(theirs)}), {name}: {shares}")


def main() -> None:
    """Make the reference, then hold test photos against it."""
    version = asyncio.run(champion())
    with tempfile.TemporaryDirectory() as folder:
        rows = read_manifest(sys.argv[1], Path(folder))
        began = time.monotonic()
        made = with_reference(version, rows, UNCALIBRATED, 0)
        grown = len(made) - len(version.files[STATISTICS_FILE])
        print(f"reference: {time.monotonic() - began:.0f} s, {grown} bytes")
        found = read_baseline(made)
        test = [row for row in rows if row.split == "test" and row.source not in UNCALIBRATED and not row.leak]
        if found:
            tell("as they are", test, version, found, photo_bytes)
            tell(f"at {DARKER} of the light", test, version, found, darker)


if __name__ == "__main__":
    main()
