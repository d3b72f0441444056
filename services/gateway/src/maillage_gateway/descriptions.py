"""One OpenAPI document out of the services', cut down to what the policy lets through.

Each service keeps its names apart by a prefix (`directory.Page`), so that two services may both
have a `Page`. Security is the gateway's: what a caller needs here, not what a service asks of the
gateway.
"""

import asyncio
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from typing import Any

from maillage_common.errors import (
    PROBLEM_MEDIA_TYPE,
    InsufficientScope,
    MaillageError,
    Unauthenticated,
    problem_document,
)
from maillage_common.events import log
from maillage_common.schemas import Problem
from maillage_gateway.errors import QuotaExceeded, ServiceUnavailable
from maillage_gateway.events import Event
from maillage_gateway.issuers import DocumentSource, FetchFailed
from maillage_gateway.keeper import Doorkeeper
from maillage_gateway.paths import PathTree
from maillage_gateway.policy import Policy, Route

MAX_BYTES = 4 * 1024 * 1024
REFRESH_SECONDS = 60.0
PATIENCE_SECONDS = 15.0
_METHODS = ("get", "post", "put", "patch", "delete")
_SCHEME = "access_token"
_OWN = "gateway"
_TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
_REFUSALS: dict[str, MaillageError] = {
    "401": Unauthenticated("Ask the issuer for a new token."),
    "403": InsufficientScope("Ask for a token with one of these scopes: referrals:read."),
    "429": QuotaExceeded(),
    "503": ServiceUnavailable(),
}

Document = dict[str, Any]


class Descriptions:
    """The services' OpenAPI documents, the last good one of each; fetched in the background.

    The paths in them become the door's templates: names for traces and metrics.
    """

    def __init__(
        self,
        keeper: Doorkeeper,
        urls: Mapping[str, str],
        source: DocumentSource,
        *,
        public_url: str,
    ) -> None:
        keeper.followers.append(self._merge)
        self._keeper = keeper
        self._urls = urls
        self._source = source
        self._public_url = public_url
        self._documents: dict[str, Document] = {}
        self._digests: dict[str, bytes] = {}
        self._merged: bytes | None = None
        self._fetched_at = -float("inf")
        self._lock = asyncio.Lock()

    async def merged(self) -> bytes:
        """The whole document as JSON; what a service that is down had is kept."""
        async with self._lock:
            complete = len(self._documents) == len(self._urls)
            fresh = time.monotonic() - self._fetched_at < (REFRESH_SECONDS if complete else 1.0)
            if self._merged is None or not fresh:
                await self._refresh()
            assert self._merged is not None
            return self._merged

    async def keep(self, ready: asyncio.Event) -> None:
        """Refresh for ever, so that route templates are known before anybody asks.

        Begins when `ready` is set, or soon: making a document costs a service more time than
        the rest of its start, and readiness comes first.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                await ready.wait()
        while True:
            await self.merged()
            complete = len(self._documents) == len(self._urls)
            await asyncio.sleep(REFRESH_SECONDS if complete else 2.0)

    async def _refresh(self) -> None:
        before = dict(self._digests)
        await asyncio.gather(*(self._fetch(service) for service in self._urls))
        self._fetched_at = time.monotonic()
        # Reading and merging takes 30 ms, for which every request would wait once a minute.
        if self._merged is None or self._digests != before:
            self._merge()

    def _merge(self) -> None:
        keeper = self._keeper
        # In the order of the settings, not in that in which they came.
        known = {name: self._documents[name] for name in self._urls if name in self._documents}
        merged = merge(known, keeper.policy, public_url=self._public_url)
        self._merged = json.dumps(merged, ensure_ascii=False, separators=(",", ":")).encode()
        keeper.templates.clear()
        keeper.templates.update(_templates(merged))

    async def _fetch(self, service: str) -> None:
        try:
            body = await self._source.fetch(
                f"{self._urls[service]}/openapi.json", max_bytes=MAX_BYTES
            )
            digest = sha256(body).digest()
            if self._digests.get(service) == digest:
                return
            document = json.loads(body)
            if not isinstance(document, dict) or not isinstance(document.get("paths"), dict):
                raise FetchFailed("not_openapi")
        except (FetchFailed, ValueError, RecursionError) as failure:
            reason = str(failure) if isinstance(failure, FetchFailed) else "not_json"
            log(Event.DESCRIPTION_FAILED, peer=service, reason=reason)
        else:
            self._documents[service], self._digests[service] = document, digest


def merge(documents: Mapping[str, Document], policy: Policy, *, public_url: str) -> Document:
    """One document out of the services', in their order. Only paths and methods of the policy."""
    paths: Document = {}
    components: Document = {}
    for service, document in documents.items():
        renamed = _rename(document, service)
        for path, item in renamed["paths"].items():
            shown = dict(_exposed(path, item, policy, service))
            if shown:
                paths[path] = shown
        for kind, members in renamed.get("components", {}).items():
            if kind == "securitySchemes" or not isinstance(members, dict):
                continue
            for name, member in members.items():
                # Generators call a class by its title, which two services may have chosen alike.
                own = {"title": f"{service}.{name}"} if kind == "schemas" else {}
                components.setdefault(kind, {})[f"{service}.{name}"] = {**member, **own}
    components = _needed(paths, components)
    components["responses"] = _refusals()
    components.setdefault("schemas", {})[f"{_OWN}.Problem"] = {
        **Problem.model_json_schema(),
        "title": f"{_OWN}.Problem",
    }
    components["securitySchemes"] = {
        _SCHEME: {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "RFC 9068 JWT",
            "description": "An access token of an issuer that the gateway trusts.",
        }
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Maillage",
            "version": "1",
            "description": "Directory, referrals and campaigns, as callers see them.",
        },
        "servers": [{"url": public_url.rstrip("/")}],
        "paths": paths,
        "components": components,
    }


