"""A request that is over is forgotten at once: rings of references would wait for the collector,
and every other request for it.
"""

import gc
from collections import Counter

import pytest

OPEN = b"GET /directory/v1/needs HTTP/1.1\r\nHost: g\r\n\r\n"
UNKNOWN = b"GET /directory/v1/nothing HTTP/1.1\r\nHost: g\r\n\r\n"
REFUSED = b"GET /directory/v1/needs HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer x\r\n\r\n"
POSTED = (
    b"POST /directory/v1/services/search HTTP/1.1\r\nHost: g\r\n"
    b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
)


async def test_what_starting_made_is_not_walked_by_the_collector(gateway):
    assert gc.get_freeze_count() > 10_000


@pytest.mark.parametrize(
    ("request_", "status"),
    [(OPEN, b"200"), (POSTED, b"200"), (REFUSED, b"401"), (UNKNOWN, b"404")],
)
async def test_a_request_that_is_over_leaves_nothing_for_the_collector(gateway, request_, status):
    gc.collect()
    gc.disable()
    try:
        for _ in range(5):
            assert (await gateway.talk(request_)).startswith(b"HTTP/1.1 " + status)
        left = Counter(type(found).__name__ for found in gc.get_objects())
    finally:
        gc.enable()
    # The connection that was closed last may still have its request.
    assert max(left["Cycle"], left["Exchange"], left["ClientBody"]) <= 1
