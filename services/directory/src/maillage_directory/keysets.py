"""Pages by keyset: a query reads one row more than a page holds, and this cuts it."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from maillage_common.pagination import Cursors

Row = TypeVar("Row")


def cut_page(
    rows: Sequence[Row],
    limit: int,
    *,
    key: Callable[[Row], Sequence[Any]],
    cursors: Cursors,
    query: Any,
) -> tuple[list[Row], str | None]:
    """The page and the next cursor; `key` gives what the order is by, in JSON values."""
    if len(rows) <= limit:
        return list(rows), None
    return list(rows[:limit]), cursors.encode(list(key(rows[limit - 1])), query=query)
