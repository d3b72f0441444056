"""The life of a referral, as a state machine against the table of the documentation."""

from itertools import product

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from maillage_common.errors import MaillageError
from maillage_referrals.referrals import lifecycle
from maillage_referrals.vocabulary import PersonAnswer, ReferralStatus, Role

DOCUMENTED = """
draft: requested cancelled by sender
requested: received accepted rejected rerouted by receiver
received: accepted rejected rerouted by receiver
accepted: in_progress on_hold no_show completed failed by receiver
in_progress: on_hold no_show completed failed by receiver
on_hold: in_progress completed failed by receiver
no_show: accepted failed by receiver
"""
OPEN = {"draft", "requested", "received", "accepted", "in_progress", "on_hold", "no_show"}
NOTHING_OWED = {"cancelled", "withdrawn", "entered_in_error"}


def documented() -> set[tuple[str, str, str]]:
    allowed = set()
    for line in DOCUMENTED.strip().splitlines():
        start, _, rest = line.partition(": ")
        ends, _, role = rest.partition(" by ")
        allowed |= {(start, end, role) for end in ends.split()}
    for start in OPEN:
        allowed |= {
            (start, "cancelled", "sender"),
            (start, "withdrawn", "person"),
            (start, "withdrawn", "sender"),
            (start, "expired", "clock"),
        }
    allowed |= {
        (str(start), "entered_in_error", "sender")
        for start in ReferralStatus
        if start != "entered_in_error"
    }
    return allowed


@pytest.mark.parametrize("start", ReferralStatus)
def test_allows_what_the_table_says_and_nothing_else(start: ReferralStatus) -> None:
    allowed = documented()
    for end, role in product(ReferralStatus, Role):
        try:
            lifecycle.check_move(start, end, role)
            is_allowed = True
        except MaillageError:
            is_allowed = False
        assert is_allowed == ((start, end, role) in allowed), (start, end, role)
        assert (end in lifecycle.next_states(start, role)) == is_allowed


class ReferralLife(RuleBasedStateMachine):
    """Anybody tries anything; what holds must go on holding."""

    def __init__(self) -> None:
        super().__init__()
        self.status = ReferralStatus.DRAFT
        self.answer: PersonAnswer | None = None
        self.was_final = False
        self.was_closed = False

    @rule(to=st.sampled_from(ReferralStatus), role=st.sampled_from(Role))
    def move(self, to: ReferralStatus, role: Role) -> None:
        try:
            lifecycle.check_move(self.status, to, role)
        except MaillageError:
            return
        if self.was_final:
            assert to is ReferralStatus.ENTERED_IN_ERROR
        self.status = to

    @rule(answer=st.sampled_from(PersonAnswer))
    def note_answer(self, answer: PersonAnswer) -> None:
        try:
            lifecycle.check_answer(self.status, self.answer)
        except MaillageError:
            return
        assert self.answer in (None, PersonAnswer.UNREACHABLE)
        assert self.status not in {*NOTHING_OWED, "draft"}
        self.answer = answer

    @invariant()
    def closes_with_the_persons_answer_alone(self) -> None:
        closed = lifecycle.is_closed(self.status, self.answer)
        if closed and self.status not in NOTHING_OWED:
            assert self.answer is not None
            assert self.status not in OPEN
        if self.was_closed:
            assert closed
        self.was_closed = closed

    @invariant()
    def what_is_final_stays_final(self) -> None:
        is_final = self.status in lifecycle.FINAL
        assert is_final == (self.status not in OPEN)
        assert is_final or not self.was_final
        self.was_final = is_final

    @invariant()
    def somebody_can_always_end_what_is_open(self) -> None:
        if self.status in OPEN:
            assert ReferralStatus.WITHDRAWN in lifecycle.next_states(self.status, Role.PERSON)
            assert ReferralStatus.EXPIRED in lifecycle.next_states(self.status, Role.CLOCK)


ReferralLife.TestCase.settings = settings(
    max_examples=200, stateful_step_count=30, deadline=None, derandomize=True, database=None
)
TestReferralLife = ReferralLife.TestCase
