"""The tour of the directory runs against the real stack, and shows what it must."""

from tests.e2e.running import RunningStack

from maillage_local.demo.tour import SEARCHES, STOPS, tour


def test_the_directory_is_shown_in_french_and_dutch(stack: RunningStack) -> None:
    stops = list(tour(stack.story()))
    assert len(stops) == len(STOPS)
    told = ("\n".join(one.lines) for one in stops)
    partners, programs, basins, gaps, searches, around, proposed, capacity, reports, twins = told
    assert len(partners.splitlines()) == 20
    assert all(code in programs for code in ("RAQ", "CHW", "CPPS", "CeS"))
    assert "Schaerbeek / Schaarbeek" in basins
    assert "Molenbeek" in gaps
    assert len(searches.splitlines()) == 3 * len(SEARCHES)
    assert "Permanence administrative" in around
    assert "Administratieve permanentie" in around
    assert "Gratuit sans revenu / Gratis zonder inkomen" in proposed
    assert "unknown (last known: waitlist)" in capacity
    assert "parité FR-NL" in reports
    assert "21012: offre / aanbod" in reports
    assert "fr  Permanence logement" in twins
    assert "nl  Woonpermanentie" in twins
    assert "308 " in twins
