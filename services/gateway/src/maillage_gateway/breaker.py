"""When a replica is not asked: a pure state machine that is told the time.

One replica is one process of a service. Failures in a row open its breaker for a pause that doubles
each time; the first failure after a pause opens it again. Two things count apart: a replica that
cannot be reached, breaks off or stays silent (`failed`), and one that answers with errors while
others do not (`errors`, which whoever knows the others judges).
"""

FAILURES = 5
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0


class Breaker:
    """`now` is seconds of a monotonic clock throughout."""

    __slots__ = ("_pause", "_tolerated", "errors", "failures", "is_open", "opened_until", "trips")

    def __init__(self) -> None:
        self.failures = 0
        self.errors = 0
        self.is_open = False
        self.opened_until = 0.0
        self.trips = 0
        self._tolerated = FAILURES
        self._pause = FIRST_PAUSE_SECONDS

    def allows(self, now: float, *, reachable: bool) -> bool:
        """Whether to ask. `reachable` is what the last probe found; only an open breaker cares."""
        if not self.is_open:
            return True
        if not reachable or now < self.opened_until:
            return False
        # Open to traffic again, on probation: one failure is enough now.
        self.is_open = False
        self.failures = self.errors = 0
        self._tolerated = 1
        return True

    def answered(self, status: int) -> None:
        self.failures = 0
        if status >= 500:
            self.errors += 1
            return
        self.errors = 0
        if not self.is_open:
            self._tolerated, self._pause = FAILURES, FIRST_PAUSE_SECONDS

    def failed(self, now: float) -> bool:
        """Note a failure; whether it has opened the breaker."""
        self.failures += 1
        return not self.is_open and self.failures >= self._tolerated and self.trip(now)

    @property
    def is_erring(self) -> bool:
        return not self.is_open and self.errors >= self._tolerated

    def trip(self, now: float) -> bool:
        """Open for the next pause."""
        self.is_open = True
        self.opened_until = now + self._pause
        self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)
        self.trips += 1
        return True


class RetryBudget:
    """Retries may be a fifth of the requests, and ten at once after a quiet time.

    So that a service in trouble is not asked twice as much as a sound one.
    """

    SHARE = 0.2
    RESERVE = 10.0

    __slots__ = ("_saved",)

    def __init__(self) -> None:
        self._saved = self.RESERVE

    def earn(self) -> None:
        """One request came."""
        if self._saved < self.RESERVE:
            self._saved += self.SHARE

    def spend(self) -> bool:
        """Whether one more retry is within the budget."""
        if self._saved < 1:
            return False
        self._saved -= 1
        return True
