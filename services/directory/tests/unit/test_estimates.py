"""Where a search of a large directory looks first, and by what."""

from collections.abc import Callable
from typing import Any

import pytest
from services.directory.tests.searching import NOON

from maillage_directory.search.conditions import Frozen, Tier, fragments
from maillage_directory.search.estimates import Look, Outlook
from maillage_directory.search.places import cells_around
from maillage_directory.search.schemas import SearchParams
from maillage_directory.visibility import PUBLIC_LAYER
from maillage_directory.vocabulary import Terms

BRUSSELS = (50.85, 4.35)
Looking = Callable[..., tuple[int, Outlook, list[Tier]]]


@pytest.fixture
def looking() -> Looking:
    """Which tier is asked first: of 100,000 services, as many in each cell of 28 km."""

    def look(services: int = 100_000, **asked: Any) -> tuple[int, Outlook, list[Tier]]:
        terms = Terms(
            needs={"food": {}, "shelter": {}},
            need_parents={"food": None, "shelter": None},
            need_words={"abri de nuit": "shelter", "repas": "food"},
            programs={},
            territories={},
            territory_kind={},
            territory_above={},
            service_count=services,
            shares={
                "needs": {"food": 0.1, "shelter": 0.02},
                "languages": {"fr": 0.8, "ar": 0.1, "?": 0.1},
                "document": {"repa": 0.1, "accueil": 0.4, "abri": 0.05, "nuit": 0.05, "de": 0.9},
                "places": dict.fromkeys(cells_around(*BRUSSELS, 300_000), 0.01),
                # From half past nine to half past twelve on Mondays, and half an hour at night.
                "open": {**dict.fromkeys(map(str, range(19, 25)), 0.6), "49": 0.01},
            },
        )
        params = SearchParams.model_validate({"near": "50.85,4.35", **asked})
        tiers = fragments(params, PUBLIC_LAYER, terms, Frozen(NOON)).tiers
        outlook = Outlook(params, terms, NOON)
        return outlook.first(tiers), outlook, tiers

    return look


def test_what_is_frequent_is_looked_for_nearby_and_what_is_rare_everywhere(
    looking: Looking,
) -> None:
    assert looking()[0] == 0
    assert looking(need="food", q="repas")[0] == 0
    assert looking(need="shelter", q="accueil", spoken="ar", open_at="now")[0] > 0
    assert looking(need="shelter", q="zythologue", spoken="ar")[0] == 3


def test_the_words_of_one_phrase_are_expected_together(looking: Looking) -> None:
    def expected(asked: str) -> float:
        _, outlook, tiers = looking(q=asked)
        return outlook.look(tiers[-1]).fits

    assert expected("abri de nuit") == pytest.approx(expected("abri"))
    assert expected("abri accueil") == pytest.approx(expected("abri") * 0.4)
    assert expected("repas à") == pytest.approx(expected("repas")), "and short ones are no matter"


def test_what_is_open_then_is_expected_and_not_what_is_open_at_another_hour(
    looking: Looking,
) -> None:
    def expected(*open_at: str) -> float:
        _, outlook, tiers = looking(q="repas", **({"open_at": list(open_at)} if open_at else {}))
        return outlook.look(tiers[-1]).fits

    noon, night = "2026-11-23T12:10:00+01:00", "2026-11-24T00:40:00+01:00"
    assert expected("now") == expected(noon) == pytest.approx(expected() * 0.6)
    assert expected(night) == pytest.approx(expected() * 0.01), "opened on the eve"
    assert expected(noon, night) == pytest.approx(expected() * 0.61)
    assert expected("2026-11-23T05:00:00+01:00") == 0
    assert looking(q="repas", open_at=noon)[0] < looking(q="repas", open_at=night)[0]


def test_a_frequent_word_or_language_is_asked_of_each_service_where_few_are_found(
    looking: Looking,
) -> None:
    _, outlook, (near, *_, everything) = looking(q="accueil abri", spoken="ar")
    assert outlook.look(near).later == ("accueil",)
    assert outlook.look(near).speaks_later
    assert outlook.look(everything).later == ()
    assert not outlook.look(everything).speaks_later


def test_without_statistics_everything_is_looked_at(looking: Looking) -> None:
    _, outlook, tiers = looking(services=0, q="repas")
    assert outlook.first(tiers) == 3
    assert outlook.look(tiers[0]) == Look(cost=outlook.look(tiers[0]).cost)
