"""Settings shared by the services. Each service subclasses one of these with its own prefix."""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

# Kubernetes tells every container of every service beside it, by such names.
_OF_NEIGHBOURS = re.compile(r"_SERVICE_(HOST|PORT)(_|$)|_PORT(_\d+_(TCP|UDP)(_|$)|$)")

_AT_IN_PASSWORD = re.compile(r"//[^:/]*:[^@]*@[^?]*@")


def address(text: str) -> str:
    """An address of HTTP, without a closing slash: paths are added to it. Raises ValueError."""
    try:
        parts = urlsplit(text)
        is_address = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        # Of a host or a port that is none: its message quotes them, and a password before them.
        is_address = False
    if not is_address:
        raise ValueError("an address is written http://host:port")
    return text.rstrip("/")


def _database_address(text: str) -> str:
    if not text.startswith("postgresql+psycopg://"):
        raise ValueError("a database is written postgresql+psycopg://role:password@host/database")
    if _AT_IN_PASSWORD.search(text):
        # SQLAlchemy would take the rest of the password for a host, which the driver then names.
        raise ValueError("an @ in a password is written %40")
    return text


Address = Annotated[str, AfterValidator(address)]
DatabaseAddress = Annotated[str, AfterValidator(_database_address)]


class ServiceSettings(BaseSettings):
    """What every service needs, the gateway included."""

    # A compose file can give a variable that is not set only as an empty one.
    model_config = SettingsConfigDict(env_ignore_empty=True)

    public_url: Annotated[Address, Field(description="The gateway's address as callers see it")] = (
        "http://127.0.0.1:8000"
    )
    signing_key_file: Annotated[
        Path, Field(description="PEM (PKCS 8) P-256 private key this service signs its tokens with")
    ]
    otlp_endpoint: Annotated[
        Address | None,
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
        DatabaseAddress,
        Field(description="postgresql+psycopg:// URL of the unprivileged application role"),
    ]
    migration_database_url: Annotated[
        DatabaseAddress | None,
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
    return "; ".join(
        _place(fault["loc"], prefix) + fault["msg"].removeprefix("Value error, ") for fault in found
    )


def not_json(error: SettingsError, *, prefix: str) -> str:
    """The variable that is not the JSON that its setting asks for, without its value."""
    named = re.search(r'field "(\w+)"', str(error))
    if named is None:
        return str(error)
    return f"{prefix}{named[1]}".upper() + f": not valid JSON: {error.__cause__}"


def unread(names: Iterable[str], settings_class: type[ServiceSettings]) -> Mapping[str, str | None]:
    """The variables that have this service's prefix and that no setting reads, each with the name
    that was perhaps meant."""
    prefix = settings_class.model_config.get("env_prefix", "")
    read = {f"{prefix}{field}".upper() for field in settings_class.model_fields}
    return {
        name: next(iter(get_close_matches(name.upper(), read, n=1, cutoff=0.8)), None)
        for name in sorted(names)
        if name.upper().startswith(prefix)
        and name.upper() not in read
        and not _OF_NEIGHBOURS.search(name.upper())
    }


def _place(path: tuple[int | str, ...], prefix: str) -> str:
    if not path:
        return ""
    first, *rest = map(str, path)
    return ".".join([f"{prefix}{first}".upper() if prefix else first, *rest]) + ": "
