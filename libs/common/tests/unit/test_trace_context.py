"""What a service takes for its caller's trace; the gateway's tests have the same over sockets."""

from hypothesis import given
from hypothesis import strategies as st

from maillage_common.trace_context import read_trace_parent

PARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class TestTraceParent:
    def test_a_valid_one_becomes_the_remote_parent(self):
        headers = [(b"traceparent", PARENT), (b"tracestate", b"a=1"), (b"tracestate", b"b=2 3")]
        parent = read_trace_parent(headers)
        assert parent is not None
        context = parent.as_span_context()
        assert f"{context.trace_id:032x}-{context.span_id:016x}".encode() in PARENT
        assert context.is_remote
        assert context.trace_flags.sampled
        assert dict(context.trace_state) == {"a": "1", "b": "2 3"}

    def test_two_are_none(self):
        assert read_trace_parent([(b"traceparent", PARENT), (b"traceparent", PARENT)]) is None
        assert read_trace_parent([(b"tracestate", b"a=1")]) is None

    @given(st.binary(max_size=80), st.binary(max_size=600))
    def test_nothing_makes_it_fail(self, value, state):
        read_trace_parent([(b"traceparent", value)])
        parent = read_trace_parent([(b"traceparent", PARENT), (b"tracestate", state)])
        assert parent is not None
        assert len(parent.state) <= 512
        parent.as_span_context()
