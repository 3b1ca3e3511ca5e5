"""The table of who may do what (deploy/iam.toml), read once for the deployment and for the tests."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from string import Template
from typing import Any

from deploy.cloud.parts import ROOT, Access, Place

TABLE = ROOT / "deploy/iam.toml"
EVERYONE, IAP = "everyone", "iap"


@dataclass(frozen=True)
class Role:
    """A custom role of the project: exactly these permissions."""

    title: str
    permissions: tuple[str, ...]


@dataclass(frozen=True)
class Grant:
    """A role on one resource for one identity.

    `calls` name the code that needs it, each `module:function -> store.method`; `access` bounds it to one way in.
    """

    identity: str
    role: str
    on: str
    calls: tuple[str, ...]
    condition: str = ""
    access: Access | None = None

    @property
    def kind(self) -> str:
        """Of the resource: project, bucket, account, service, job, secret, repository."""
        return self.on.partition(":")[0]

    @property
    def target(self) -> str:
        """The resource's own name, empty for the project."""
        return self.on.partition(":")[2]


@dataclass(frozen=True)
class Rights:
    """The whole table."""

    identities: Mapping[str, str]
    roles: Mapping[str, Role]
    grants: tuple[Grant, ...]

    def granted(self, access: Access) -> tuple[Grant, ...]:
        """The grants that hold with this way in."""
        return tuple(grant for grant in self.grants if grant.access in {None, access})


def read_rights() -> Rights:
    """The table as it stands in the file; raises ValueError or TypeError when it is malformed."""
    table = tomllib.loads(TABLE.read_text())
    roles = {name: Role(entry["title"], tuple(entry["permissions"])) for name, entry in table["roles"].items()}
    return Rights(table["identities"], roles, tuple(_grant(entry) for entry in table["grants"]))


def _grant(entry: dict[str, Any]) -> Grant:
    return Grant(**{**entry, "calls": tuple(entry["calls"])})


def condition_of(grant: Grant, place: Place) -> str:
    """The CEL expression for this project, empty where there is none."""
    buckets = {f"{name}_bucket": place.bucket(name) for name in ("photos", "models", "training", "build")}
    return Template(grant.condition).substitute(project=place.project, **buckets)


def member_of(grant: Grant, place: Place) -> str:
    """Who gets it, in IAM's words."""
    if grant.identity == EVERYONE:
        return "allUsers"
    if grant.identity == IAP:
        return f"serviceAccount:service-{place.number}@gcp-sa-iap.iam.gserviceaccount.com"
    return f"serviceAccount:{place.account(grant.identity)}"
