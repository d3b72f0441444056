"""The life of a referral: who may move it where, and when the person is still owed an answer.

States follow FHIR R4 Task; `rerouted`, `no_show`, `withdrawn` and `expired` are ours.
"""

from collections.abc import Mapping

from maillage_referrals.errors import (
    AnswerGiven,
    AnswerNotDue,
    IllegalTransition,
    NotFollowable,
    NotYourMove,
)
from maillage_referrals.vocabulary import PersonAnswer, ReferralStatus, Role

S = ReferralStatus
R = Role

OPEN = frozenset(
    {S.DRAFT, S.REQUESTED, S.RECEIVED, S.ACCEPTED, S.IN_PROGRESS, S.ON_HOLD, S.NO_SHOW}
)
FINAL = frozenset(ReferralStatus) - OPEN
# Nothing is owed to the person after these, and the receiver learns no more than "closed".
WITHOUT_ANSWER = frozenset({S.CANCELLED, S.WITHDRAWN, S.ENTERED_IN_ERROR})
HIDDEN_FROM_RECEIVER = WITHOUT_ANSWER | {S.EXPIRED}
FOLLOWABLE = frozenset({S.REJECTED, S.REROUTED, S.FAILED, S.NO_SHOW, S.EXPIRED})
UNANSWERABLE = WITHOUT_ANSWER | {S.DRAFT}

_RECEIVER_MOVES: Mapping[ReferralStatus, tuple[ReferralStatus, ...]] = {
    S.REQUESTED: (S.RECEIVED, S.ACCEPTED, S.REJECTED, S.REROUTED),
    S.RECEIVED: (S.ACCEPTED, S.REJECTED, S.REROUTED),
    S.ACCEPTED: (S.IN_PROGRESS, S.ON_HOLD, S.NO_SHOW, S.COMPLETED, S.FAILED),
    S.IN_PROGRESS: (S.ON_HOLD, S.NO_SHOW, S.COMPLETED, S.FAILED),
    S.ON_HOLD: (S.IN_PROGRESS, S.COMPLETED, S.FAILED),
    S.NO_SHOW: (S.ACCEPTED, S.FAILED),
}


def _table() -> dict[tuple[ReferralStatus, ReferralStatus], frozenset[Role]]:
    table: dict[tuple[ReferralStatus, ReferralStatus], frozenset[Role]] = {
        (S.DRAFT, S.REQUESTED): frozenset({R.SENDER})
    }
    for start, ends in _RECEIVER_MOVES.items():
        table.update({(start, end): frozenset({R.RECEIVER}) for end in ends})
    for start in OPEN:
        table[start, S.CANCELLED] = frozenset({R.SENDER})
        table[start, S.WITHDRAWN] = frozenset({R.PERSON, R.SENDER})
        table[start, S.EXPIRED] = frozenset({R.CLOCK})
    for start in set(ReferralStatus) - {S.ENTERED_IN_ERROR}:
        table[start, S.ENTERED_IN_ERROR] = frozenset({R.SENDER})
    return table


MOVES: Mapping[tuple[ReferralStatus, ReferralStatus], frozenset[Role]] = _table()


def check_move(start: ReferralStatus, end: ReferralStatus, role: Role) -> None:
    """Raises `IllegalTransition` when nobody may, `NotYourMove` when another may."""
    movers = MOVES.get((start, end))
    if movers is None:
        raise IllegalTransition(f"From {start} a referral does not go to {end}.")
    if role not in movers:
        raise NotYourMove(f"Only {' or '.join(sorted(movers))} may do this.")


def next_states(start: ReferralStatus, role: Role) -> list[ReferralStatus]:
    return sorted(
        end for (begin, end), movers in MOVES.items() if begin == start and role in movers
    )


def check_answer(status: ReferralStatus, present: PersonAnswer | None) -> None:
    """The person's answer is noted once; only `unreachable` may be followed by another."""
    if status in UNANSWERABLE:
        raise AnswerNotDue
    if present not in (None, PersonAnswer.UNREACHABLE):
        raise AnswerGiven


def check_follow(status: ReferralStatus) -> None:
    if status not in FOLLOWABLE:
        raise NotFollowable


def is_closed(status: ReferralStatus, answer: PersonAnswer | None) -> bool:
    """The receiver's word is not enough: the loop closes with the person's own."""
    if status in WITHOUT_ANSWER:
        return True
    return status in FINAL and answer is not None
