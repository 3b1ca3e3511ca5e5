"""Definitions of services and jobs: the YAML files beside this one, with the facts of a place and a release."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from deploy.cloud.parts import Place
from deploy.cloud.workloads import INGRESS, JUDGES_ITSELF, RECONCILE_AUDIENCE, RUNS_AS

FOLDER = Path(__file__).resolve().parent
TEMPLATES = {"reconciler": "gateway"}
BY_DIGEST = re.compile(r"[\w./-]+@sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Images:
    """The three images of a release, each by its digest; raises ValueError for a tag."""

    gateway: str
    inference: str
    training: str

    def __post_init__(self) -> None:
        for image in (self.gateway, self.inference, self.training):
            if not BY_DIGEST.fullmatch(image):
                raise ValueError(f"{image} is not named by its digest")

    def of(self, name: str) -> str:
        """The image of a service or job."""
        return {"inference": self.inference, "training": self.training, "score": self.training}.get(name, self.gateway)


def service(place: Place, images: Images, name: str, revision: str, traffic: Sequence[Mapping[str, Any]]) -> str:
    """A service whose new revision is `revision`; who gets which part of the traffic is stated whole."""
    iap = name == "gateway" and place.access == "iap"
    return _filled(
        place,
        TEMPLATES.get(name, name),
        SERVICE=name,
        REVISION=revision,
        IMAGE=images.of(name),
        ACCOUNT=place.account(RUNS_AS[name]),
        INGRESS=INGRESS[name],
        IAP=json.dumps(iap),
        JUDGES_ITSELF=json.dumps(name == JUDGES_ITSELF),
        STAGE="BETA" if iap else "GA",
        IAP_AUDIENCE=json.dumps(iap_audience(place) if iap else ""),
        TRAFFIC=json.dumps(list(traffic)),
    )


def iap_audience(place: Place) -> str:
    """For whom IAP makes its header."""
    return f"/projects/{place.number}/locations/{place.region}/services/nevus-gateway"


def job(place: Place, images: Images, name: str) -> str:
    """A job; its runs have no revisions, the next one takes what stands here."""
    return _filled(place, name, IMAGE=images.of(name), ACCOUNT=place.account("training"))


def _filled(place: Place, template: str, **facts: str) -> str:
    text = (FOLDER / f"{template}.yaml").read_text()
    common = {
        "PROJECT": place.project,
        "REGION": place.region,
        "PHOTOS_BUCKET": place.bucket("photos"),
        "MODELS_BUCKET": place.bucket("models"),
        "TRAINING_BUCKET": place.bucket("training"),
        "TRAINING_DATA": f"gs://{place.bucket('training')}/data/manifest.csv",
        "PROMOTER": place.account("promoter"),
        "INFERENCE_URL": place.url("inference"),
        "RECONCILE_AUDIENCE": RECONCILE_AUDIENCE,
        "SCHEDULER": place.account("scheduler"),
    }
    body = "".join(line for line in text.splitlines(keepends=True) if not line.lstrip().startswith("#"))
    return Template(body).substitute(common | facts)
