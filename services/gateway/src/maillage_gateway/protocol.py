"""uvicorn's HTTP protocol with what it leaves open closed: trailers, and the bounds of a head.

Three differences: a trailer is not taken for a header (uvicorn appends it to the same list, so
that a chunked request could bring its `Authorization` past a proxy in front); a head has a bound
in bytes and in time; and what cannot be parsed is answered by a problem document.
"""

import asyncio
import json
import random

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from maillage_common.errors import PROBLEM_MEDIA_TYPE, MaillageError, problem_document
from maillage_gateway.errors import HeadersTooLarge, HeadTooSlow, UnreadableRequest

# Above what the data path answers with a problem of its own.
MAX_HEAD_BYTES = 64 * 1024
HEAD_SECONDS = 10.0


class GuardedProtocol(HttpToolsProtocol):
    """For `uvicorn --http maillage_gateway.protocol:GuardedProtocol`."""

    _head_is_open = False
    _head_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._head_took_too_long)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._head_is_open:
            if self._head_timer is not None:
                self._stop_timer()
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
        super().on_headers_complete()
        # The request keeps its list; what comes after the body is added to one that nobody reads.
        self.headers = []

    def send_400_response(self, _: str) -> None:
        self._refuse(UnreadableRequest())

    def _head_took_too_long(self) -> None:
        self._head_timer = None
        if self._head_is_open:
            self._refuse(HeadTooSlow())
        else:
            self.transport.close()

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

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
                b"cache-control: no-store\r\nconnection: close\r\n\r\n"
                % (PROBLEM_MEDIA_TYPE.encode(), len(body), trace_id.encode())
                + body
            )
        self.transport.close()
