"""Which headers pass, in both directions. Inward it is an allow-list: what is not named stays out.

So every spelling of an identity header (`X-User`, `x_user`, `X.User`), a stranger's forwarding
headers and baggage are gone without being listed, and `Connection` cannot take away what the
gateway adds, since that is added afterwards.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from maillage_common.errors import HeadersTooLarge
from maillage_gateway.errors import BadHeaders

RawHeaders = Iterable[tuple[bytes, bytes]]

MAX_HEADERS = 100
_ONCE = frozenset(
    {
        *(b"authorization", b"content-length", b"content-type", b"host", b"idempotency-key"),
        *(b"transfer-encoding", b"if-range", b"range", b"origin"),
    }
)
_FRAMING = frozenset({b"content-length", b"transfer-encoding", b"host", b"authorization"})
_READ = frozenset(
    {
        *(b"authorization", b"connection", b"content-length", b"host", b"origin"),
        *(b"transfer-encoding", b"x-forwarded-for"),
        b"access-control-request-method",
    }
)
_DIGITS = re.compile(rb"[0-9]{1,18}")

# What a service may not tell the world, or tells it through us.
_KEPT_BACK = frozenset(
    {
        *(b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-connection", b"te"),
        *(b"trailer", b"transfer-encoding", b"upgrade", b"server", b"x-powered-by", b"via"),
        *(b"traceparent", b"tracestate", b"x-request-id", b"ratelimit", b"ratelimit-policy"),
        *(b"x-content-type-options", b"referrer-policy", b"strict-transport-security"),
        *(b"access-control-allow-origin", b"access-control-allow-credentials"),
        *(b"access-control-allow-headers", b"access-control-allow-methods"),
        *(b"access-control-expose-headers", b"access-control-max-age"),
        *(b"cross-origin-resource-policy", b"alt-svc"),
    }
)


@dataclass(slots=True)
class RequestHead:
    """A request's headers, read once: what passes on, and what the gateway reads itself.

    `length` is None when the body is chunked or absent; `chunked` tells which.
    """

    passing: list[tuple[bytes, bytes]] = field(default_factory=list)
    own: dict[bytes, bytes] = field(default_factory=dict)
    length: int | None = None
    chunked: bool = False


class HeaderRules:
    """The allow-list of one policy, ready for the hot path."""

    def __init__(self, forwarded: Collection[bytes], *, max_bytes: int) -> None:
        # Whether a header passes, and whether it may be there only once; others are not looked at.
        self._rules = {
            name: (name in forwarded, name in _ONCE) for name in {*forwarded, *_READ, *_ONCE}
        }
        self._max_bytes = max_bytes

    def read(self, headers: RawHeaders) -> RequestHead:
        """Raises BadHeaders or HeadersTooLarge; names come in lower case from the server."""
        head = RequestHead()
        rules, passing, own = self._rules, head.passing, head.own
        size = count = 0
        once: set[bytes] = set()
        for name, value in headers:
            size += len(name) + len(value)
            count += 1
            rule = rules.get(name)
            if rule is None:
                continue
            passes, is_single = rule
            if is_single:
                if name in once:
                    raise BadHeaders(f"{name.decode()} may be there only once.")
                once.add(name)
            if passes:
                if not value.isascii():
                    _check_text(value)
                passing.append((name, value))
            elif name in _READ:
                own[name] = own[name] + b"," + value if name in own else value
        if size > self._max_bytes or count > MAX_HEADERS:
            raise HeadersTooLarge()
        _read_framing(head)
        if b"connection" in own:
            _drop_listed(head, own[b"connection"])
        return head


def _check_text(value: bytes) -> None:
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        raise BadHeaders("Header values are ASCII or UTF-8.") from None


def _read_framing(head: RequestHead) -> None:
    """One way to find the body's end, or none (RFC 9112 section 6.3): smuggling starts with two."""
    own = head.own
    if b"host" not in own:
        raise BadHeaders("Host is missing.")
    coding, length = own.get(b"transfer-encoding"), own.get(b"content-length")
    if coding is not None:
        if length is not None or coding.strip().lower() != b"chunked":
            raise BadHeaders("Use either Content-Length or Transfer-Encoding: chunked.")
        head.chunked = True
    elif length is not None:
        if _DIGITS.fullmatch(length) is None:
            raise BadHeaders("Content-Length is not a number.")
        head.length = int(length)


def _drop_listed(head: RequestHead, connection: bytes) -> None:
    listed = {name.strip().lower() for name in connection.split(b",")}
    if listed <= {b"keep-alive", b"close"}:
        return
    if not listed.isdisjoint(_FRAMING):
        raise BadHeaders("Connection may not name what frames or signs the request.")
    head.passing = [item for item in head.passing if item[0] not in listed]


def pass_answer(headers: RawHeaders, *, status: int) -> list[tuple[bytes, bytes]]:
    """A service's headers that go out: no hop-by-hop ones, none that the gateway sets itself."""
    passing: list[tuple[bytes, bytes]] = []
    listed: set[bytes] | None = None
    for name, value in headers:
        lower = name.lower()
        if lower in _KEPT_BACK:
            if lower == b"connection":
                listed = {token.strip().lower() for token in value.split(b",")}
            continue
        # A length without a body (204, 304) makes some servers wait for one and ours refuse.
        if lower == b"content-length" and status in (204, 304):
            continue
        passing.append((lower, value))
    if listed:
        passing = [item for item in passing if item[0] not in listed]
    return passing
