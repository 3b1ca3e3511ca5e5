"""Make buckets on an emulator and copy the models that ship into the first: `python seed_bucket.py MODELS BUCKET...`.

Waits until the emulators answer that STORAGE_EMULATOR_HOST and FIRESTORE_EMULATOR_HOST name. Never writes over what is
there.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

import httpx

from nevus.adapters.gcs import GcsStore
from nevus.ports import ObjectStore, PreconditionFailed

PATIENCE = 120.0  # seconds until the emulators must answer


async def seed_store(shipped: Path, store: ObjectStore) -> int:
    """Copy what the registry in `store` lacks; returns how many objects that were."""
    there = set(await store.list(""))
    missing = [path for path in shipped_files(shipped) if path.relative_to(shipped).as_posix() not in there]
    for path in missing:
        with suppress(PreconditionFailed):
            await store.put(path.relative_to(shipped).as_posix(), path.read_bytes(), if_generation=0)
    return len(missing)


def shipped_files(shipped: Path) -> list[Path]:
    """As a registry is written: each version's manifest after its files, then verdicts, channels last."""
    versions = shipped.glob("*/versions/*/*")
    in_order = sorted(versions, key=lambda path: (path.parent, path.name == "manifest.json"))
    return [*in_order, *sorted(shipped.glob("verdicts/*.json")), *sorted(shipped.glob("channels/*.json"))]


def make_bucket(storage: str, name: str) -> None:
    """On the emulator of Cloud Storage; one that is there is fine. Raises httpx.HTTPError."""
    answer = httpx.post(f"{storage}/storage/v1/b", json={"name": name}, trust_env=False)
    if answer.status_code != httpx.codes.CONFLICT:
        answer.raise_for_status()


def wait_for(address: str, seconds: float = PATIENCE) -> None:
    """Until something answers there at all; raises httpx.TransportError."""
    end = time.monotonic() + seconds
    while True:
        try:
            httpx.get(address, trust_env=False)
        except httpx.TransportError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)
        else:
            return


def main(shipped: Path, buckets: list[str]) -> None:
    """Raises httpx.HTTPError, PortError."""
    storage = os.environ["STORAGE_EMULATOR_HOST"]
    for address in (storage, f"http://{os.environ['FIRESTORE_EMULATOR_HOST']}"):
        wait_for(address)
    for name in buckets:
        make_bucket(storage, name)
    copied = asyncio.run(seed_store(shipped, GcsStore(buckets[0])))
    print(f"seeded {copied} objects into {buckets[0]}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
