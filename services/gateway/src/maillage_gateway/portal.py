"""The gateway's own pages: health, the merged OpenAPI document, its reader and a landing page.

Everything is served from this process: no page asks another host for anything.
"""

from functools import cache
from html import escape
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated

import swagger_ui_bundle  # type: ignore[import-untyped]
from fastapi import FastAPI, Header, Request, Response
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute

from maillage_common.app import DOCUMENT_PATH, plain_router
from maillage_common.auth import Caller, open_to_anyone
from maillage_common.draining import is_stopping
from maillage_common.errors import DependencyUnavailable, NotFound, Stopping
from maillage_common.languages import preferred
from maillage_common.schemas import Answer
from maillage_gateway.descriptions import Descriptions
from maillage_gateway.exchange import PREFLIGHT
from maillage_gateway.keeper import Doorkeeper
from maillage_gateway.readiness import Readiness

Anyone = Annotated[Caller, open_to_anyone()]

_SAFE = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
}
_PAGES = resources.files(__package__).joinpath("pages")
_SWAGGER = Path(str(swagger_ui_bundle.swagger_ui_path))
_ASSETS: dict[str, tuple[Traversable, str]] = {
    "landing.css": (_PAGES.joinpath("landing.css"), "text/css; charset=utf-8"),
    "start.js": (_PAGES.joinpath("start.js"), "text/javascript; charset=utf-8"),
    "swagger-ui.css": (_SWAGGER / "swagger-ui.css", "text/css; charset=utf-8"),
    "swagger-ui-bundle.js": (_SWAGGER / "swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
    "favicon-32x32.png": (_SWAGGER / "favicon-32x32.png", "image/png"),
}
_GUIDES = _PAGES.joinpath("guides")
# How to begin, for each kind of partner.
GUIDES = ("open-data", "partner-application", "care-professional", "back-office")


class Live(Answer):
    status: str


class Ready(Answer):
    """Each service, and whether the gateway can check tokens: keys, and what is revoked."""

    status: str
    services: dict[str, bool]
    keys: bool


class NotReady(DependencyUnavailable):
    code, title = "not_ready", "Not everything behind the gateway is ready"


def is_own(path: str) -> bool:
    """Whether the gateway answers this path itself."""
    return path in _OWN or path.startswith("/docs/")


_OWN = frozenset({"/", "/docs", "/openapi.json", "/health/live", "/health/ready"})
router = plain_router("", ["gateway"])


def drop_own_document(app: FastAPI) -> None:
    """FastAPI's document tells of this process's pages; the portal's, of everything behind them."""
    app.router.routes[:] = [
        route
        for route in app.router.routes
        if isinstance(route, APIRoute) or getattr(route, "path", None) != DOCUMENT_PATH
    ]


@router.get("/health/live")
async def live(caller: Anyone) -> Live:
    """This process answers."""
    return Live(status="ok")


@router.get("/health/ready")
async def ready(request: Request, caller: Anyone) -> Ready:
    """Every service is ready, and tokens of at least one issuer can be checked."""
    readiness: Readiness = request.app.state.readiness
    keeper: Doorkeeper = request.app.state.keeper
    if is_stopping():
        raise Stopping()
    services = await readiness.ask()
    if not all(services.values()) or not keeper.is_ready:
        members = {"services": services, "keys": keeper.is_ready}
        raise NotReady("Try again in a few seconds.", members=members)
    return Ready(status="ok", services=services, keys=True)


@router.get("/openapi.json", include_in_schema=False)
async def openapi(request: Request, caller: Anyone) -> Response:
    descriptions: Descriptions = request.app.state.descriptions
    headers = {**_SAFE, "Access-Control-Allow-Origin": "*", "Cache-Control": "max-age=60"}
    return Response(await descriptions.merged(), media_type="application/json", headers=headers)


@router.options("/openapi.json", include_in_schema=False)
async def openapi_preflight(caller: Anyone) -> Response:
    headers = {"Allow": "GET, HEAD, OPTIONS", "Access-Control-Allow-Origin": "*"}
    headers |= {name.decode(): value.decode() for name, value in PREFLIGHT}
    return Response(
        status_code=204, headers=headers | {"Access-Control-Allow-Methods": "GET, HEAD"}
    )


@router.get("/docs", include_in_schema=False)
async def docs(caller: Anyone) -> HTMLResponse:
    return HTMLResponse(_PAGES.joinpath("docs.html").read_text("utf-8"), headers=_SAFE)


@router.get("/docs/{asset}", include_in_schema=False)
async def docs_asset(
    asset: str,
    request: Request,
    caller: Anyone,
    lang: str | None = None,
    accept_language: Annotated[str | None, Header()] = None,
) -> Response:
    if asset in GUIDES:
        language = preferred(lang or accept_language)
        headers = {**_SAFE, "Content-Language": language, "Vary": "Accept-Language"}
        page = _guide(asset, language, request.app.state.settings.public_url.rstrip("/"))
        return HTMLResponse(page, headers={**headers, "Cache-Control": "max-age=3600"})
    if asset not in _ASSETS:
        raise NotFound()
    source, media_type = _ASSETS[asset]
    headers = {**_SAFE, "Cache-Control": "max-age=3600"}
    return Response(source.read_bytes(), media_type=media_type, headers=headers)


@cache
def _guide(name: str, language: str, url: str) -> str:
    """One guide, between the links and the closing part that all guides of its language share."""
    page = _GUIDES.joinpath("guide.html").read_text("utf-8")
    links, closing = _first_and_rest(f"guide.{language}.html")
    title, body = _first_and_rest(f"{name}.{language}.html")
    known = {"{links}": links, "{body}": body, "{closing}": closing, "{language}": language}
    known |= {"{title}": title, "{name}": name, "{url}": escape(url)}
    for place, text in known.items():
        page = page.replace(place, text)
    return page


def _first_and_rest(file: str) -> tuple[str, str]:
    first, _, rest = _GUIDES.joinpath(file).read_text("utf-8").partition("\n")
    return first, rest


@router.get("/", include_in_schema=False)
async def landing(caller: Anyone) -> HTMLResponse:
    return HTMLResponse(_PAGES.joinpath("landing.html").read_text("utf-8"), headers=_SAFE)
