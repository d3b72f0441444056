"""The life of an observation: noted on the ground, sent to an institution, answered by it."""

from maillage_directory.errors import ImpossibleTransition
from maillage_directory.models import ObservationState as State

_MOVES: frozenset[tuple[State, State]] = frozenset(
    {
        (State.NOTED, State.SENT),
        (State.SENT, State.ANSWERED),
        # An answer that settles nothing: it is sent again, to the same or to another one.
        (State.ANSWERED, State.SENT),
    }
)


def check_move(present: State, to: State) -> None:
    """Raises ImpossibleTransition, with the states that may follow."""
    if (present, to) not in _MOVES:
        allowed = sorted(state for before, state in _MOVES if before == present)
        raise ImpossibleTransition(
            f"It may become: {', '.join(allowed)}.",
            members={"state": present, "may_become": allowed},
        )
