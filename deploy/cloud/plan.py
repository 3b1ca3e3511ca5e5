"""All resources in the order in which they are made, and the order in which they go."""

from __future__ import annotations

from deploy.cloud.identities import accounts, bindings, roles, withdrawals
from deploy.cloud.infrastructure import infrastructure
from deploy.cloud.monitoring import monitoring
from deploy.cloud.parts import Place, Resource
from deploy.cloud.rights import read_rights
from deploy.cloud.workloads import front, jobs, services, timetable


def plan(place: Place) -> tuple[Resource, ...]:
    """Everything; what is named by another comes before it."""
    rights = read_rights()
    return (
        *infrastructure(place),
        *accounts(place, rights),
        *roles(place, rights),
        *services(place),
        *jobs(place),
        *front(place),
        *bindings(place, rights),
        *withdrawals(place, rights),
        *timetable(place),
        *monitoring(),
    )


def demolition(place: Place, *, data: bool) -> tuple[Resource, ...]:
    """What destroy removes, last made first; photos, models, checkpoints and records only with `data`."""
    return tuple(each for each in reversed(plan(place)) if each.remove and (data or not each.data))
