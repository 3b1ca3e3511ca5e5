"""Settings of the training job, read from the environment once; docs/training.md has a line for each."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from nevus.configuration import refusal
from nevus.signatures import PublicKeys, SigningKey, signer_of, trust_of


class Settings(BaseSettings):
    """Names in the environment are those of the fields in capitals."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, protected_namespaces=())

    data_dir: Path = Field(Path(".nevus"), description="the embedded stores, and copies of photos in Cloud Storage")
    models_dir: Path | None = Field(None, description="the model registry; DATA_DIR/models unless set")
    storage: Literal["file", "gcs"] = Field("file", description="where photos, models and checkpoints are kept")
    records: Literal["sqlite", "firestore"] = Field("sqlite", description="where records and training runs are kept")
    google_cloud_project: str = Field("", description="project of Firestore")
    firestore_database: str = Field("(default)", description="its database in Firestore")
    photos_bucket: str = Field("", description="bucket of photos")
    models_bucket: str = Field("", description="bucket of the model registry")
    training_bucket: str = Field("", description="bucket of checkpoints")
    model_public_keys: PublicKeys = Field("", description="keys, by commas, one of which signed what is read")
    model_signing_key: SigningKey = Field(None, description="what new versions are signed with")
    retrain_steps: int = Field(600, ge=2, description="batches of a retraining run")
    retrain_batch_size: int = Field(32, ge=2, le=512, description="photos a batch")
    retrain_rate: float = Field(1e-4, gt=0, lt=1, description="highest learning rate; the first training took 3e-4")
    retrain_seed: int = Field(7, description="of everything random in a retraining run")
    retrain_checkpoint_every: int = Field(50, ge=1, description="batches between checkpoints")
    retrain_licence: str = Field("", description="of the new version, for its card; its parent's unless set")
    training_data: str = Field("", description="base manifest, from which promotion takes its guard set")
    promotion_policy: Path | None = Field(None, description="what a champion must show; the job's own unless set")
    cloud_run_task_index: int = Field(0, ge=0, description="this task's number; Cloud Run sets it")
    cloud_run_task_count: int = Field(1, ge=1, le=500, description="how many tasks share a scoring; Cloud Run sets it")
    cloud_run_task_attempt: int = Field(0, ge=0, description="how often this task was tried before; Cloud Run sets it")
    cloud_run_task_retries: int = Field(3, ge=0, description="how often it is tried again: the job's own maxRetries")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="least level that is logged")

    @model_validator(mode="after")
    def _the_key_is_trusted(self) -> Self:
        trust, signer = trust_of(self.model_public_keys), signer_of(self.model_signing_key)
        if trust and signer and signer.public not in trust:
            raise ValueError("MODEL_PUBLIC_KEYS does not hold the public key of MODEL_SIGNING_KEY")
        return self

    @property
    def registry_dir(self) -> Path:
        """The folder of the model registry."""
        return self.models_dir or self.data_dir / "models"

    @property
    def cache_dir(self) -> Path:
        """Copies of photos in Cloud Storage."""
        return self.data_dir / "cache"

    @property
    def last_attempt(self) -> bool:
        """Whether a failure now is the task's last word."""
        return self.cloud_run_task_attempt >= self.cloud_run_task_retries


def read_settings() -> Settings:
    """From the environment; raises ValueError with one line for a person."""
    try:
        return Settings()
    except ValidationError as error:
        raise ValueError(refusal(error)) from error
