"""The tour of the directory runs against the real stack, and shows what it must."""

from tests.e2e.running import RunningStack

from maillage_local.demo.tour import SEARCHES, STOPS, tour


def test_the_directory_is_shown_in_french_and_dutch(stack: RunningStack) -> None:
    stops = list(tour(stack.story()))
    assert len(stops) == len(STOPS)
    partners, programs, basins, gaps, searches, around = ("\n".join(one.lines) for one in stops)
    assert len(partners.splitlines()) == 20
    assert all(code in programs for code in ("RAQ", "CHW", "CPPS", "CeS"))
    assert "Schaerbeek / Schaarbeek" in basins
    assert "Molenbeek" in gaps
    assert len(searches.splitlines()) == 3 * len(SEARCHES)
    assert "Permanence administrative" in around
    assert "Administratieve permanentie" in around
