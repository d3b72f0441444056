"""Wiring of the gateway: its own pages by FastAPI, everything else by the data path."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from maillage_common.app import create_app
from maillage_common.auth import Caller
from maillage_common.errors import MaillageError
from maillage_common.telemetry import current_trace_id
from maillage_common.tokens import ANONYMOUS
from maillage_gateway import portal
from maillage_gateway.access import AccessLog
from maillage_gateway.descriptions import Descriptions
from maillage_gateway.door import read_path
from maillage_gateway.exchange import HTTPS_ONLY, SAFE_HEADERS, complete_own
from maillage_gateway.issuers import DocumentSource
from maillage_gateway.keeper import Doorkeeper, cancelled
from maillage_gateway.metrics import observe
from maillage_gateway.proxy import Proxy
from maillage_gateway.readiness import Readiness
from maillage_gateway.replicas import Origins, Service
from maillage_gateway.settings import Settings
from maillage_gateway.tracing import Tracing

DESCRIPTION_SECONDS = 20.0
_ANYONE = Caller(ANONYMOUS, ANONYMOUS)


class Gateway:
    """ASGI application: `pages` for the gateway's own paths, the data path for the rest."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._keeper = Doorkeeper(settings)
        self._proxy: Proxy | None = None
        is_secure = settings.public_url.startswith("https:")
        self._safe_headers = [*SAFE_HEADERS, *([HTTPS_ONLY] if is_secure else [])]
        # Whether a trace is recorded is drawn in `tracing`; the provider records what it is given.
        recorded = settings.model_copy(update={"trace_ratio": 1.0})
        self.pages = create_app(
            "gateway", recorded, [portal.router], title="Maillage gateway", lifespan=self._run
        )
        portal.drop_own_document(self.pages)

    def answer_at_once(self, scope: Scope) -> bytes | None:
        """See `Proxy.answer_at_once`."""
        if self._proxy is None or _is_own(scope):
            return None
        return self._proxy.answer_at_once(scope)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._proxy is not None and not _is_own(scope):
            await self._proxy(scope, receive, send)
            return
        scope.setdefault("state", {})["caller"] = _ANYONE
        await self.pages(scope, receive, self._own(send))

    def _own(self, send: Send) -> Send:
        """Our own pages are as safe as the services' answers, and found again in the logs alike."""

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = complete_own(list(message["headers"]), self._safe_headers)
                message["headers"] = [*headers, (b"x-request-id", current_trace_id().encode())]
            await send(message)

        return sent

    @asynccontextmanager
    async def _run(self, app: FastAPI) -> AsyncIterator[None]:
        settings = self._settings
        keeper = self._keeper
        async with AsyncExitStack() as stack:
            session = await stack.enter_async_context(
                aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)
            )
            await stack.enter_async_context(keeper.on_duty(session))
            services = {}
            for name, origins in settings.service_urls().items():
                services[name] = Service(
                    name,
                    origins,
                    connections=settings.upstream_connections,
                    connect_seconds=settings.upstream_connect_seconds,
                )
                stack.push_async_callback(services[name].close)
            readiness = app.state.readiness = Readiness(session, services.values())
            # A service makes its document when first asked: seconds, on a busy machine.
            source = DocumentSource(session, seconds=DESCRIPTION_SECONDS)
            descriptions = Descriptions(
                keeper, Origins(services), source, public_url=settings.public_url
            )
            for keeping in (readiness.keep(), descriptions.keep(readiness.complete)):
                stack.push_async_callback(cancelled, asyncio.create_task(keeping))
            app.state.keeper, app.state.descriptions = keeper, descriptions
            observe(keeper.keys, keeper.admissions, list(services.values()))
            access = AccessLog()
            stack.callback(access.write)
            scheme = settings.public_url.partition(":")[0]
            self._proxy = Proxy(
                keeper=keeper,
                upstreams=services,
                tracing=Tracing(ratio=settings.trace_ratio, scheme=scheme),
                access=access,
                public_url=settings.public_url,
            )
            # What starting made stays: a full collection need not walk it, which takes 8 ms.
            gc.freeze()
            stack.callback(gc.unfreeze)
            yield


def _is_own(scope: Scope) -> bool:
    """Whether it is one of our pages that is asked for, in a way that the door lets pass.

    Any other way is the data path's to refuse, as for any other address.
    """
    if not portal.is_own(scope["path"]):
        return False
    try:
        read_path(scope["raw_path"], scope["query_string"])
    except MaillageError:
        return False
    return True


def create() -> ASGIApp:
    return Gateway(Settings())
