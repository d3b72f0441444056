"""What is wrong with several parameters together is told at each of them."""

from typing import Any

import pytest

V1 = "/directory/v1"


@pytest.mark.parametrize(
    ("query", "code", "names"),
    [
        (f"{V1}/territories/resolve?lat=50.85", "incomplete_position", ["lat", "lon"]),
        (
            f"{V1}/territories/resolve",
            "one_place_needed",
            ["postcode", "statistical_sector", "lat", "lon"],
        ),
        (f"{V1}/events?from=2026-12-02&to=2026-12-01", "dates_out_of_order", ["to"]),
        (f"{V1}/events.ics?from=2026-01-01&to=2028-01-01", "period_too_long", ["to"]),
        (f"{V1}/services?radius_m=500&sort=distance", "near_missing", ["near"]),
        ("/hsds/v3/services?per_page=5000", "less_than_equal", ["per_page"]),
        ("/hsds/v3/service_at_locations?proximity=10", "missing", ["postcode"]),
    ],
)
async def test_are_named_when_they_contradict_each_other(
    client: Any, as_anonymous: Any, query: str, code: str, names: list[str]
) -> None:
    answer = await client.get(query, headers=as_anonymous())
    assert answer.status_code == 422
    told = [(fault["code"], fault["parameter"]) for fault in answer.json()["errors"]]
    assert told == [(code, name) for name in names]


@pytest.mark.parametrize("path", ["worklist", "delegations"])
async def test_that_name_no_territory_are_refused(client: Any, admin: Any, path: str) -> None:
    answer = await client.get(f"{V1}/{path}?territory=nrod", headers=admin)
    assert (answer.status_code, answer.json()["suggestions"][0]) == (422, "nord")
