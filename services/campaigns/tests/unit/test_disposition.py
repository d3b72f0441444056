from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maillage_campaigns.calling.lifecycle import AttemptFact, Disposition, derive_disposition
from maillage_campaigns.results import (
    MEANINGS,
    PRECEDENCE,
    AaporClass,
    CallResult,
    ClosedBecause,
)
from maillage_campaigns.rules import CallingRules

BEGAN = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
RULES = CallingRules(max_attempts=4)


def derive(
    *results: CallResult, callback: bool = False, objection: bool = False, numbers: int = 1
) -> Disposition:
    attempts = [
        AttemptFact(result, BEGAN + timedelta(hours=index)) for index, result in enumerate(results)
    ]
    if callback:
        last = attempts[-1]
        attempts[-1] = AttemptFact(last.result, last.ended_at, last.ended_at + timedelta(days=2))
    return derive_disposition(attempts, RULES, has_objection=objection, working_numbers=numbers)


def test_every_result_has_a_meaning_and_a_rank() -> None:
    assert set(MEANINGS) == set(CallResult) == set(PRECEDENCE)


@pytest.mark.parametrize(
    ("results", "aapor_class"),
    [
        ([CallResult.NO_ANSWER], AaporClass.UNKNOWN_HOUSEHOLD),
        ([CallResult.NO_ANSWER, CallResult.VOICEMAIL], AaporClass.NON_CONTACT),
        ([CallResult.RELATIVE_ANSWERED, CallResult.NO_ANSWER], AaporClass.NON_CONTACT),
        ([CallResult.WRONG_NUMBER], AaporClass.UNKNOWN_OTHER),
        ([CallResult.MOVED_AWAY], AaporClass.NOT_ELIGIBLE),
        ([CallResult.REFUSED], AaporClass.REFUSAL),
        ([CallResult.NO_ANSWER, CallResult.COMPLETE], AaporClass.COMPLETE),
    ],
)
def test_the_class_is_of_the_most_that_was_learnt(
    results: list[CallResult], aapor_class: AaporClass
) -> None:
    assert derive(*results).aapor_class is aapor_class


def test_an_open_callback_is_never_a_refusal() -> None:
    found = derive(CallResult.CALL_BACK, callback=True)
    assert found.aapor_class is AaporClass.OTHER
    assert found.closed_because is None
    assert found.next_due_at == found.callback_at == BEGAN + timedelta(days=2)


def test_a_promised_callback_outlives_the_attempt_limit() -> None:
    calls = [CallResult.NO_ANSWER] * 3
    assert derive(*calls, CallResult.CALL_BACK, callback=True).closed_because is None
    exhausted = derive(*calls, CallResult.NO_ANSWER)
    assert exhausted.closed_because is ClosedBecause.ATTEMPTS_EXHAUSTED


def test_a_refusal_closes_even_when_attempts_are_used_up() -> None:
    calls = [CallResult.NO_ANSWER] * 3
    assert derive(*calls, CallResult.REFUSED).closed_because is ClosedBecause.REFUSED


def test_waits_as_long_as_the_result_asks() -> None:
    assert derive(CallResult.BUSY).next_due_at == BEGAN + timedelta(minutes=30)
    assert derive(CallResult.NO_ANSWER).next_due_at == BEGAN + timedelta(hours=3)
    assert derive(CallResult.WRONG_NUMBER).next_due_at == BEGAN


def test_closes_without_a_working_number_or_with_an_objection() -> None:
    assert derive(CallResult.WRONG_NUMBER, numbers=0).closed_because is ClosedBecause.NO_NUMBER
    assert derive(CallResult.NO_ANSWER, objection=True).closed_because is ClosedBecause.OBJECTION


@given(st.lists(st.sampled_from(CallResult), min_size=1, max_size=8), st.booleans(), st.booleans())
def test_what_is_final_stays_final(
    results: list[CallResult], objection: bool, callback: bool
) -> None:
    before = derive(*results, objection=objection)
    after = derive(*results, CallResult.NO_ANSWER, objection=objection, callback=callback)
    final = {
        ClosedBecause.REFUSED,
        ClosedBecause.DECEASED,
        ClosedBecause.NOT_ELIGIBLE,
        ClosedBecause.OBJECTION,
    }
    if before.closed_because in final:
        assert after.closed_because == before.closed_because
    assert after.attempts == before.attempts + 1
    assert PRECEDENCE.index(after.result) <= PRECEDENCE.index(before.result)


@given(st.permutations(list(CallResult)))
def test_the_class_does_not_depend_on_the_order(results: list[CallResult]) -> None:
    assert derive(*results).result is CallResult.COMPLETE
