"""The route class of every service: unknown parameters, other media types and packed bodies are
refused, bodies are bounded, a POST can be repeated safely, a read that gives an ETag answers 304 to
who holds it, and an answer whose words depend on the reader's language says in which it is.

A route says otherwise in its `openapi_extra`:
`x-no-idempotency: True` (streamed bodies, searches by POST) and
`x-max-body-bytes: N` (None = the endpoint bounds what it reads itself).
"""

import json
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any

from fastapi import Request, Response, params
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

from maillage_common.canonical import DuplicateName, unique_members
from maillage_common.errors import (
    DuplicateMember,
    FieldError,
    InvalidRequest,
    UnsupportedContentEncoding,
    UnsupportedMediaType,
)
from maillage_common.heads import without_unasked_body
from maillage_common.idempotency import MAX_KEY, Claim, Replayed
from maillage_common.languages import preferred
from maillage_common.preconditions import not_modified

_UNCHANGED = {304: {"description": "The caller holds this answer: `If-None-Match` names its ETag"}}
_HELD = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The ETag that you hold: when it still is the answer's, the answer is 304",
    "schema": {"type": "string"},
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "New for each new thing, such as a UUID: sent again with the same key, the "
    "request happens once and the first answer comes again",
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY},
}
# What a 304 tells of the answer that it stands for (RFC 9110 section 15.4.5).
_STANDING = ("cache-control", "content-location", "etag", "vary")
_LANGUAGE = "accept-language"
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class StrictRequest(Request):
    """JSON whose objects have each member once (RFC 7493 section 2.3): of two, readers on the way
    may take the one and we the other."""

    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            try:
                self._json = json.loads(await self.body(), object_pairs_hook=unique_members)
            except UnicodeDecodeError as error:
                raise json.JSONDecodeError("not UTF-8", "", error.start) from None
            except DuplicateName:
                # The error that FastAPI tells apart from others met in a body.
                raise json.JSONDecodeError(DuplicateMember.code, "", 0) from None
        return self._json


class MaillageRoute(APIRoute):
    """Reads strictly, bounds the body, honours Idempotency-Key on every POST that writes."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        methods, declared = options.get("methods") or (), options.get("openapi_extra") or {}
        self.is_repeatable = "POST" in methods and not declared.get("x-no-idempotency", False)
        if "GET" in methods:
            options["responses"] = {**_UNCHANGED, **(options.get("responses") or {})}
            options["openapi_extra"] = _with_parameter(declared, _HELD)
        elif self.is_repeatable:
            options["openapi_extra"] = _with_parameter(declared, _KEY)
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()
        declared = self.openapi_extra or {}

        known = set(_query_parameters(self.dependant))
        has_words = _LANGUAGE in _header_parameters(self.dependant)
        takes_json = self.body_field is not None and not isinstance(
            self.body_field.field_info, params.Form
        )

        async def handle_bounded(request: Request) -> Response:
            _refuse_unknown_parameters(request, known)
            if _has_body(request):
                _refuse_coded_bodies(request)
                if takes_json:
                    _refuse_other_media_types(request)
            limit = declared.get("x-max-body-bytes", request.app.state.settings.max_body_bytes)
            receive = request.receive if limit is None else _bounded(request, limit)
            request = StrictRequest(request.scope, receive)
            is_once = self.is_repeatable and "idempotency-key" in request.headers
            answer = await (_handle_once(request, handle) if is_once else handle(request))
            if has_words:
                _tell_language(request, answer)
            return without_unasked_body(request, _if_changed(request, answer))

        return handle_bounded


def _with_parameter(extra: dict[str, Any], parameter: dict[str, Any]) -> dict[str, Any]:
    return {**extra, "parameters": [*extra.get("parameters", ()), parameter]}


def _query_parameters(dependant: Dependant) -> Iterator[str]:
    """Names that the route reads from the query; of a `Params` model, those of its fields."""
    for inner in dependant.dependencies:
        yield from _query_parameters(inner)
    for field in dependant.query_params:
        model = field.field_info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            for name, member in model.model_fields.items():
                yield member.alias or name
        else:
            yield field.alias


def _header_parameters(dependant: Dependant) -> Iterator[str]:
    for inner in dependant.dependencies:
        yield from _header_parameters(inner)
    for field in dependant.header_params:
        yield field.alias.lower()


def _tell_language(request: Request, answer: Response) -> None:
    """RFC 9110 sections 8.5 and 12.5.5: a cache keeps one answer a language."""
    if "content-language" not in answer.headers:
        answer.headers["Content-Language"] = preferred(request.headers.get(_LANGUAGE))
        answer.headers.add_vary_header("Accept-Language")


def _refuse_unknown_parameters(request: Request, known: set[str]) -> None:
    """A misspelt filter must not silently show everything."""
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        allowed = ", ".join(sorted(known)) or "none"
        raise InvalidRequest(
            f"Parameters that this route takes: {allowed}.",
            errors=[
                FieldError("extra_forbidden", "Unknown parameter", parameter=name[:100])
                for name in unknown
            ],
        )


def _has_body(request: Request) -> bool:
    headers = request.headers
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


def _refuse_coded_bodies(request: Request) -> None:
    """A packed body would be read as if it were not, or be far larger than it says."""
    if request.headers.get("content-encoding", "").strip().lower() not in ("", "identity"):
        raise UnsupportedContentEncoding("Send the body as it is, without Content-Encoding.")


def _refuse_other_media_types(request: Request) -> None:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise UnsupportedMediaType("Send the body as application/json.")


def _if_changed(request: Request, response: Response) -> Response:
    """304 in the place of a read's answer that the caller holds."""
    tag = response.headers.get("etag")
    if tag is None or request.method != "GET" or response.status_code != 200:
        return response
    if not not_modified(request, tag):
        return response
    told = {name: response.headers[name] for name in _STANDING if name in response.headers}
    return Response(status_code=304, headers=told)


async def _handle_once(
    request: Request, handle: Callable[[Request], Awaitable[Response]]
) -> Response:
    claim = Claim(
        request.headers["idempotency-key"],
        secret=request.app.state.settings.secret,
        request=request,
        body=await request.body(),
    )
    request.state.idempotency = claim
    try:
        response = await handle(request)
    except Replayed as replay:
        return replay.response
    await claim.record(response)
    return response


def _bounded(request: Request, limit: int) -> Receive:
    # HTTPException, because FastAPI turns any other exception met in a body into a 400.
    too_large = HTTPException(413)
    declared = request.headers.get("content-length", "0")
    received = 0

    async def receive() -> Message:
        nonlocal received
        if declared.isdigit() and int(declared) > limit:
            raise too_large
        message = await request.receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise too_large
        return message

    return receive
