"""A case's disposition, derived from its attempts. Pure: time comes as an argument."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from maillage_campaigns.results import (
    MEANINGS,
    AaporClass,
    CallResult,
    ClosedBecause,
    most_learnt,
)
from maillage_campaigns.rules import CallingRules, RetryDelays

_FINAL = {
    CallResult.COMPLETE: ClosedBecause.COMPLETED,
    CallResult.REFUSED: ClosedBecause.REFUSED,
    CallResult.BROKE_OFF: ClosedBecause.REFUSED,
    CallResult.DECEASED: ClosedBecause.DECEASED,
    CallResult.MOVED_AWAY: ClosedBecause.NOT_ELIGIBLE,
    CallResult.LEFT_MUTUALITY: ClosedBecause.NOT_ELIGIBLE,
}
# Final unless another call was agreed.
_FINAL_WITHOUT_CALLBACK = {
    CallResult.PARTIAL: ClosedBecause.COMPLETED,
    CallResult.UNABLE: ClosedBecause.UNABLE,
}


@dataclass(frozen=True)
class AttemptFact:
    result: CallResult
    ended_at: datetime
    callback_at: datetime | None = None


@dataclass(frozen=True)
class Disposition:
    """What the case row holds. An open case has `closed_because` None."""

    result: CallResult
    aapor_class: AaporClass
    attempts: int
    voicemails: int
    next_due_at: datetime
    callback_at: datetime | None
    closed_because: ClosedBecause | None


def derive_disposition(
    attempts: Sequence[AttemptFact],
    rules: CallingRules,
    *,
    has_objection: bool,
    working_numbers: int,
) -> Disposition:
    """The disposition after `attempts` (oldest first, at least one).

    An open callback is O or NC by what was reached, never R. A promised callback is kept even when
    the number of attempts is used up.
    """
    last = attempts[-1]
    best = most_learnt(attempt.result for attempt in attempts)
    because = _closed_because(attempts, rules, has_objection, working_numbers)
    callback_at = last.callback_at if because is None else None
    return Disposition(
        result=best,
        aapor_class=MEANINGS[best].aapor_class,
        attempts=len(attempts),
        voicemails=sum(attempt.result is CallResult.VOICEMAIL_LEFT for attempt in attempts),
        next_due_at=callback_at or last.ended_at + _delay(last.result, rules.delays),
        callback_at=callback_at,
        closed_because=because,
    )


def _closed_because(
    attempts: Sequence[AttemptFact],
    rules: CallingRules,
    has_objection: bool,
    working_numbers: int,
) -> ClosedBecause | None:
    for attempt in attempts:
        if attempt.result in _FINAL:
            return _FINAL[attempt.result]
    if has_objection:
        return ClosedBecause.OBJECTION
    last = attempts[-1]
    if working_numbers == 0:
        return ClosedBecause.NO_NUMBER
    if last.callback_at is not None:
        return None
    if last.result in _FINAL_WITHOUT_CALLBACK:
        return _FINAL_WITHOUT_CALLBACK[last.result]
    if len(attempts) >= rules.max_attempts:
        return ClosedBecause.ATTEMPTS_EXHAUSTED
    return None


def _delay(result: CallResult, delays: RetryDelays) -> timedelta:
    minutes = {
        CallResult.BUSY: delays.busy,
        CallResult.VOICEMAIL: delays.voicemail,
        CallResult.VOICEMAIL_LEFT: delays.voicemail,
        CallResult.RELATIVE_ANSWERED: delays.relative_answered,
        CallResult.TECHNICAL_PROBLEM: delays.technical_problem,
        CallResult.LANGUAGE_BARRIER: delays.language_barrier,
        CallResult.WRONG_NUMBER: delays.next_number,
        CallResult.OUT_OF_SERVICE: delays.next_number,
    }.get(result, delays.no_answer)
    return timedelta(minutes=minutes)
