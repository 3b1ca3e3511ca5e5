"""Every setting of the inference service, read from the environment once; docs/inference.md has a line for each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from nevus.configuration import require
from nevus.domain import Frozen
from nevus.machine import cores
from nevus.registry import Channel
from nevus.signatures import PublicKeys


class Settings(Frozen):
    """Names in the environment are those of the fields in capitals.

    Plain pydantic: pydantic-settings would cost a tenth of the start-up time.
    """

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8081, ge=0, le=65535, description="port to listen on")
    uds: Path | None = Field(None, description="Unix socket to listen on instead of an address")
    data_dir: Path = Field(Path(".nevus"), description="where the registry is, unless MODELS_DIR says otherwise")
    models_dir: Path | None = Field(None, description="the model registry; DATA_DIR/models unless set")
    model_channel: Channel = Field(Channel.CHAMPION, description="channel whose version is served")
    storage: Literal["file", "gcs"] = Field("file", description="where models are kept")
    models_bucket: str = Field("", description="bucket of the model registry")
    model_public_keys: PublicKeys = Field("", description="keys, by commas, one of which signed what may be served")
    caller_audience: str = Field("", description="audience of the ID token that callers must send; none if empty")
    caller_emails: str = Field("", description="service accounts that may call, separated by commas")
    google_keys_url: str = Field("", description="where the keys of such tokens are; Google's address unless set")
    workers: int = Field(default_factory=cores, ge=1, le=256, description="interpreters, one a core unless set")
    queue: int = Field(32, ge=0, le=10_000, description="requests that may wait; more get 503")
    max_body: int = Field(25 * 1024 * 1024, ge=1, description="bytes of a request at most; more get 413")
    reload_seconds: float = Field(3.0, gt=0, description="pause before a version that failed is tried again")
    refresh_seconds: float = Field(10.0, ge=0, description="age of the last look at the channel that calls for another")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="least level logged")

    @model_validator(mode="after")
    def _somebody_may_call(self) -> Self:
        if bool(self.caller_audience) != bool(self.invited):
            raise ValueError("CALLER_AUDIENCE and CALLER_EMAILS go together")
        return self

    @model_validator(mode="after")
    def _the_registry_is_named(self) -> Self:
        if self.storage == "gcs":
            require("STORAGE=gcs", models_bucket=self.models_bucket)
        return self

    @property
    def invited(self) -> frozenset[str]:
        """Of CALLER_EMAILS."""
        return frozenset(part.strip().lower() for part in self.caller_emails.split(",") if part.strip())

    @property
    def registry_dir(self) -> Path:
        """The folder of the model registry."""
        return self.models_dir or self.data_dir / "models"


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Raises pydantic's ValidationError; an empty variable counts as unset."""
    offered = {name: environment.get(name.upper()) for name in Settings.model_fields}
    return Settings.model_validate({name: value for name, value in offered.items() if value})
