"""The policy: which service answers which path, for whom and within what bounds.

One readable table (`policy.toml`), loaded and validated when the process starts. What it does not
name does not exist. It narrows and never grants: the services check scopes again, and what only
they can know besides.
"""

import argparse
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from email.utils import formatdate
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from maillage_common.settings import faults
from maillage_gateway.paths import PathTree

SERVICES = ("directory", "referrals", "campaigns")
SCOPES = frozenset(
    {
        *("directory:read", "directory:write", "directory:verify", "directory:admin"),
        *("referrals:read", "referrals:write", "referrals:break-glass", "referrals:oversight"),
        *("referrals:subject", "consents:write"),
        *("campaigns:manage", "campaigns:lists", "campaigns:call", "campaigns:report"),
        "ops:read",
    }
)
REFUSED_METER = "refused"
# What the gateway itself writes, so that no policy can let a stranger's copy through.
_OURS = frozenset(
    {
        *("authorization", "connection", "content-length", "cookie", "expect", "host"),
        *("baggage", "traceparent", "tracestate", "transfer-encoding", "x-request-id"),
        *("keep-alive", "proxy-authorization", "te", "trailer", "upgrade", "via", "forwarded"),
    }
)

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$")]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rate(_Table):
    """A bucket of `burst` requests that refills at `per_second`."""

    per_second: Annotated[float, Field(gt=0)]
    burst: Annotated[int, Field(ge=1)]


class Meter(_Table):
    """What one client, one stranger's address and, if given, one organization may ask."""

    client: Rate
    stranger: Rate
    organization: Rate | None = None


class Route(_Table):
    """One row of the table; `policy.toml` says what each column means."""

    path: str
    service: Literal["directory", "referrals", "campaigns"]
    methods: Annotated[tuple[Method, ...], Field(min_length=1)]
    scopes: frozenset[str]
    anonymous: bool
    machines: bool
    cors: bool
    meter: str
    body: Annotated[int, Field(ge=0)]
    silence: Annotated[float, Field(gt=0, le=300)]
    deprecated: date | None = None
    sunset: date | None = None

    @cached_property
    def notices(self) -> tuple[tuple[bytes, bytes], ...]:
        """Header fields that warn of the route's end: RFC 9745 and RFC 8594."""
        fields = []
        if self.deprecated is not None:
            fields.append((b"deprecation", b"@%d" % _midnight(self.deprecated)))
        if self.sunset is not None:
            instant = formatdate(_midnight(self.sunset), usegmt=True)
            fields.append((b"sunset", instant.encode("ascii")))
        return tuple(fields)

    @model_validator(mode="after")
    def _fits_together(self) -> "Route":
        if not self.anonymous and not self.scopes:
            raise ValueError("name scopes, or open it with anonymous = true")
        if self.cors and not self.anonymous:
            raise ValueError("only what anybody may read can be shared by CORS")
        if unknown := self.scopes - SCOPES:
            raise ValueError(f"unknown scopes {sorted(unknown)}")
        if self.sunset and (self.deprecated is None or self.sunset < self.deprecated):
            raise ValueError("a route is deprecated before its sunset")
        return self


def _midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


class _Headers(_Table):
    forwarded: tuple[HeaderName, ...]


class _Document(_Table):
    defaults: dict[str, Any]
    meters: dict[str, Meter]
    organizations: dict[str, dict[str, Rate]] = {}
    headers: _Headers
    routes: list[dict[str, Any]]


def _route(row: Mapping[str, Any]) -> Route:
    try:
        return Route.model_validate(row)
    except ValidationError as error:
        raise ValueError(f"{row.get('path', 'a route without a path')}: {faults(error)}") from None


class Policy:
    """The validated table, ready to be asked once per request."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        """ValueError (pydantic's included) tells which row is wrong."""
        tables = _Document.model_validate(document)
        self.routes = [_route({**tables.defaults, **row}) for row in tables.routes]
        self.meters = tables.meters
        self.organizations = tables.organizations
        self.forwarded_headers = frozenset(tables.headers.forwarded)
        self.forwarded_names = frozenset(name.encode() for name in self.forwarded_headers)
        if stolen := self.forwarded_headers & _OURS:
            raise ValueError(f"headers that the gateway writes itself: {sorted(stolen)}")
        wanted = {REFUSED_METER, *(route.meter for route in self.routes)}
        wanted.update(*self.organizations.values())
        if missing := wanted - self.meters.keys():
            raise ValueError(f"meters that no table describes: {sorted(missing)}")
        self._trees: dict[str, PathTree[Route]] = {}
        for route in self.routes:
            for method in route.methods:
                self._trees.setdefault(method, PathTree()).add(route.path, route)
        if "GET" in self._trees:
            self._trees["HEAD"] = self._trees["GET"]

    @classmethod
    def load(cls, file: Path | None = None) -> "Policy":
        """The packaged policy, or the one in `file`."""
        source = file or resources.files(__package__).joinpath("policy.toml")
        return cls(tomllib.loads(source.read_text(encoding="utf-8")))

    def find(self, method: str, path: str) -> Route | None:
        tree = self._trees.get(method)
        return tree.find(path) if tree else None

    def methods(self, path: str) -> Iterator[str]:
        """The methods that the path has, sorted, for `Allow`."""
        return (name for name in sorted(self._trees) if self._trees[name].find(path) is not None)


def main(arguments: Sequence[str]) -> int:
    """`python -m maillage_gateway policy FILE`: 0 when it is valid, or 1 after saying why not."""
    parser = argparse.ArgumentParser(
        prog="python -m maillage_gateway policy",
        description="Say whether a policy is valid, before SIGHUP or a start reads it.",
    )
    parser.add_argument("file", type=Path)
    chosen = parser.parse_args(arguments)
    try:
        policy = Policy.load(chosen.file)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"Valid: {len(policy.routes)} routes, {len(policy.meters)} meters.\n")
    return 0
