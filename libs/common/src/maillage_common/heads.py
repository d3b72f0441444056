"""HEAD is answered as GET would be, without the body (RFC 9110 section 9.3.2).

Not by a method of each route: the OpenAPI document would tell of every read twice.
"""

from fastapi import Request, Response
from starlette.types import ASGIApp, Receive, Scope, Send

_HEAD = "maillage.head"


class HeadAsGet:
    """ASGI middleware, innermost: routes see GET, the server and telemetry what was asked."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("method") != "HEAD":
            await self.app(scope, receive, send)
            return
        read = {**scope, "method": "GET", _HEAD: True}
        try:
            # The server knows that HEAD was asked, and sends no body.
            await self.app(read, receive, send)
        finally:
            scope["route"] = read.get("route")


def without_unasked_body(request: Request, response: Response) -> Response:
    """To HEAD, the headers alone: what a stream would read is not read."""
    if _HEAD not in request.scope:
        return response
    head = Response(status_code=response.status_code, background=response.background)
    head.raw_headers = response.raw_headers
    return head
