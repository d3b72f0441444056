"""Settings shared by the services. Each service subclasses one of these with its own prefix."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings


class ServiceSettings(BaseSettings):
    """What every service needs, the gateway included."""

    public_url: Annotated[str, Field(description="The gateway's address as callers see it")] = (
        "http://127.0.0.1:8000"
    )
    signing_key_file: Annotated[
        Path, Field(description="PEM (PKCS 8) P-256 private key this service signs its tokens with")
    ]
    otlp_endpoint: Annotated[
        str | None,
        Field(description="OTLP/HTTP collector, e.g. http://collector:4318; unset = off"),
    ] = None
    telemetry_file: Annotated[
        Path | None, Field(description="Also write spans here, one JSON object a line; unset = off")
    ] = None
    trace_ratio: Annotated[
        float, Field(ge=0, le=1, description="Share of new traces that are recorded")
    ] = 0.05
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    drain_seconds: Annotated[
        float,
        Field(ge=0, description="Between SIGTERM and the end of listening; probes say 503 at once"),
    ] = 5.0
    environment: Annotated[str, Field(description="deployment.environment.name of telemetry")] = (
        "production"
    )


class DatabaseServiceSettings(ServiceSettings):
    """What a service with a database needs besides."""

    database_url: Annotated[
        str, Field(description="postgresql+psycopg:// URL of the unprivileged application role")
    ]
    migration_database_url: Annotated[
        str | None,
        Field(description="The same database as its owner role; only `migrate` reads it"),
    ] = None
    database_pool_size: Annotated[
        int,
        Field(ge=1, description="Connections per worker process, shared by reads and writes"),
    ] = 10
    trusted_issuers_file: Annotated[
        Path, Field(description="JSON: issuers of internal tokens, their keys and scope ceilings")
    ]
    secret: Annotated[
        str,
        Field(min_length=32, description="Root of this service's derived keys (cursors, seals)"),
    ]
    max_body_bytes: Annotated[int, Field(ge=1024, description="Largest JSON body accepted")] = 2**20
    worker_concurrency: Annotated[int, Field(ge=1, description="Jobs one worker runs at once")] = 4


def faults(error: ValidationError, *, prefix: str = "") -> str:
    """What is wrong and where, without the values: a secret may be among them.

    With a `prefix`, members are named as the environment variables that hold them.
    """
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(_place(fault["loc"], prefix) + fault["msg"] for fault in found)


def _place(path: tuple[int | str, ...], prefix: str) -> str:
    if not path:
        return ""
    first, *rest = map(str, path)
    return ".".join([f"{prefix}{first}".upper() if prefix else first, *rest]) + ": "
