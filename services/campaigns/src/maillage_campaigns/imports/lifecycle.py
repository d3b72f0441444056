"""The life of an import as a table. docs/states.md says the same in words."""

from maillage_campaigns.models import ImportStage as Stage

MOVES: dict[Stage, frozenset[Stage]] = {
    Stage.RECEIVED: frozenset({Stage.PARSING, Stage.FAILED, Stage.CANCELLED}),
    Stage.PARSING: frozenset({Stage.VALIDATED, Stage.FAILED, Stage.CANCELLED}),
    Stage.VALIDATED: frozenset({Stage.AWAITING_APPROVAL, Stage.PARSING, Stage.CANCELLED}),
    Stage.AWAITING_APPROVAL: frozenset({Stage.MERGING, Stage.PARSING, Stage.CANCELLED}),
    # Back to parsing only when PostgreSQL lost the staged rows; the approval stands.
    Stage.MERGING: frozenset({Stage.DONE, Stage.PARSING}),
    Stage.DONE: frozenset(),
    Stage.CANCELLED: frozenset(),
    Stage.FAILED: frozenset(),
}
# An import in one of these is found again by the same bytes.
LIVE_OR_DONE = frozenset(Stage) - {Stage.CANCELLED, Stage.FAILED}


class ImpossibleMove(Exception):
    """A job or a decision came for a stage that is over: someone else was faster."""


def move(current: Stage, to: Stage) -> Stage:
    """The new stage; raises `ImpossibleMove`."""
    if to not in MOVES[current]:
        raise ImpossibleMove(f"{current} → {to}")
    return to


def needs_confirmation(*, rows_bad: int, rows_total: int, percent: int) -> bool:
    """Whether so many rows are bad that the approval must be said twice."""
    return rows_total > 0 and rows_bad * 100 > rows_total * percent


def seconds_left(*, elapsed: float, done: int, total: int | None) -> int | None:
    """Remaining time at the pace so far; None while nothing can be said."""
    if total is None or done <= 0 or elapsed <= 0:
        return None
    return round(elapsed * max(total - done, 0) / done)
