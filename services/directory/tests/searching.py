"""When tests search, and what they find open and told."""

from datetime import UTC, datetime, timedelta
from typing import Any

NOON = datetime(2026, 11, 23, 11, 0, tzinfo=UTC)  # Monday, 12:00 in Brussels
MORNINGS = [{"freq": "WEEKLY", "byday": "MO,TU", "opens_at": "09:00", "closes_at": "12:30"}]


def told(status: Any, *, days: Any = 10, **fields: Any) -> Any:
    """A capacity told yesterday, good for some days."""
    observed = datetime.now(UTC) - timedelta(days=1)
    return {
        "status": status,
        "observed_at": observed.isoformat(),
        "valid_until": (observed + timedelta(days=days)).isoformat(),
        **fields,
    }
