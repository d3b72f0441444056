"""The search's shortest way through the framework.

FastAPI resolves the parameters of a request one by one, which takes a fifth of a search. A body
that is right is read here at once; any other goes the usual way, and is refused as everywhere.
"""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from maillage_common.auth import route_authorizations
from maillage_common.routing import MaillageRoute
from maillage_directory.search.schemas import SearchParams

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class _Quick(APIRoute):
    def get_route_handler(self) -> Handler:
        usual: Callable[[Request], Awaitable[Response]] = super().get_route_handler()
        if any(declared.scopes or declared.individual for declared in route_authorizations(self)):
            raise TypeError("only for routes that are open to anyone")

        async def answer(request: Request) -> Response:
            try:
                params = SearchParams.model_validate(await request.json())
            except (ValueError, RecursionError):  # of JSON, of pydantic
                return await usual(request)
            response: Response = await self.endpoint(
                params,
                request,
                request.state.caller,
                request.headers.get("accept-language"),
            )
            return response

        return answer


class QuickSearchRoute(MaillageRoute, _Quick):
    """`MaillageRoute` (bounds, unknown parameters, media types), then the quick reading.

    For endpoints of (params, request, caller, accept_language), without other parameters.
    """
