"""Which revision of a service answers which part of its requests."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deploy.cloud.parts import Command, Place, gcloud

CANDIDATE = "candidate"


@dataclass(frozen=True)
class Standing:
    """How a service stands: percent by revision, its address, and that of the revision with the candidate's tag."""

    shares: Mapping[str, int]
    url: str
    candidate_url: str


def ask(place: Place, service: str) -> Command:
    """The command whose answer `standing` reads."""
    return gcloud("run", "services", "describe", f"nevus-{service}", f"--region={place.region}", "--format=json")


def standing(answer: str) -> Standing:
    """Raises KeyError or ValueError when it is not a service that was ever ready."""
    status = json.loads(answer)["status"]
    shares: dict[str, int] = {}
    for entry in status["traffic"]:
        if entry.get("percent"):
            shares[entry["revisionName"]] = shares.get(entry["revisionName"], 0) + entry["percent"]
    tagged = [entry["url"] for entry in status["traffic"] if entry.get("tag") == CANDIDATE and "url" in entry]
    return Standing(shares, status["url"], tagged[0] if tagged else "")


def beside(before: Standing, revision: str) -> Sequence[Mapping[str, Any]]:
    """The traffic of a definition: all as before, the new revision only by its tag."""
    kept = [{"revisionName": name, "percent": percent} for name, percent in before.shares.items()]
    return (*kept, {"revisionName": revision, "tag": CANDIDATE})


def shift(place: Place, service: str, before: Standing, revision: str, percent: int) -> Command:
    """Give the new revision its part; the rest stays with the one that had most."""
    main = max(before.shares, key=lambda name: before.shares[name])
    shares = {revision: percent} | ({main: 100 - percent} if percent < 100 else {})
    return _moved(place, service, shares, keep_tag=percent < 100)


def restore(place: Place, service: str, before: Standing) -> Command:
    """As it was before the release, the candidate no longer to be reached."""
    return _moved(place, service, before.shares, keep_tag=False)


def _moved(place: Place, service: str, shares: Mapping[str, int], *, keep_tag: bool) -> Command:
    share = ",".join(f"{name}={percent}" for name, percent in shares.items())
    return gcloud(
        *("run", "services", "update-traffic", f"nevus-{service}", f"--region={place.region}"),
        f"--to-revisions={share}",
        *(() if keep_tag else (f"--remove-tags={CANDIDATE}",)),
    )
