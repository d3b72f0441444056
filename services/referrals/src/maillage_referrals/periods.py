"""Calendar months: what law and policy count in."""

from calendar import monthrange
from datetime import datetime


def add_months(instant: datetime, months: int) -> datetime:
    """The same day and time `months` later; the month's last day when that day does not exist."""
    total = instant.month - 1 + months
    year, month = instant.year + total // 12, total % 12 + 1
    return instant.replace(year=year, month=month, day=min(instant.day, monthrange(year, month)[1]))
