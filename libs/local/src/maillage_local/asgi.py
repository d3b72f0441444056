"""Start and stop an ASGI application inside this process, as a server would."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from types import TracebackType
from typing import Any, Self

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


class Lifespan:
    """`async with Lifespan(application) as running`: an ASGI application that has started.

    The lifespan runs in a task of its own, so that what it opened is closed where it was opened.
    Requests get a copy of the lifespan's state, as the ASGI specification asks.
    """

    def __init__(self, application: Any) -> None:
        self.application = application
        self._state: dict[str, Any] = {}
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._outbox: asyncio.Queue[Message] = asyncio.Queue()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        await self.application({**scope, "state": dict(self._state)}, receive, send)

    async def __aenter__(self) -> Self:
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": self._state}
        self._task = asyncio.ensure_future(
            self.application(scope, self._inbox.get, self._outbox.put)
        )
        await self._ask("startup")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._ask("shutdown")
        await self._task

    async def _ask(self, what: str) -> None:
        await self._inbox.put({"type": f"lifespan.{what}"})
        answer = asyncio.ensure_future(self._outbox.get())
        done, _ = await asyncio.wait({answer, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if answer not in done:
            answer.cancel()
            await self._task
            raise RuntimeError(f"the application ended without answering {what}")
        message = answer.result()
        if message["type"] != f"lifespan.{what}.complete":
            await asyncio.wait({self._task})
            raise RuntimeError(message.get("message") or f"{what} failed")