def _exposed(
    path: str, item: Document, policy: Policy, service: str
) -> Iterator[tuple[str, object]]:
    if not isinstance(item, dict):
        return
    shown = False
    for method in _METHODS:
        route = policy.find(method.upper(), path)
        if method in item and route is not None and route.service == service:
            shown = True
            yield method, _operation(item[method], route, service)
    if shown and "parameters" in item:
        yield "parameters", item["parameters"]


def _operation(operation: Document, route: Route, service: str) -> Document:
    refusals = {
        status: {"$ref": f"#/components/responses/{_OWN}.{error.code}"}
        for status, error in _REFUSALS.items()
        if not (route.anonymous and status == "403")
    }
    described = {
        **operation,
        # Two services may call a group of operations alike: both have imports and reports.
        "tags": [f"{service}: {tag}" for tag in operation.get("tags", ())] or [service],
        "responses": {**refusals, **operation.get("responses", {})},
    }
    if "operationId" in operation:
        described["operationId"] = f"{service}_{operation['operationId']}"
    # The policy's row spans several operations; the service says which scopes this one takes.
    asked = {
        scope
        for alternative in operation.get("security", [])
        for scopes in alternative.values()
        for scope in scopes
    }
    scopes = route.scopes & asked or route.scopes
    wanted: list[dict[str, list[str]]] = [{_SCHEME: [scope]} for scope in sorted(scopes)]
    if route.deprecated is not None:
        described["deprecated"] = True
    described["security"] = [{}, {_SCHEME: []}] if route.anonymous else wanted
    return described


def _refusals() -> Document:
    """What the gateway itself may answer in place of a service, each with an example."""
    return {
        f"{_OWN}.{error.code}": {
            "description": error.title,
            "content": {
                PROBLEM_MEDIA_TYPE: {
                    "schema": {"$ref": f"#/components/schemas/{_OWN}.Problem"},
                    "example": problem_document(error, trace_id=_TRACE_ID),
                }
            },
        }
        for error in _REFUSALS.values()
    }


def _rename(document: Document, service: str) -> Document:
    """References to components get the service's prefix, wherever they stand."""

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: walk(member) for name, member in value.items()}
        if isinstance(value, list):
            return [walk(member) for member in value]
        if isinstance(value, str) and value.startswith("#/components/"):
            head, _, name = value.rpartition("/")
            return f"{head}/{service}.{name}"
        return value

    renamed = walk(document)
    assert isinstance(renamed, dict)
    return renamed


def _needed(paths: Document, components: Document) -> Document:
    """The components that the paths refer to, directly or not: the rest is nobody's business."""
    needed: dict[str, Document] = {}
    waiting: list[Any] = [paths]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, str) and value.startswith("#/components/"):
            _, _, kind, name = value.split("/", 3)
            member = components.get(kind, {}).get(name)
            if member is not None and name not in needed.setdefault(kind, {}):
                needed[kind][name] = member
                waiting.append(member)
    return {kind: dict(sorted(members.items())) for kind, members in sorted(needed.items())}


def _templates(document: Document) -> dict[str, PathTree[str]]:
    trees: dict[str, PathTree[str]] = {}
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method not in item:
                continue
            try:
                trees.setdefault(method.upper(), PathTree()).add(path, path)
            except ValueError:
                # A path of a form we have no name for is counted under the policy's.
                continue
    if "GET" in trees:
        trees["HEAD"] = trees["GET"]
    return trees
