"""What everything stands on: APIs, network, image repository, buckets, database, secrets."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from deploy.cloud.parts import ROOT, Place, Resource, gcloud

APIS = (
    "artifactregistry",
    "cloudbuild",
    "cloudscheduler",
    "compute",
    "firestore",
    "iam",
    "iamcredentials",
    "logging",
    "monitoring",
    "ondemandscanning",
    "run",
    "secretmanager",
    "storage",
)
DATABASE = "nevus"
TOMBSTONES = ("records", "expires_at")
BUCKETS = {
    "photos": "clean photos and the quarantine of direct uploads; an erased photo is gone at once: no soft delete",
    "models": "the model registry; old generations of channels are kept for 30 days",
    "training": "checkpoints and results of scoring, gone after 30 days; base manifests under data/, which stay",
    "build": "sources of builds; gone after 7 days",
}
KEPT = {"models": ("--versioning", "--soft-delete-duration=7d")}
NONE = "none"  # a secret cannot be empty
NOT_KEPT = ("--no-versioning", "--clear-soft-delete")


def infrastructure(place: Place) -> Iterator[Resource]:
    """In the order of need."""
    yield apis(place)
    yield from network(place)
    yield repository(place)
    for name in BUCKETS:
        yield bucket(place, name)
    yield first_model(place)
    yield database(place)
    declared = json.loads((ROOT / "deploy/firestore.indexes.json").read_text())
    yield from indexes(declared)
    yield from exemptions(declared)
    yield tombstones()
    yield from secrets(place)


def apis(place: Place) -> Resource:
    """Turned on, and left on by destroy, since others in the project may use them."""
    names = [f"{api}.googleapis.com" for api in (*APIS, *(("iap",) if place.access == "iap" else ()))]
    return Resource(
        name="apis",
        purpose="The APIs that are called below and at run time.",
        create=(gcloud("services", "enable", *names),),
        stays="others in the project may use them",
    )


def network(place: Place) -> Iterator[Resource]:
    """The gateway leaves through it to reach inference, whose ingress is internal; there is no way to the internet."""
    net = ("compute", "networks")
    yield Resource(
        name="network nevus",
        purpose="The network through which the gateway reaches inference.",
        find=gcloud(*net, "describe", "nevus", "--format=value(name)"),
        create=(gcloud(*net, "create", "nevus", "--subnet-mode=custom"),),
        remove=(gcloud(*net, "delete", "nevus"),),
    )
    where, private = f"--region={place.region}", "--enable-private-ip-google-access"
    yield Resource(
        name="subnet nevus",
        purpose="Google's APIs and run.app are reached from it without an address of its own; nothing else is.",
        find=gcloud(*net, "subnets", "describe", "nevus", where, "--format=value(name)"),
        create=(gcloud(*net, "subnets", "create", "nevus", "--network=nevus", where, "--range=10.8.0.0/24", private),),
        update=(gcloud(*net, "subnets", "update", "nevus", where, private),),
        remove=(gcloud(*net, "subnets", "delete", "nevus", where),),
    )


def repository(place: Place) -> Resource:
    """Of the three images."""
    called, where = ("artifacts", "repositories"), f"--location={place.region}"
    return Resource(
        name="repository nevus",
        purpose="Images; a tag never moves, and services name digests.",
        find=gcloud(*called, "describe", "nevus", where, "--format=value(name)"),
        create=(gcloud(*called, "create", "nevus", where, "--repository-format=docker", "--immutable-tags"),),
        update=(gcloud(*called, "update", "nevus", where, "--immutable-tags"),),
        remove=(gcloud(*called, "delete", "nevus", where),),
    )


def bucket(place: Place, name: str) -> Resource:
    """Private for good, with its lifecycle rules."""
    url = f"gs://{place.bucket(name)}"
    private = ("--uniform-bucket-level-access", "--public-access-prevention")
    rules = f"--lifecycle-file=deploy/lifecycle/{name}.json"
    declared = gcloud("storage", "buckets", "update", url, *private, rules, *KEPT.get(name, NOT_KEPT))
    return Resource(
        name=f"bucket {name}",
        purpose=f"Bucket of {name}: {BUCKETS[name]}.",
        find=gcloud("storage", "buckets", "describe", url, "--format=value(name)"),
        create=(gcloud("storage", "buckets", "create", url, f"--location={place.region}", *private), declared),
        update=(declared,),
        remove=(gcloud("storage", "rm", "--recursive", "--all-versions", url),),
        data=name != "build",
    )


def first_model(place: Place) -> Resource:
    """What ships, where there is no model yet: inference is not ready without one."""
    registry, champion = f"gs://{place.bucket('models')}", "channels/champion.json"
    name = json.loads((ROOT / "models" / champion).read_text())["name"]
    return Resource(
        name="model champion",
        purpose="The model that ships, its pointer last, unless another one is there.",
        find=gcloud("storage", "objects", "describe", f"{registry}/{champion}", "--format=value(name)"),
        create=(
            gcloud("storage", "cp", "--recursive", "--no-clobber", f"models/{name}", f"{registry}/"),
            gcloud("storage", "cp", "--if-generation-match=0", f"models/{champion}", f"{registry}/{champion}"),
        ),
        within="bucket models",
    )


def database(place: Place) -> Resource:
    """A named one, so that the rights to it can be bounded by its name."""
    called, named = ("firestore", "databases"), f"--database={DATABASE}"
    return Resource(
        name="database nevus",
        purpose="Records, audit log and training runs.",
        find=gcloud(*called, "describe", named, "--format=value(name)"),
        create=(gcloud(*called, "create", named, f"--location={place.region}", "--delete-protection"),),
        update=(gcloud(*called, "update", named, "--delete-protection"),),
        remove=(gcloud(*called, "update", named, "--no-delete-protection"), gcloud(*called, "delete", named)),
        data=True,
    )


def indexes(declared: Mapping[str, Any]) -> Iterator[Resource]:
    """Those of deploy/firestore.indexes.json, the file that Firebase's tools read too."""
    for index in declared["indexes"]:
        group, fields = index["collectionGroup"], index["fields"]
        configs = [f"--field-config=field-path={f['fieldPath']},order={f['order'].lower()}" for f in fields]
        yield Resource(
            name=f"index {group} {' '.join(f['fieldPath'] for f in fields)}",
            purpose=f"A query of {group} by {', '.join(f['fieldPath'] for f in fields)}.",
            create=(
                gcloud(
                    *("firestore", "indexes", "composite", "create", f"--database={DATABASE}"),
                    *(f"--collection-group={group}", f"--query-scope={index['queryScope'].lower()}", *configs),
                    "--async",
                    fine="already exists",
                ),
            ),
            within="database nevus",
        )


