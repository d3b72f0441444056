"""One request and its answer at our own server: what an application's `send` and `receive` are.

uvicorn's, but for two things that cost it most: the head of an answer is put together and checked
as a whole, not header by header; and an application need not wait in `receive` to learn that the
client has left: it may say once what to call then.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import HEADER_RE, STATUS_LINE, RequestResponseCycle

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application, ASGISendEvent

RawHeaders = list[tuple[bytes, bytes]]

# All that may not be in a line of a head, its own end included; a tab may (RFC 9110 section 5.5).
_CONTROLS = bytes({*range(32), 127} - {9})
_STATUS = {status: line.rstrip(b"\r\n") for status, line in STATUS_LINE.items()}
_END = b"\r\n\r\n"
_MAX_NAMES = 1024


class Cycle(RequestResponseCycle):
    """`disconnected` tells that the client left before the answer was complete."""

    _leaving: Callable[[], None] | None = None

    async def run_asgi(self, app: "ASGI3Application") -> None:
        await super().run_asgi(app)
        # Both lead back to this request. Rings of references are for the garbage collector to find,
        # and while it looks, which takes milliseconds, every other request waits.
        self._leaving = None
        self.scope["extensions"] = {}

    def when_left(self, call: Callable[[], None]) -> None:
        """`call` is called once, when the client leaves before it has its answer, or has left."""
        self._leaving = call
        if self.disconnected:
            self.tell_left()

    def tell_left(self) -> None:
        leaving, self._leaving = self._leaving, None
        if leaving is not None:
            leaving()

    async def send(self, message: "ASGISendEvent") -> None:
        if message["type"] != "http.response.start" or self.response_started:
            await super().send(message)
            return
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        self.response_started = True
        self.waiting_for_100_continue = False
        status = message["status"]
        headers = [*self.default_headers, *message.get("headers", [])]
        added = self._frame(status, headers)
        self.transport.write(write_head(status, [*headers, *added]))

    def _frame(self, status: int, headers: RawHeaders) -> RawHeaders:
        """Read how the body will be told from what follows it; the headers that still say so."""
        closes = False
        for name, value in headers:
            if len(name) not in (10, 14, 17):  # of those three names
                continue
            lower = name.lower()
            if lower == b"content-length" and self.chunked_encoding is None:
                self.expected_content_length, self.chunked_encoding = int(value), False
            elif lower == b"transfer-encoding" and value.lower() == b"chunked":
                self.expected_content_length, self.chunked_encoding = 0, True
            elif lower == b"connection" and b"close" in value.lower():
                self.keep_alive, closes = False, True
        added: RawHeaders = [] if self.keep_alive or closes else [(b"connection", b"close")]
        has_body = self.scope["method"] != "HEAD" and status not in (204, 304)
        if has_body and self.chunked_encoding is None:
            self.chunked_encoding = True
            added.append((b"transfer-encoding", b"chunked"))
        return added


def write_head(status: int, headers: RawHeaders) -> bytes:
    """A head as it goes over the wire. RuntimeError when a header would be more than one line."""
    lines = [_STATUS[status]]
    for name, value in headers:
        lines += (_BEFORE[name], value)
    lines.append(_END)
    head = b"".join(lines)
    line_ends = 2 * (len(headers) + 2)
    if len(head) - len(head.translate(None, _CONTROLS)) != line_ends:
        raise RuntimeError("A header value with a control character in it.")
    return head


class _Before(dict[bytes, bytes]):
    """What comes before a header's value, by its name. RuntimeError when that is not a token."""

    def __missing__(self, name: bytes) -> bytes:
        if HEADER_RE.search(name):
            raise RuntimeError("A header name that is not a token.")
        if len(self) >= _MAX_NAMES:
            self.clear()
        before = self[name] = b"\r\n" + name.lower() + b": "
        return before


_BEFORE = _Before()
