"""The application factory: what every service gets by calling `create_app`."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route

from maillage_common import telemetry
from maillage_common.auth import (
    UNAUTHENTICATED_PATHS,
    InternalAuthentication,
    route_authorizations,
)
from maillage_common.draining import announced_stop
from maillage_common.errors import (
    PROBLEM_MEDIA_TYPE,
    BadRequest,
    DuplicateMember,
    FieldError,
    InvalidRequest,
    MaillageError,
    MalformedJson,
    MethodNotAllowed,
    NotFound,
    TooLarge,
    UnsupportedMediaType,
    body_error,
    fault_detail,
    fault_suggestions,
    render_problem,
)
from maillage_common.events import CommonEvent, log
from maillage_common.examples import add_examples, values_of
from maillage_common.heads import HeadAsGet
from maillage_common.schemas import Problem
from maillage_common.settings import DatabaseServiceSettings, ServiceSettings

DOCUMENT_PATH = "/openapi.json"
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
_BY_STATUS: Mapping[int, type[MaillageError]] = {
    400: BadRequest,
    404: NotFound,
    405: MethodNotAllowed,
    413: TooLarge,
    415: UnsupportedMediaType,
}


class RouteWithoutAuthorization(Exception):
    """A route declares neither `requires(...)` nor `open_to_anyone()`."""


def maillage_router(prefix: str, tags: list[str]) -> APIRouter:
    """A router whose bodies are bounded and whose POST routes honour Idempotency-Key."""
    from maillage_common.routing import MaillageRoute

    return plain_router(prefix, tags, MaillageRoute)


def plain_router(prefix: str, tags: list[str], route_class: type[APIRoute] = APIRoute) -> APIRouter:
    """A router whose operations are named by their function and say how they fail."""
    return APIRouter(
        prefix=prefix,
        tags=list(tags),
        route_class=route_class,
        generate_unique_id_function=lambda route: route.name,
        responses={
            "4XX": {"model": Problem, "description": "What to put right (RFC 9457)"},
            "5XX": {"model": Problem, "description": "Try again later (RFC 9457)"},
        },
    )


def create_app(
    service: str,
    settings: ServiceSettings,
    routers: Sequence[APIRouter],
    *,
    title: str,
    lifespan: Lifespan | None = None,
    public_paths: frozenset[str] = frozenset(),
) -> FastAPI:
    """A FastAPI application with health, problems, telemetry, authentication and a database.

    `lifespan` runs inside ours: the database (if the settings name one) is on `app.state.database`.
    `public_paths` need no internal token: public keys, and nothing else.
    """

    @asynccontextmanager
    async def whole_lifespan(app: FastAPI) -> AsyncIterator[None]:
        telemetry.configure(service, settings)
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(announced_stop(settings.drain_seconds))
                await stack.enter_async_context(_database(app, settings))
                if lifespan is not None:
                    await stack.enter_async_context(lifespan(app))
            except Exception as error:
                # In full: nobody has asked for anything yet, and somebody has to put it right.
                log(CommonEvent.START_FAILED, error_type=type(error).__name__, reason=str(error))
                raise
            log(CommonEvent.STARTED)
            yield
        log(CommonEvent.STOPPED)
        telemetry.flush()

    app = FastAPI(
        title=title,
        version="1",
        lifespan=whole_lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        # It would lead wherever the request's Host says.
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    _document(app)
    app.state.service, app.state.settings = service, settings
    _handle_errors(app)
    app.add_middleware(HeadAsGet)
    if isinstance(settings, DatabaseServiceSettings):
        routers = [*routers, *_database_parts(app, service, settings, public_paths)]
    check_authorizations(routers)
    for router in routers:
        # Not `include_router`: it reads every signature again, for each application and at the
        # first request, which costs a start 0.1 s and gives nothing without a prefix.
        app.router.routes.extend(router.routes)
    app.add_middleware(telemetry.RequestTelemetry, environment=settings.environment)
    return app


def _database_parts(
    app: FastAPI, service: str, settings: DatabaseServiceSettings, public_paths: frozenset[str]
) -> list[APIRouter]:
    # Imported here: the gateway installs no database driver.
    from maillage_common.database import handle_database_errors
    from maillage_common.health import health_router, status_router
    from maillage_common.pagination import Cursors
    from maillage_common.tokens import InternalTokenVerifier

    app.state.cursors = Cursors(settings.secret)
    handle_database_errors(app)
    verifier = InternalTokenVerifier.from_file(settings.trusted_issuers_file, audience=service)
    app.add_middleware(InternalAuthentication, verifier=verifier, public_paths=public_paths)
    return [health_router(), status_router(service)]


@asynccontextmanager
async def _database(app: FastAPI, settings: ServiceSettings) -> AsyncIterator[None]:
    if not isinstance(settings, DatabaseServiceSettings):
        yield
        return
    from maillage_common.database import Database

    app.state.database = Database(settings.database_url, pool_size=settings.database_pool_size)
    try:
        yield
    finally:
        await app.state.database.close()


def declared_routes(routers: Sequence[APIRouter]) -> Iterator[APIRoute]:
    """Every route of ours. Read from the routers: an application wraps what it includes."""
    for router in routers:
        for route in router.routes:
            if not isinstance(route, APIRoute):
                raise RouteWithoutAuthorization(f"{type(route).__name__}: include routers flat")
            yield route


def check_authorizations(routers: Sequence[APIRouter]) -> None:
    """Refuse to start when a route forgot to say who may use it; show in OpenAPI what it said."""
    for route in declared_routes(routers):
        declared = list(route_authorizations(route))
        if not declared and route.path not in UNAUTHENTICATED_PATHS:
            raise RouteWithoutAuthorization(f"{sorted(route.methods or ())} {route.path}")
        # OpenAPI: a list of alternatives, any of which is enough; empty = open.
        security = [{"bearer": [scope]} for one in declared for scope in one.scopes]
        route.openapi_extra = {"security": security, **(route.openapi_extra or {})}


def _document(app: FastAPI) -> None:
    """`/openapi.json`, with examples, and with a media type of their own for problems: FastAPI has
    the answer's."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        document = describe()
        add_examples(document, values_of(app.state.service))
        for item in document.get("paths", {}).values():
            for operation in item.values():
                for status in ("4XX", "5XX"):
                    response = operation["responses"].get(status, {})
                    for described in response.get("content", {}).values():
                        response["content"] = {PROBLEM_MEDIA_TYPE: described}
        return document

    making = asyncio.Lock()

    async def answer(request: Request) -> JSONResponse:
        # In a thread: it is made once, in seconds, during which probes must have their answers.
        # One after the other: FastAPI makes it in place, and two threads would trip each other.
        async with making:
            return JSONResponse(await asyncio.to_thread(openapi))

    app.openapi = openapi  # type: ignore[method-assign]
    app.add_route(DOCUMENT_PATH, answer, include_in_schema=False)