def exemptions(declared: Mapping[str, Any]) -> Iterator[Resource]:
    """Fields whose own indexes are others than Firestore makes unasked, mostly none."""
    for field in declared["fieldOverrides"]:
        group, path = field["collectionGroup"], field["fieldPath"]
        wanted = [
            f"--index=order={index['order'].lower()},query-scope={index.get('queryScope', 'COLLECTION').lower()}"
            for index in field["indexes"]
        ]
        yield Resource(
            name=f"indexes of field {group} {path}",
            purpose=f"Field {path} of {group}: {len(wanted) or 'no'} index.",
            create=(
                gcloud(
                    *("firestore", "indexes", "fields", "update", path, f"--collection-group={group}"),
                    *(f"--database={DATABASE}", *(wanted or ("--disable-indexes",))),
                ),
            ),
            within="database nevus",
        )


def tombstones() -> Resource:
    """Firestore itself forgets the tombstone of an erased record."""
    group, stamp = TOMBSTONES
    return Resource(
        name="ttl",
        purpose="Tombstones of erased records go 30 days after the erasure.",
        create=(
            gcloud(
                *("firestore", "fields", "ttls", "update", stamp, f"--collection-group={group}"),
                *(f"--database={DATABASE}", "--enable-ttl"),
            ),
        ),
        within="database nevus",
    )


def secrets(place: Place) -> Iterator[Resource]:
    """What stays out of definitions and logs, and changes without a release; keys stay as long as what they signed."""
    yield _secret(place, "admins", "E-mail addresses of the admins, at first of whoever deploys.", place.admin)
    yield _secret(place, "public-keys", "Public keys of model versions that may be served; none: all of them.", NONE)
    yield _secret(place, "signing-key", "Private key that the training job signs versions with, or none.", NONE)


def _secret(place: Place, name: str, purpose: str, first: str) -> Resource:
    return Resource(
        name=f"secret {name}",
        purpose=purpose,
        find=gcloud("secrets", "describe", f"nevus-{name}", "--format=value(name)"),
        create=(
            gcloud(
                *("secrets", "create", f"nevus-{name}", "--replication-policy=user-managed"),
                *(f"--locations={place.region}", "--data-file=-"),
                given=first,
            ),
        ),
        remove=(gcloud("secrets", "delete", f"nevus-{name}"),),
        data=first == NONE,
    )
