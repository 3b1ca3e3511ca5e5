"""How alike thumbnails are: a photo and itself encoded anew, and photos of different lesions.

`python -m benchmarks.alike MANIFEST`: every third photo of the manifest, without the set that holds copies of others.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from training_job.corrections import SAME, thumbnails
from training_job.data import Row, open_photo, read_manifest

COPIES = "isic10k"


def encoded_anew(row: Row, folder: Path) -> Row:
    """The same photo in other bytes."""
    path = folder / f"{row.path.stem}.jpg"
    open_photo(row).save(path, "JPEG", quality=85)
    return replace(row, path=path)


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        found = read_manifest(sys.argv[1], Path(folder), held=True)
        rows = [row for row in found if row.source != COPIES][::3]
        photos, anew = thumbnails(rows), thumbnails([encoded_anew(row, Path(folder)) for row in rows])
    others = photos @ photos.T
    groups = np.array([row.group_id for row in rows])
    others[groups[:, None] == groups] = -1
    same = np.einsum("ij,ij->i", photos, anew)
    print(f"{len(rows)} photos; taken for the same from {SAME} on")
    print(f"encoded anew: {same.min():.4f} at least; of another lesion: {others.max():.4f} at most")


if __name__ == "__main__":
    main()
