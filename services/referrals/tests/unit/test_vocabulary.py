from datetime import UTC, datetime

import pytest

from maillage_referrals.consents import lifecycle
from maillage_referrals.errors import ConsentFinal
from maillage_referrals.events import LANGUAGES, Trail, words
from maillage_referrals.periods import add_months
from maillage_referrals.vocabulary import (
    ORDINARY,
    SENSITIVE,
    Category,
    ConsentStatus,
    Purpose,
    sensitive_categories,
)


def test_every_category_is_ordinary_or_sensitive() -> None:
    assert set(Category) == ORDINARY | SENSITIVE
    assert not ORDINARY & SENSITIVE


def test_a_child_of_a_sensitive_need_is_as_sensitive() -> None:
    needs = ["housing", "mental-health-young", "foreigners-law", "violence"]
    assert sensitive_categories(needs) == {"mental_health", "residence_status", "violence"}
    assert sensitive_categories(["violences", "housing-rent"]) == set()


def test_no_purpose_works_against_the_person() -> None:
    assert set(Purpose) == {"care", "social_support", "coordination", "continuity_at_discharge"}


def test_every_audit_event_has_plain_words_in_every_language() -> None:
    for event in Trail:
        assert len({words(event, language) for language in LANGUAGES}) == len(LANGUAGES)


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        ((2026, 1, 31), 1, (2026, 2, 28)),
        ((2024, 2, 29), 12, (2025, 2, 28)),
        ((2026, 11, 22), 3, (2027, 2, 22)),
        ((2026, 12, 1), 1, (2027, 1, 1)),
    ],
)
def test_months_are_calendar_months(
    start: tuple[int, int, int], months: int, end: tuple[int, int, int]
) -> None:
    assert add_months(datetime(*start, tzinfo=UTC), months) == datetime(*end, tzinfo=UTC)


def test_a_consent_that_ended_stays_ended() -> None:
    for start in (ConsentStatus.WITHDRAWN, ConsentStatus.EXPIRED, ConsentStatus.REPLACED):
        assert not lifecycle.is_withdrawable(start)
        for end in ConsentStatus:
            with pytest.raises(ConsentFinal):
                lifecycle.check_move(start, end)
