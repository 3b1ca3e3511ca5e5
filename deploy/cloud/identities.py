"""Service accounts, custom roles and bindings, as the table of rights says."""

from __future__ import annotations

from collections.abc import Iterator

from deploy.cloud.parts import Command, Place, Resource, gcloud
from deploy.cloud.rights import Grant, Rights, condition_of, member_of


def accounts(place: Place, rights: Rights) -> Iterator[Resource]:
    """One for each identity; none of them ever gets a key."""
    called = ("iam", "service-accounts")
    for name, purpose in rights.identities.items():
        email = place.account(name)
        yield Resource(
            name=f"account {name}",
            purpose=f"Identity `{name}`: {purpose}.",
            find=gcloud(*called, "describe", email, "--format=value(email)"),
            create=(gcloud(*called, "create", f"nevus-{name}", f"--display-name=Nevus {name}"),),
            remove=(gcloud(*called, "delete", email),),
        )


def roles(place: Place, rights: Rights) -> Iterator[Resource]:
    """A removed role keeps its name for weeks: it is brought back, which fails for one that is not removed."""
    where = f"--project={place.project}"
    for name, role in rights.roles.items():
        allowed = f"--permissions={','.join(role.permissions)}"
        words = (where, f"--title=Nevus: {role.title}", allowed, "--stage=GA")
        yield Resource(
            name=f"role {name}",
            purpose=f"Custom role: {role.title}.",
            find=gcloud("iam", "roles", "describe", name, where, "--format=value(name)"),
            create=(gcloud("iam", "roles", "create", name, *words),),
            update=(
                gcloud("iam", "roles", "undelete", name, where, fine="."),
                gcloud("iam", "roles", "update", name, *words),
            ),
            remove=(gcloud("iam", "roles", "delete", name, where, fine="deleted"),),
        )


def bindings(place: Place, rights: Rights) -> Iterator[Resource]:
    """Every grant of the table, after the resources that they are on; adding one twice changes nothing."""
    for grant in rights.granted(place.access):
        outlives = grant.kind in {"project", "bucket", "secret"}  # what may be kept
        target = grant.on.replace(":", " ")
        yield Resource(
            name=f"grant {grant.identity} {grant.role} {grant.on}",
            purpose=f"{grant.identity.capitalize()} on {grant.on}: needed by {grant.calls[0].partition(' ')[0]}.",
            create=(_binding(grant, place, "add"),),
            remove=(_binding(grant, place, "remove"),) if outlives else (),
            within="" if outlives else target,
        )


def withdrawals(place: Place, rights: Rights) -> Iterator[Resource]:
    """What another way in would grant on a service that is there with this one too: an open door is closed again."""
    for grant in rights.grants:
        if grant.access not in {None, place.access} and grant.target in place.services:
            yield Resource(
                name=f"no grant {grant.identity} {grant.role} {grant.on}",
                purpose=f"Only with access {grant.access}.",
                create=(_binding(grant, place, "remove"),),
                within=grant.on.replace(":", " "),
            )


def _binding(grant: Grant, place: Place, verb: str) -> Command:
    role = f"projects/{place.project}/roles/{grant.role}" if not grant.role.startswith("roles/") else grant.role
    expression = condition_of(grant, place)
    condition = (f"--condition=^;^title={grant.role};expression={expression}",) if expression else ()
    if not condition and grant.kind != "job":  # bindings of jobs take no condition
        condition = ("--condition=None",)
    words = (*_resource(grant, place, verb), f"--member={member_of(grant, place)}", f"--role={role}", *condition)
    return gcloud(*words, fine="not found" if verb == "remove" else "")


def _resource(grant: Grant, place: Place, verb: str) -> tuple[str, ...]:
    call, name, where = f"{verb}-iam-policy-binding", grant.target, f"--region={place.region}"
    return {
        "project": ("projects", call, place.project),
        "bucket": ("storage", "buckets", call, f"gs://{place.bucket(name)}"),
        "account": ("iam", "service-accounts", call, place.account(name)),
        "service": ("run", "services", call, f"nevus-{name}", where),
        "job": ("run", "jobs", call, f"nevus-{name}", where),
        "secret": ("secrets", call, f"nevus-{name}"),
        "repository": ("artifacts", "repositories", call, "nevus", f"--location={place.region}"),
    }[grant.kind]
