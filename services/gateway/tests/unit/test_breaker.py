"""A replica's breaker and the budget of retries, told the time."""

from hypothesis import given
from hypothesis import strategies as st

from maillage_gateway.breaker import (
    FAILURES,
    FIRST_PAUSE_SECONDS,
    LONGEST_PAUSE_SECONDS,
    Breaker,
    RetryBudget,
)


def fail(breaker, times, now=0.0):
    return [breaker.failed(now) for _ in range(times)]


class TestBreaker:
    def test_failures_in_a_row_open_it_once(self):
        breaker = Breaker()
        assert fail(breaker, FAILURES + 3) == [False] * (FAILURES - 1) + [True] + [False] * 3
        assert not breaker.allows(0.0, reachable=True)

    def test_an_answer_in_between_forgives(self):
        breaker = Breaker()
        fail(breaker, FAILURES - 1)
        breaker.answered(404)
        fail(breaker, FAILURES - 1)
        assert breaker.allows(0.0, reachable=False)

    def test_it_stays_open_for_the_pause_and_until_the_probe_reaches(self):
        breaker = Breaker()
        fail(breaker, FAILURES)
        after = FIRST_PAUSE_SECONDS
        assert not breaker.allows(after - 0.01, reachable=True)
        assert not breaker.allows(after, reachable=False)
        assert breaker.allows(after, reachable=True)

    def test_one_failure_after_the_pause_opens_it_for_twice_as_long(self):
        breaker = Breaker()
        fail(breaker, FAILURES)
        now, pause = 0.0, FIRST_PAUSE_SECONDS
        for _ in range(8):
            now += pause
            assert breaker.allows(now, reachable=True)
            assert fail(breaker, 1, now) == [True]
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            assert not breaker.allows(now + pause - 0.01, reachable=True)

    def test_an_answer_after_the_pause_makes_it_as_new(self):
        breaker = Breaker()
        fail(breaker, FAILURES)
        breaker.allows(FIRST_PAUSE_SECONDS, reachable=True)
        breaker.answered(200)
        assert fail(breaker, FAILURES - 1, 5.0) == [False] * (FAILURES - 1)

    def test_errors_are_no_failures_but_are_seen(self):
        breaker = Breaker()
        for _ in range(FAILURES):
            assert not breaker.is_erring
            breaker.answered(500)
        assert breaker.is_erring
        assert breaker.allows(0.0, reachable=True)
        breaker.answered(200)
        assert not breaker.is_erring

    @given(st.lists(st.tuples(st.sampled_from("fae"), st.integers(0, 40)), max_size=200))
    def test_it_never_stays_shut_for_longer_than_the_longest_pause(self, events):
        breaker, now = Breaker(), 0.0
        for kind, tenths in events:
            now += tenths / 10
            if breaker.allows(now, reachable=True):
                if kind == "f":
                    breaker.failed(now)
                else:
                    breaker.answered(200 if kind == "a" else 500)
        assert breaker.allows(now + LONGEST_PAUSE_SECONDS, reachable=True)


class TestRetryBudget:
    @given(st.integers(0, 300))
    def test_retries_are_at_most_a_fifth_of_the_requests_and_ten(self, requests):
        budget, spent = RetryBudget(), 0
        for _ in range(requests):
            budget.earn()
            spent += budget.spend()
        assert spent <= RetryBudget.RESERVE + requests * RetryBudget.SHARE + 1
        assert spent >= min(requests, RetryBudget.RESERVE)
