"""Stopping without losing a request: say it, go on listening for a while, then stop.

On SIGTERM a process answers its readiness probe with 503 and closes each connection after the
answer that is due on it, but still takes what comes. The server hears of the signal only seconds
later, when nobody sends here any more. SIGINT, from a person at a terminal, stops at once.
"""

import asyncio
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import FrameType

_stopping = False


def is_stopping() -> bool:
    """Whether this process has been asked to stop."""
    return _stopping


@asynccontextmanager
async def announced_stop(seconds: float) -> AsyncIterator[None]:
    """Within, a first SIGTERM reaches the server only after `seconds`; a second one at once.

    Does nothing where no server waits for the signal: in tests and in threads.
    """
    server = signal.getsignal(signal.SIGTERM)
    if not callable(server) or threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()

    def stop(number: int, frame: FrameType | None) -> None:
        global _stopping
        if _stopping or seconds == 0:
            server(number, frame)
        else:
            loop.call_soon_threadsafe(loop.call_later, seconds, server, number, None)
        _stopping = True

    signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, server)
