"""The grid by which the index finds what is near."""

from math import asin, cos, floor, radians, sin, sqrt

from hypothesis import given, settings
from hypothesis import strategies as st

from maillage_directory.search.places import BANDS_M, cells_around


def metres(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Great-circle distance, as `places.DISTANCE` computes it."""
    (lat1, lon1), (lat2, lon2) = [(radians(a), radians(b)) for a, b in (one, other)]
    half = sin((lat1 - lat2) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lon1 - lon2) / 2) ** 2
    return 2 * 6371008.8 * asin(sqrt(min(1.0, half)))


@settings(derandomize=True, database=None, max_examples=300)
@given(
    st.tuples(st.floats(-80, 80), st.floats(-179.9, 179.9)),
    st.sampled_from(BANDS_M),
    st.floats(-1, 1),
    st.floats(-1, 1),
)
def test_every_place_within_a_band_lies_in_one_of_its_cells(
    point: tuple[float, float], reach: int, up: float, right: float
) -> None:
    degrees = reach / 111_195
    latitude = point[0] + up * degrees
    longitude = (point[1] + right * degrees / cos(radians(latitude)) + 180) % 360 - 180
    if metres(point, (latitude, longitude)) <= reach:
        # As the projection writes it.
        cell = f"@{floor(latitude * 4)}/{floor(longitude * 2.5)}"
        assert cell in cells_around(*point, reach)


def test_near_brussels_the_cells_of_a_band_are_few() -> None:
    counts = [len(cells_around(50.8466, 4.3528, metres)) for metres in BANDS_M]
    assert counts == sorted(counts)
    assert counts[0] <= 9
    assert counts[-1] <= 70
