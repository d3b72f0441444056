"""The one clock. Everything that asks the time asks here, so that a test can hold it still."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

_frozen: ContextVar[datetime | None] = ContextVar("frozen_time", default=None)


def now() -> datetime:
    """The present instant, aware, in UTC."""
    return _frozen.get() or datetime.now(UTC)


@contextmanager
def frozen_time(instant: datetime) -> Iterator[None]:
    """Hold the clock at `instant` (aware) for this task and the tasks it starts."""
    if instant.tzinfo is None:
        raise ValueError("frozen_time needs an instant with an offset")
    token = _frozen.set(instant.astimezone(UTC))
    try:
        yield
    finally:
        _frozen.reset(token)
