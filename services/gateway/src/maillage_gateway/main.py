"""Wiring of the gateway: its own pages by FastAPI, everything else by the data path."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import aiohttp
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from maillage_common.app import create_app
from maillage_common.auth import Caller
from maillage_common.tokens import ANONYMOUS, GATEWAY_ISSUER, TokenSigner
from maillage_gateway import portal
from maillage_gateway.admission import Admissions
from maillage_gateway.descriptions import Descriptions
from maillage_gateway.door import Door
from maillage_gateway.issuers import DocumentSource, KeyRing
from maillage_gateway.policy import Policy
from maillage_gateway.proxy import Proxy
from maillage_gateway.readiness import Readiness
from maillage_gateway.settings import Settings
from maillage_gateway.tracing import Tracing
from maillage_gateway.upstream import AiohttpUpstream

_ANYONE = Caller(ANONYMOUS, ANONYMOUS)


class Gateway:
    """ASGI application: `pages` for the gateway's own paths, the data path for the rest."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._policy = Policy.load(settings.policy_file)
        self._signer = TokenSigner(settings.signing_key_file.read_bytes(), GATEWAY_ISSUER)
        self._proxy: Proxy | None = None
        # Whether a trace is recorded is drawn in `tracing`; the provider records what it is given.
        recorded = settings.model_copy(update={"trace_ratio": 1.0})
        self.pages = create_app(
            "gateway", recorded, [portal.router], title="Maillage gateway", lifespan=self._run
        )
        _drop_own_document(self.pages)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._proxy is not None and not portal.is_own(scope["path"]):
            await self._proxy(scope, receive, send)
            return
        scope.setdefault("state", {})["caller"] = _ANYONE
        await self.pages(scope, receive, send)

    @asynccontextmanager
    async def _run(self, app: FastAPI) -> AsyncIterator[None]:
        settings, urls = self._settings, self._settings.service_urls()
        admissions = Admissions(self._signer, capacity=settings.token_cache_size)
        async with AsyncExitStack() as stack:
            session = await stack.enter_async_context(
                aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)
            )
            source = DocumentSource(session, seconds=settings.keys_fetch_seconds)
            keys = KeyRing(settings, source.fetch, admissions.forget)
            keys.start()
            stack.push_async_callback(keys.stop)
            descriptions = Descriptions(self._policy, urls, source, public_url=settings.public_url)
            stack.push_async_callback(_cancel, asyncio.create_task(descriptions.keep()))
            upstreams = {}
            for service, url in urls.items():
                upstreams[service] = AiohttpUpstream(
                    url,
                    connections=settings.upstream_connections,
                    connect_seconds=settings.upstream_connect_seconds,
                )
                stack.push_async_callback(upstreams[service].close)
            app.state.keys, app.state.descriptions = keys, descriptions
            app.state.readiness = Readiness(session, urls)
            door = Door(
                self._policy,
                admissions,
                keys,
                templates=descriptions.templates,
                trusted_proxies=settings.trusted_proxies,
                max_header_bytes=settings.max_header_bytes,
            )
            self._proxy = Proxy(
                door=door,
                upstreams=upstreams,
                tracing=Tracing(ratio=settings.trace_ratio),
                public_url=settings.public_url,
            )
            yield


def _drop_own_document(app: FastAPI) -> None:
    """FastAPI's document tells of this process's pages; the portal's, of everything behind them."""
    app.router.routes[:] = [
        route
        for route in app.router.routes
        if isinstance(route, APIRoute) or getattr(route, "path", None) != app.openapi_url
    ]


async def _cancel(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def create() -> ASGIApp:
    return Gateway(Settings())
