"""The one place where the gateway's adapters are chosen."""

from __future__ import annotations

import os
import shlex
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace

from gateway.administration import Office, adopt_key
from gateway.breaker import Breaker, GuardedClassifier
from gateway.canary import Canaries
from gateway.failures import Failures
from gateway.intake import Intake
from gateway.metrics import Metrics
from gateway.services import Callers, Manifests, Services
from gateway.settings import Settings, is_secret
from nevus.adapters.google_tokens import IdTokens
from nevus.adapters.http_classifier import HttpClassifier
from nevus.adapters.keys import SqliteIdentity
from nevus.adapters.stores import model_store, photo_store, record_store, run_store
from nevus.ports import Classifier, JobRunner, RecordStore, ServiceIdentity
from nevus.registry import Registry
from nevus.signatures import trust_of

FIRST_ADMIN = "admin"
STORES = (
    "data_dir", "storage", "records", "google_cloud_project", "firestore_database", "photos_bucket", "models_bucket",
    "training_bucket", "training_data",
)  # fmt: skip


@asynccontextmanager
async def open_services(settings: Settings) -> AsyncIterator[Services]:
    """All adapters, open; closed at the end."""
    if settings.keeps_files:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    metrics = Metrics()
    async with AsyncExitStack() as closing:
        records = record_store(settings)
        closing.push_async_callback(records.close)
        callers = await closing.enter_async_context(callers_of(settings, records))
        runs = run_store(settings)
        closing.push_async_callback(runs.close)
        jobs = await job_runner(settings)
        closing.push_async_callback(jobs.close)
        classifier = classifier_of(settings)
        closing.push_async_callback(classifier.close)
        intake = intake_of(settings, metrics)
        closing.push_async_callback(intake.close)
        await intake.start()
        registry = Registry(model_store(settings), trust=trust_of(settings.model_public_keys))
        promotion = promotion_of(settings, registry)
        canaries = Canaries(settings, registry, promotion, records, metrics)
        closing.push_async_callback(canaries.close)
        yield Services(
            settings=settings,
            photos=photo_store(settings),
            records=records,
            runs=runs,
            jobs=jobs,
            registry=registry,
            promotion=promotion,
            manifests=Manifests(registry),
            callers=callers,
            classifier=guarded(settings, classifier, metrics),
            intake=intake,
            metrics=metrics,
            canaries=canaries,
        )


def promotion_of(settings: Settings, registry: Registry) -> Registry:
    """The registry in the name of the service account that may move channels, where there is one."""
    if not settings.promoter:
        return registry
    return Registry(model_store(settings, impersonate=settings.promoter), trust=registry.trust)


def classifier_of(settings: Settings) -> HttpClassifier:
    """Inference, told who calls where it asks for that."""
    token = IdTokens(settings.inference_audience).token if settings.inference_audience else None
    return HttpClassifier(settings.inference_url, connections=settings.inference_connections, token=token)


def guarded(settings: Settings, classifier: Classifier, metrics: Metrics) -> GuardedClassifier:
    """Inference, behind a circuit breaker."""
    breaker = Breaker(settings.breaker_failures, settings.breaker_pause)
    return GuardedClassifier(classifier, breaker, metrics, enough=settings.inference_timeout / 2)


async def job_runner(settings: Settings) -> JobRunner:
    """What runs the training job; one that an earlier gateway left goes on."""
    if settings.jobs == "cloud_run":
        from nevus.adapters.cloud_run import CloudRunJobs

        return CloudRunJobs(settings.training_job, endpoint=settings.cloud_run_endpoint)
    from nevus.adapters.subprocess_jobs import SubprocessJobs

    jobs = SubprocessJobs(shlex.split(settings.training_command), settings.data_dir, job_environment(settings))
    await jobs.recover()
    return jobs


def job_environment(settings: Settings) -> dict[str, str]:
    """Of the training job: ours, without the secrets that it has no use for, and with the stores that we have."""
    inherited = {name: value for name, value in os.environ.items() if not is_secret(name)}
    own = {name.upper(): str(getattr(settings, name)) for name in STORES}
    key = settings.model_signing_key
    signing = {"MODEL_SIGNING_KEY": key.get_secret_value()} if key else {}
    return {**inherited, **own, **signing, "MODELS_DIR": str(settings.registry_dir)}


def intake_of(settings: Settings, metrics: Metrics) -> Intake:
    """The door, not yet open."""
    return Intake(
        metrics,
        workers=settings.intake_workers,
        places=settings.intake_places,
        queue=settings.intake_queue,
        room=settings.intake_bytes,
        patience=settings.intake_patience,
        timeout=settings.intake_timeout,
        cpu=settings.intake_cpu,
    )


@asynccontextmanager
async def callers_of(settings: Settings, records: RecordStore) -> AsyncIterator[Callers]:
    """Every way in that the settings open."""
    scheduler = service_accounts(settings) if settings.reconcile_audience else None
    if settings.identity == "oidc":
        yield replace(oidc_callers(settings, scheduler), failures=Failures(settings.failed_keys))
        return
    with key_store(settings) as keys:
        if settings.nevus_admin_key:
            await adopt_key(keys, records, settings.nevus_admin_key.get_secret_value(), FIRST_ADMIN)
        yield Callers(keys, sessions=keys, keys=keys, scheduler=scheduler, failures=Failures(settings.failed_keys))


@contextmanager
def key_store(settings: Settings) -> Iterator[SqliteIdentity]:
    """Keys, sign-in links and sessions of this deployment."""
    keys = SqliteIdentity(settings.data_dir / "identity.db")
    try:
        yield keys
    finally:
        keys.close()


@asynccontextmanager
async def open_office(settings: Settings) -> AsyncIterator[Office]:
    """What `nevus-admin` works with, while the gateway runs or not."""
    records = record_store(settings)
    try:
        with key_store(settings) as keys:
            yield Office(keys, records, photo_store(settings))
    finally:
        await records.close()


def service_accounts(settings: Settings) -> ServiceIdentity:
    """Whoever calls with a Google ID token made for reconciling."""
    from nevus.adapters import oidc

    return oidc.ServiceAccounts(settings.reconcile_audience, settings.google_keys_url or oidc.GOOGLE_KEYS)


def oidc_callers(settings: Settings, scheduler: ServiceIdentity | None) -> Callers:
    """People by ID tokens, Firebase's unless another issuer is set; and by IAP's header if its audience is."""
    from nevus.adapters import oidc

    project = settings.google_cloud_project
    roles = oidc.Roles(
        settings.oidc_role_claim, oidc.addresses(settings.admin_emails), oidc.addresses(settings.clinician_emails)
    )
    people = oidc.Trusted(
        settings.oidc_issuer or oidc.FIREBASE_ISSUER + project,
        settings.oidc_audience or project,
        settings.oidc_keys_url or oidc.FIREBASE_KEYS,
    )
    iap = oidc.Trusted(oidc.IAP_ISSUER, settings.iap_audience, settings.iap_keys_url or oidc.IAP_KEYS, ("ES256",))
    return Callers(
        oidc.OidcIdentity(oidc.Verifier(people), roles),
        iap=oidc.OidcIdentity(oidc.Verifier(iap), roles) if settings.iap_audience else None,
        scheduler=scheduler,
    )
