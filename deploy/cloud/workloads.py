"""Services, jobs and what calls them on time.

They are made once, from Google's sample image, so that rights to them can be granted; every release puts its own
definition in their place.
"""

from __future__ import annotations

from collections.abc import Iterator

from deploy.cloud.parts import Place, Resource, gcloud

SAMPLE_SERVICE = "us-docker.pkg.dev/cloudrun/container/hello"
SAMPLE_JOB = "us-docker.pkg.dev/cloudrun/container/job"
INGRESS = {"gateway": "all", "inference": "internal", "reconciler": "internal"}
RUNS_AS = {"gateway": "gateway", "inference": "inference", "reconciler": "gateway"}
JUDGES_ITSELF = "reconciler"
RECONCILE_AUDIENCE = "nevus-reconcile"  # no address: Cloud Run may take the signature off a token made for its own
JOBS = ("training", "score")
TIMETABLE = {
    "reconcile": ("* * * * *", "{}", "Every minute: finish what is pending."),
    "sweep": ("17 3 * * *", '{"sweep": true}', "Every night: drop photos that no record names."),
}


def services(place: Place) -> Iterator[Resource]:
    """Empty ones, that nobody may call yet.

    Who judges tokens itself is not judged for by Cloud Run. To say so takes the right to set policies, which whoever
    deploys has and a build has not: a release finds it said.
    """
    where = f"--region={place.region}"
    for name in place.services:
        own = ("--no-invoker-iam-check",) if name == JUDGES_ITSELF else ()
        yield Resource(
            name=f"service {name}",
            purpose=f"Service {name}, until the first release with a sample image.",
            find=gcloud("run", "services", "describe", f"nevus-{name}", where, "--format=value(metadata.name)"),
            create=(
                gcloud(
                    *("run", "deploy", f"nevus-{name}", where, f"--image={SAMPLE_SERVICE}"),
                    *(f"--service-account={place.account(RUNS_AS[name])}", f"--ingress={INGRESS[name]}"),
                    *("--no-allow-unauthenticated", "--max-instances=1", *own),
                ),
            ),
            update=(gcloud("run", "services", "update", f"nevus-{name}", where, *own),) if own else (),
            remove=(gcloud("run", "services", "delete", f"nevus-{name}", where),),
        )


def jobs(place: Place) -> Iterator[Resource]:
    """Both run as the identity `training`."""
    where = f"--region={place.region}"
    for name in JOBS:
        yield Resource(
            name=f"job {name}",
            purpose=f"Job {name}, until the first release with a sample image.",
            find=gcloud("run", "jobs", "describe", f"nevus-{name}", where, "--format=value(metadata.name)"),
            create=(
                gcloud(
                    *("run", "jobs", "create", f"nevus-{name}", where, f"--image={SAMPLE_JOB}"),
                    f"--service-account={place.account('training')}",
                ),
            ),
            remove=(gcloud("run", "jobs", "delete", f"nevus-{name}", where),),
        )


def front(place: Place) -> Iterator[Resource]:
    """What stands before the gateway when people come through IAP."""
    if place.access != "iap":
        return
    yield Resource(
        name="iap agent",
        purpose="The account in whose name IAP calls the gateway.",
        create=(gcloud("beta", "services", "identity", "create", "--service=iap.googleapis.com"),),
        stays="it is Google's own, one for each project",
    )
    yield Resource(
        name="iap admin",
        purpose="Whoever deploys passes IAP; others are let in likewise.",
        create=(
            gcloud(
                *("beta", "iap", "web", "add-iam-policy-binding", "--resource-type=cloud-run"),
                *("--service=nevus-gateway", f"--region={place.region}", f"--member=user:{place.admin}"),
                *("--role=roles/iap.httpsResourceAccessor", "--condition=None"),
            ),
        ),
        within="service gateway",
    )


def timetable(place: Place) -> Iterator[Resource]:
    """Cloud Scheduler's calls, each with an ID token that the service which it calls judges."""
    called, where, url = ("scheduler", "jobs"), f"--location={place.region}", place.url(place.reconciler)
    for name, (schedule, body, purpose) in TIMETABLE.items():
        words = (
            *(where, f"--schedule={schedule}", f"--uri={url}/internal/reconcile", "--http-method=POST"),
            *(f"--message-body={body}", f"--oidc-service-account-email={place.account('scheduler')}"),
            *(f"--oidc-token-audience={RECONCILE_AUDIENCE}", "--attempt-deadline=300s", "--max-retry-attempts=0"),
        )
        json = "Content-Type=application/json"
        yield Resource(
            name=f"schedule {name}",
            purpose=purpose,
            find=gcloud(*called, "describe", f"nevus-{name}", where, "--format=value(name)"),
            create=(gcloud(*called, "create", "http", f"nevus-{name}", *words, f"--headers={json}"),),
            update=(gcloud(*called, "update", "http", f"nevus-{name}", *words, f"--update-headers={json}"),),
            remove=(gcloud(*called, "delete", f"nevus-{name}", where),),
        )
