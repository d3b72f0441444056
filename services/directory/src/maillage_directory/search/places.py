"""Where things are: distance in SQL, and the coarse grid by which the index finds what is near."""

from math import ceil, cos, floor, radians
from typing import Any

# What is within this distance is about the point; the rest is elsewhere.
NEAR_M = 25_000
# Cells in a degree of latitude and of longitude: about 28 km each way in Belgium.
_ROWS, _COLUMNS = 4, 2.5
_AROUND = int(360 * _COLUMNS)
_METRES_A_DEGREE = 111_195

# The key of a service without a place to be told (by phone, at home, confidential) nor zones.
UNPLACED = "@"

# Great-circle metres (haversine, mean Earth radius) from the point asked for.
_METRES = (
    "(2 * 6371008.8 * asin(sqrt(LEAST(1,"
    " power(sin((radians({latitude}) - :latitude) / 2), 2)"
    " + :cosine * cos(radians({latitude}))"
    " * power(sin((radians({longitude}) - :longitude) / 2), 2)))))::int"
)

# To the nearest place that may be told; most services have one at most, and need no loop.
# S608: the parts are texts of this file.
DISTANCE = """CASE cardinality(s.latitudes) WHEN 0 THEN NULL WHEN 1 THEN {first}
    ELSE (SELECT min({each}) FROM unnest(s.latitudes, s.longitudes) AS p(latitude, longitude))
END""".format(  # noqa: S608
    first=_METRES.format(latitude="s.latitudes[1]", longitude="s.longitudes[1]"),
    each=_METRES.format(latitude="p.latitude", longitude="p.longitude"),
)


def point_parameters(latitude: float, longitude: float) -> dict[str, Any]:
    """The parameters of `DISTANCE`, in radians."""
    return {
        "latitude": radians(latitude),
        "longitude": radians(longitude),
        "cosine": cos(radians(latitude)),
    }


def cells_around(latitude: float, longitude: float) -> list[str]:
    """The keys of the cells that hold every place within `NEAR_M` of a point.

    Nine of them in Belgium; more where meridians draw together, and across the date line.
    """
    row, column = floor(latitude * _ROWS), floor(longitude * _COLUMNS)
    poleward = min(abs(latitude) + 1 / _ROWS, 89.9)
    width = _METRES_A_DEGREE / _COLUMNS * cos(radians(poleward))
    beside = min(ceil(NEAR_M / width), _AROUND // 2)
    return [
        f"@{near_row}/{(near_column + _AROUND // 2) % _AROUND - _AROUND // 2}"
        for near_row in range(row - 1, row + 2)
        for near_column in range(column - beside, column + beside + 1)
    ]
