"""One replica of a service as a process, `replica.py PORT SECONDS`: stopped as ours are."""

import sys
from contextlib import AsyncExitStack

import uvicorn

from maillage_common.draining import announced_stop, is_stopping


class Replica:
    """Ready until it is asked to stop; answers everything else with an empty object."""

    def __init__(self, drain_seconds):
        self._drain_seconds = drain_seconds
        self._stack = AsyncExitStack()

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        while (await receive()).get("more_body"):
            pass
        unready = scope["path"] == "/health/ready" and is_stopping()
        headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
        status = 503 if unready else 200
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"{}"})

    async def _live(self, receive, send):
        await receive()
        await self._stack.enter_async_context(announced_stop(self._drain_seconds))
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._stack.aclose()
        await send({"type": "lifespan.shutdown.complete"})


if __name__ == "__main__":
    uvicorn.run(
        Replica(float(sys.argv[2])),
        port=int(sys.argv[1]),
        loop="uvloop",
        http="maillage_common.protocol:GuardedProtocol",
        log_config=None,
        access_log=False,
    )
