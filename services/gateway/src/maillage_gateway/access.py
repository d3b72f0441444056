"""The access log: one JSON line for each request, in the form of every other log line.

They are the most of all lines, and a flood makes as many of refusals: so they are put together from
kept parts and written a few times a second. What failed is an event where there is a collector.
"""

import asyncio
import json
import logging
import sys
import time
from datetime import UTC, datetime
from functools import lru_cache
from logging import INFO
from typing import TextIO

from maillage_common.events import LOGGER_NAME, CommonEvent, log
from maillage_gateway.exchange import Exchange

WRITE_SECONDS = 0.25


class AccessLog:
    """For one event loop. Silent when the log level is above INFO."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        logger = logging.getLogger(LOGGER_NAME)
        self._is_on = logger.isEnabledFor(INFO)
        # What is logged reaches the console through the root; our own logger's are the collector's.
        self._has_collector = bool(logger.handlers)
        self._lines: list[str] = []
        self._second = 0
        self._instant = ""

    def note(self, exchange: Exchange, method: str, status: int, seconds: float) -> None:
        if not self._is_on:
            return
        route, client_id, error = exchange.template, exchange.client_id, exchange.error
        request_id, reason = exchange.trace.trace_id, exchange.reason
        if self._has_collector and (status >= 400 or error is not None):
            log(
                CommonEvent.REQUEST,
                method=method,
                route=route,
                status=status,
                milliseconds=round(seconds * 1000, 1),
                request_id=request_id,
                client_id=client_id,
                error=error,
                reason=reason,
            )
            return
        now = time.time()
        second = int(now)
        if second != self._second:
            self._second = second
            self._instant = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        if not self._lines:
            asyncio.get_running_loop().call_later(WRITE_SECONDS, self.write)
        self._lines.append(
            f'{{"time": "{self._instant}.{int(now % 1 * 1000):03d}+00:00", '
            f"{_facts(method, route, status, client_id, error, reason)}, "
            f'"milliseconds": {seconds * 1000:.1f}, "request_id": "{request_id}", '
            f'"trace_id": "{request_id}"}}\n'
        )

    def write(self) -> None:
        """Write what has come together; also to be called at the end."""
        lines, self._lines = self._lines, []
        if lines:
            self._stream.write("".join(lines))
            self._stream.flush()


@lru_cache(maxsize=4096)
def _facts(
    method: str, route: str, status: int, client_id: str, error: str | None, reason: str | None
) -> str:
    facts: dict[str, str | int | None] = {
        "level": "INFO",
        "service": "gateway",
        "event": CommonEvent.REQUEST.code,
        "message": CommonEvent.REQUEST.message,
        "method": method,
        "route": route,
        "status": status,
        "client_id": client_id,
    }
    if status >= 400 or error is not None:
        facts |= {"error": error, "reason": reason}
    return json.dumps(facts, ensure_ascii=False)[1:-1]
