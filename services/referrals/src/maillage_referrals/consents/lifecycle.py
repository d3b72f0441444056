"""The life of a consent: proposed, active, and three ends from which nothing comes back."""

from collections.abc import Mapping

from maillage_referrals.errors import ConsentFinal
from maillage_referrals.vocabulary import ConsentStatus

S = ConsentStatus

MOVES: Mapping[ConsentStatus, frozenset[ConsentStatus]] = {
    S.PROPOSED: frozenset({S.ACTIVE, S.WITHDRAWN, S.EXPIRED}),
    S.ACTIVE: frozenset({S.WITHDRAWN, S.EXPIRED, S.REPLACED}),
    S.WITHDRAWN: frozenset(),
    S.EXPIRED: frozenset(),
    S.REPLACED: frozenset(),
}
LIVE = frozenset(status for status, ends in MOVES.items() if ends)


def check_move(start: ConsentStatus, end: ConsentStatus) -> None:
    """Raises `ConsentFinal`: a consent that ended stays ended."""
    if end not in MOVES[start]:
        raise ConsentFinal(f"It is {start}.")


def is_withdrawable(status: ConsentStatus) -> bool:
    """Withdrawing what ended already changes nothing and is not an error."""
    return status in LIVE
