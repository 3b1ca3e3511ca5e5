"""Every setting of the gateway, read from the environment once; docs/api.md has a line for each."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from nevus.configuration import require
from nevus.signatures import PublicKeys, SigningKey

ADMIN_KEY = re.compile("[!-~]{8,512}")
JOB_NAME = re.compile("projects/[^/]+/locations/[^/]+/jobs/[^/]+")


class Settings(BaseSettings):
    """Names in the environment are those of the fields in capitals; an empty variable counts as unset."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, protected_namespaces=())

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8080, ge=0, le=65535, description="port to listen on")
    trusted_proxies: int = Field(
        0, ge=0, le=8, description="proxies before this whose word is taken for a client's address; 1 on Cloud Run"
    )
    data_dir: Path = Field(Path(".nevus"), description="where photos, records and keys are kept")
    models_dir: Path | None = Field(None, description="the model registry; DATA_DIR/models unless set")
    nevus_admin_key: SecretStr | None = Field(None, description="API key of the first admin")
    inference_url: str = Field("http://127.0.0.1:8081", description="`http://host:port` or `unix:/path`")
    inference_connections: int = Field(8, ge=1, le=64, description="calls to inference in flight at most")
    inference_timeout: float = Field(5.0, gt=0, description="seconds until a photo is answered as pending")
    inference_audience: str = Field(
        "", description="audience of the ID token that inference asks for; none is sent if empty"
    )
    storage: Literal["file", "gcs"] = Field("file", description="where photos and models are kept")
    records: Literal["sqlite", "firestore"] = Field("sqlite", description="where records and training runs are kept")
    identity: Literal["keys", "oidc"] = Field("keys", description="who may call")
    oidc_issuer: str = Field("", description="issuer of people's ID tokens; Firebase of the project unless set")
    oidc_audience: str = Field("", description="for whom they are made; GOOGLE_CLOUD_PROJECT unless set")
    oidc_keys_url: str = Field("", description="where the issuer's keys are; Firebase's unless set")
    oidc_role_claim: str = Field("role", description="claim of an ID token that names the role")
    admin_emails: str = Field("", description="verified addresses of admins, separated by commas")
    clinician_emails: str = Field("", description="verified addresses of clinicians, separated by commas")
    iap_audience: str = Field("", description="audience of IAP's header; without it the header is not taken")
    iap_keys_url: str = Field("", description="where IAP's keys are; Google's address unless set")
    google_keys_url: str = Field("", description="where the keys of service accounts' tokens are; Google's unless set")
    failed_keys: int = Field(
        30, ge=1, description="failed keys a minute from one address, or of one beginning; more get 429"
    )
    jobs: Literal["subprocess", "cloud_run"] = Field("subprocess", description="what runs the training job")
    google_cloud_project: str = Field("", description="project of Firestore")
    firestore_database: str = Field("(default)", description="its database in Firestore")
    photos_bucket: str = Field("", description="bucket of photos")
    models_bucket: str = Field("", description="bucket of the model registry")
    model_public_keys: PublicKeys = Field("", description="keys, by commas, one of which signed what may be served")
    model_signing_key: SigningKey = Field(None, description="what a training job as a subprocess signs versions with")
    training_bucket: str = Field("", description="bucket of checkpoints")
    promoter: str = Field("", description="service account that is impersonated to move a channel")
    training_data: str = Field("", description="base manifest of retraining, a path or `gs://` address")
    training_command: str = Field(
        ".venv/training/bin/python -m training_job retrain", description="the training job as a subprocess"
    )
    training_job: str = Field("", description="Cloud Run job, `projects/P/locations/R/jobs/J`")
    cloud_run_endpoint: str = Field("", description="`host:port` of a stand-in for Cloud Run, without TLS")
    operating_point: Literal["sensitivity_90", "sensitivity_95"] = Field(
        "sensitivity_90", description="the model's operating point that refers"
    )
    prevalence: float = Field(0.02, gt=0, lt=1, description="prevalence at which pages state PPV and NPV")
    intake_workers: int = Field(2, ge=1, le=8, description="processes that decode photos")
    intake_places: int = Field(
        64, ge=1, le=256, description="uploads inside at once, three in four of one caller at most"
    )
    intake_queue: int = Field(512, ge=0, le=4096, description="uploads that may wait for a place; more get 503")
    intake_patience: float = Field(10.0, gt=0, description="seconds that an upload waits for a place")
    intake_bytes: int = Field(
        128 * 1024 * 1024, ge=32 * 1024 * 1024, description="bytes of all uploads inside, three in four of one caller"
    )
    intake_timeout: float = Field(5.0, gt=0, description="seconds that decoding one photo may take")
    intake_cpu: float = Field(1.7, gt=0, description="seconds of a processor that decoding one photo may take")
    upload_timeout: float = Field(60.0, gt=0, description="seconds that sending one photo may take")
    upload_lifetime: int = Field(
        900, ge=1, le=43_200, description="seconds that the URL of a direct upload is good for"
    )
    upload_waiting: int = Field(100, ge=1, description="direct uploads of one caller that may wait to be assessed")
    reconcile: Literal["loop", "request"] = Field("loop", description="what finishes pending predictions")
    reconcile_audience: str = Field("", description="audience of the ID token that asks for reconciling")
    reconcile_caller: str = Field("", description="e-mail address of the service account that may ask for it")
    reconcile_tries: int = Field(5, ge=1, description="tries until a pending prediction has failed")
    reconcile_after: float = Field(2.0, ge=0, description="seconds after which a pending prediction is tried again")
    reconcile_rate: float = Field(20.0, gt=0, description="pending predictions tried a second, by all instances")
    breaker_failures: int = Field(5, ge=1, description="calls to inference that fail, of twice as many, until a rest")
    breaker_pause: float = Field(1.0, gt=0, description="seconds of its first rest; doubled by each, up to 30")
    canary_refresh: float = Field(5.0, gt=0, description="age of the last look at the canary that calls for another")
    canary_timeout: float = Field(1.0, gt=0, description="seconds until the champion is asked in the canary's place")
    canary_error_band: float = Field(0.01, ge=0, lt=1, description="share of photos that it may fail more")
    canary_latency_band: float = Field(2.0, ge=1, description="ratio by which its median and p95 may be longer")
    canary_score_band: float = Field(0.15, ge=0, lt=1, description="distance of its probabilities and decisions")
    canary_alpha: float = Field(0.001, gt=0, le=0.05, description="probability of ending one within its band")
    canary_every: int = Field(20, ge=1, description="photos of the canary from one comparison to the next")
    canary_window: int = Field(1000, ge=20, description="photos of the canary after which counting begins anew")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="least level that is logged")

    @field_validator("nevus_admin_key")
    @classmethod
    def _is_no_guess(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and not ADMIN_KEY.fullmatch(key.get_secret_value()):
            raise ValueError("a key has 8 to 512 letters, digits or signs; `nevus-admin create-key` makes one")
        return key

    @model_validator(mode="after")
    def _stores_are_named(self) -> Self:
        if self.storage == "gcs":
            require("STORAGE=gcs", photos_bucket=self.photos_bucket, models_bucket=self.models_bucket)
        if self.storage == "gcs" and self.jobs == "subprocess" and self.training_data:
            require("STORAGE=gcs with TRAINING_DATA", training_bucket=self.training_bucket)
        if self.records == "firestore":
            require("RECORDS=firestore", google_cloud_project=self.google_cloud_project)
        return self

    @model_validator(mode="after")
    def _an_issuer_is_named(self) -> Self:
        firebase, other = self.google_cloud_project, self.oidc_issuer and self.oidc_audience and self.oidc_keys_url
        if self.identity == "oidc" and not (other or (firebase and not self.oidc_issuer)):
            raise ValueError("IDENTITY=oidc: set GOOGLE_CLOUD_PROJECT, or OIDC_ISSUER, OIDC_AUDIENCE and OIDC_KEYS_URL")
        return self

    @model_validator(mode="after")
    def _a_job_is_named(self) -> Self:
        if self.jobs == "cloud_run" and not JOB_NAME.fullmatch(self.training_job):
            raise ValueError("JOBS=cloud_run: set TRAINING_JOB to projects/P/locations/R/jobs/J")
        return self

    @property
    def keeps_files(self) -> bool:
        """Whether anything at all is kept in DATA_DIR."""
        return (self.storage, self.records, self.identity, self.jobs) != ("gcs", "firestore", "oidc", "cloud_run")

    @property
    def registry_dir(self) -> Path:
        """The folder of the model registry."""
        return self.models_dir or self.data_dir / "models"


def is_secret(name: str) -> bool:
    """Whether no program inherits this variable of the environment, in capitals or not."""
    return name.upper() in ("NEVUS_ADMIN_KEY", "MODEL_SIGNING_KEY")
