"""`traceparent` and `tracestate` as W3C Trace Context levels 1 and 2 say they are read.

What is not valid counts as absent: the trace begins anew, and `tracestate` goes with it. A header
that is there twice is not valid (`traceparent`) or is one list (`tracestate`).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from opentelemetry.trace import SpanContext, TraceFlags, TraceState

# A later version may be longer, after a dash; of it only what version 00 has is read.
_TRACEPARENT = re.compile(
    rb"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?",
    re.DOTALL,
)
_MEMBER = re.compile(
    rb"[a-z0-9][a-z0-9_\-*/]{0,240}(?:@[a-z0-9_\-*/]{0,240})?"
    rb"=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)
MAX_MEMBERS = 32
# What everybody must be able to pass on (section 3.3.1.5); longer ones are dropped whole.
MAX_STATE_BYTES = 512
SAMPLED, RANDOM = 0x01, 0x02

RawHeaders = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class TraceParent:
    """The caller's span. `flags` holds the two bits that are defined, `state` the valid list."""

    trace_id: str
    span_id: str
    flags: int
    state: str = ""

    def as_span_context(self) -> SpanContext:
        return SpanContext(
            int(self.trace_id, 16),
            int(self.span_id, 16),
            is_remote=True,
            trace_flags=TraceFlags(self.flags),
            trace_state=TraceState.from_header([self.state]) if self.state else None,
        )


def read_trace_parent(headers: RawHeaders) -> TraceParent | None:
    """The caller's span out of headers with names in lower case; None without a valid one."""
    parent: bytes | None = None
    state: bytes | None = None
    for name, value in headers:
        if name == b"traceparent":
            if parent is not None:
                return None
            parent = value
        elif name == b"tracestate":
            state = value if state is None else state + b"," + value
    if parent is None:
        return None
    found = _TRACEPARENT.fullmatch(parent.strip(b" \t"))
    if found is None or (found[1] == b"00" and found[5] is not None):
        return None
    return TraceParent(
        found[2].decode(),
        found[3].decode(),
        int(found[4], 16) & (SAMPLED | RANDOM),
        "" if state is None else _valid_state(state),
    )


def _valid_state(state: bytes) -> str:
    members = [member.strip(b" \t") for member in state.split(b",")]
    members = [member for member in members if member]
    keys = {member.partition(b"=")[0] for member in members}
    joined = b",".join(members)
    if len(members) > MAX_MEMBERS or len(joined) > MAX_STATE_BYTES or len(keys) < len(members):
        return ""
    if not all(_MEMBER.fullmatch(member) for member in members):
        return ""
    return joined.decode("ascii")