def _handle_errors(app: FastAPI) -> None:
    async def http_exception(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        headers = error.headers
        if error.status_code == 405:
            headers = {"Allow": ", ".join(sorted(_methods_of_path(request)))}
        problem = _BY_STATUS.get(error.status_code, BadRequest)(headers=headers)
        return await render_problem(request, problem)

    async def invalid_request(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return await render_problem(request, _as_problem(error))

    app.add_exception_handler(MaillageError, render_problem)
    app.add_exception_handler(HTTPException, http_exception)
    app.add_exception_handler(RequestValidationError, invalid_request)


def _methods_of_path(request: Request) -> set[str]:
    """A path's methods are declared one a route, and Starlette names those of the first alone."""
    methods: set[str] = set()
    for route in request.app.router.routes:
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE:
            methods |= route.methods or set()
    return methods | {"HEAD"} if "GET" in methods else methods


def _as_problem(error: RequestValidationError) -> MaillageError:
    faults = error.errors()
    unread = next((fault for fault in faults if fault["type"] == "json_invalid"), None)
    if unread is not None:
        if unread["ctx"]["error"] == DuplicateMember.code:
            return DuplicateMember("Nothing says which of them was meant (RFC 8259 section 4).")
        return MalformedJson("Send one JSON document in UTF-8.")
    return InvalidRequest(
        "See `errors` for each field.",
        errors=[told for fault in faults for told in _field_errors(fault, error.body)],
    )


def _field_errors(fault: Mapping[str, Any], body: Any) -> Iterator[FieldError]:
    """Where and what, without the value that was sent (pydantic's `input` stays out). A fault of
    several fields together stands at each that its validator names (`at` of its context)."""
    place, *path = fault["loc"]
    for together in fault.get("ctx", {}).get("at", ()) or (None,):
        at = path if together is None else [*path, together]
        if place == "body":
            yield body_error(fault, at, body)
            continue
        # The parameter's name alone: a place in a list, or a branch of a union, is ours.
        yield FieldError(
            code=str(fault["type"]),
            detail=fault_detail(fault),
            parameter=str(at[0]) if at else str(place),
            suggestions=fault_suggestions(fault),
        )
