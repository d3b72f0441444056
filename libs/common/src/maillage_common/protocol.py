"""uvicorn's HTTP protocol with what it leaves open closed: trailers, and bounds on a connection.

A trailer is not taken for a header (uvicorn appends it to the same list, so that a chunked request
could bring its `Authorization` past a proxy in front). A head has a bound in bytes and in time, an
answer that nobody reads has one in time, and connections have one in number: beyond it, the one
that has been idle for longest gives way. What cannot be parsed is answered by a problem document.
A process that has been asked to stop closes each connection after its answer. Upgrades are ignored.

An application may have a method `answer_at_once(scope)`, which is asked about every request without
a body, the first in each packet. It gives the whole answer as it goes over the wire, or None when
the application has to be called: what needs no waiting needs no task either, and those are half the
cost of a small answer.
"""

import asyncio
import json
import random
import resource
import sys
from collections.abc import Callable
from typing import Any, ClassVar
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from maillage_common.cycle import Cycle
from maillage_common.draining import is_stopping
from maillage_common.errors import (
    PROBLEM_MEDIA_TYPE,
    HeadersTooLarge,
    HeadTooSlow,
    MaillageError,
    UnreadableRequest,
    problem_document,
)
from maillage_common.events import CommonEvent, describe, log

# Above what the gateway's data path answers with a problem of its own.
MAX_HEAD_BYTES = 64 * 1024
HEAD_SECONDS = 10.0
# For the 64 KiB that wait between us and a slow reader: 2 KiB/s are enough.
READ_SECONDS = 30.0
MAX_CONNECTIONS = 20_000


def allowed_connections() -> int:
    """At most three quarters of the files this process may open; raises the soft limit first."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CONNECTIONS * 2
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return min(MAX_CONNECTIONS, soft * 3 // 4)


class GuardedProtocol(HttpToolsProtocol):
    """For `uvicorn --http maillage_common.protocol:GuardedProtocol`."""

    max_connections: ClassVar[int] = allowed_connections()
    # In the order in which they fell idle.
    _idle: ClassVar[dict["GuardedProtocol", None]] = {}
    cycle: Cycle
    _head_is_open = False
    _head_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None
    _read_timer: asyncio.TimerHandle | None = None
    _answer_at_once: Callable[[Any], bytes | None] | None = None
    _whole: bytes | None = None
    # One for each packet: who sends hundreds of requests in one shall not keep all others waiting.
    _may_answer_at_once = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.max_connections:
            next(iter(self._idle), self).transport.close()
        self._idle[self] = None
        self._answer_at_once = getattr(self.app, "answer_at_once", None)
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._head_took_too_long)

    def connection_lost(self, exc: Exception | None) -> None:
        self._idle.pop(self, None)
        self._stop_head_timer()
        self._stop_read_timer()
        super().connection_lost(exc)
        if self.cycle is not None and self.cycle.disconnected:
            self.cycle.tell_left()

    def data_received(self, data: bytes) -> None:
        self._idle.pop(self, None)
        self._may_answer_at_once = self._answer_at_once is not None
        super().data_received(data)
        if not self._head_is_open:
            if self._head_timer is not None:
                self._stop_head_timer()
            return
        self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(HeadersTooLarge())
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self._head_took_too_long)

    def on_message_begin(self) -> None:
        self._head_is_open, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._head_is_open = False
        is_last = self._complete_scope()
        scope, before = self.scope, self.cycle
        # The request keeps its list; what comes after the body is added to one that nobody reads.
        self.headers = []
        is_free = before is None or before.response_complete
        if is_free and not is_last and self._may_answer_at_once:
            self._whole = self._ask_at_once(scope)
            if self._whole is not None:
                return
        cycle = self.cycle = Cycle(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=not is_last,
            on_response=self.on_response_complete,
        )
        scope["extensions"] = {"maillage.leaving": cycle.when_left}  # type: ignore[dict-item]
        if is_free:
            self._start_asgi_task(cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self.app))

    def _complete_scope(self) -> bool:
        """Add what is known now that the head has ended; whether this request is the last here."""
        parser, scope = self.parser, self.scope
        version = parser.get_http_version()
        url = httptools.parse_url(self.url)
        path = url.path.decode("ascii")
        scope["method"] = parser.get_method().decode("ascii")
        scope["http_version"] = version
        scope["path"] = unquote(path) if "%" in path else path
        scope["raw_path"] = url.path
        scope["query_string"] = url.query or b""
        return version == "1.0" or is_stopping() or not parser.should_keep_alive()

    def _ask_at_once(self, scope: Any) -> bytes | None:
        assert self._answer_at_once is not None
        if self.flow.write_paused or self.transport.is_closing():
            return None
        for name, value in scope["headers"]:
            if name == b"transfer-encoding" or (name == b"content-length" and value != b"0"):
                return None
        try:
            return self._answer_at_once(scope)
        except Exception as error:
            # The application is called as for any other request, and says what it says then.
            log(CommonEvent.UNHANDLED, **describe(error))
            return None

    def on_message_complete(self) -> None:
        if self._whole is None:
            super().on_message_complete()
            return
        self.transport.write(self._whole)
        self._whole, self._may_answer_at_once = None, False
        self.on_response_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.timeout_keep_alive_task is not None:
            self._idle[self] = None

    def _should_upgrade(self) -> bool:
        return False

    def pause_writing(self) -> None:
        super().pause_writing()
        self._read_timer = self.loop.call_later(READ_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        self._stop_read_timer()
        super().resume_writing()

    def send_400_response(self, _: str) -> None:
        # Called while what the parser raised is handled. Of a space in an address it says that the
        # version was expected.
        error = sys.exception()
        is_address = isinstance(error, httptools.HttpParserInvalidURLError)
        if is_address or str(error).startswith("Expected HTTP/"):
            told = UnreadableRequest("Write the address in ASCII: é is %C3%A9, a space %20.")
        else:
            told = UnreadableRequest()
        self._refuse(told)

    def _head_took_too_long(self) -> None:
        self._head_timer = None
        if self._head_is_open:
            self._refuse(HeadTooSlow())
        else:
            self.transport.close()

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _stop_read_timer(self) -> None:
        if self._read_timer is not None:
            self._read_timer.cancel()
            self._read_timer = None

    def _refuse(self, refusal: MaillageError) -> None:
        """Answer, unless another answer has begun, and close."""
        if self.transport.is_closing():
            return
        answering = self.cycle is not None and not self.cycle.response_complete
        if not answering or not self.cycle.response_started:
            trace_id = f"{random.getrandbits(128):032x}"
            body = json.dumps(problem_document(refusal, trace_id=trace_id)).encode()
            self.transport.write(
                STATUS_LINE[refusal.status]
                + b"content-type: %s\r\ncontent-length: %d\r\nx-request-id: %s\r\n"
                b"cache-control: no-store\r\nx-content-type-options: nosniff\r\n"
                b"referrer-policy: no-referrer\r\nconnection: close\r\n\r\n"
                % (PROBLEM_MEDIA_TYPE.encode(), len(body), trace_id.encode())
                + body
            )
        self.transport.close()
