"""The route class of every service: bodies are bounded, and a POST can be repeated safely.

A route says otherwise in its `openapi_extra`:
`x-no-idempotency: True` (streamed bodies, searches by POST) and
`x-max-body-bytes: N` (None = the endpoint bounds what it reads itself).
"""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

from maillage_common.idempotency import Claim, Replayed

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class MaillageRoute(APIRoute):
    """Bounds the body, and honours Idempotency-Key on every POST that writes."""

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()
        declared = self.openapi_extra or {}
        repeatable = "POST" in (self.methods or ()) and not declared.get("x-no-idempotency", False)

        async def handle_bounded(request: Request) -> Response:
            limit = declared.get("x-max-body-bytes", request.app.state.settings.max_body_bytes)
            if limit is not None:
                request = Request(request.scope, _bounded(request, limit))
            if repeatable and "idempotency-key" in request.headers:
                return await _handle_once(request, handle)
            return await handle(request)

        return handle_bounded


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
