"""Where things are: distance in SQL, and the coarse grid by which the index finds what is near."""

from math import ceil, cos, floor, hypot, radians
from typing import Any

# Metres: services within the first distance come before those within the second, and so on.
BANDS_M = (25_000, 50_000, 100_000)
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


def cells_around(latitude: float, longitude: float, metres: int) -> dict[str, float]:
    """The keys of the cells that hold every place within so many metres of a point, each with
    about the part of it that lies so near.

    At most nine for 25 km in Belgium; more where meridians draw together, and across the date line.
    """
    row, column = floor(latitude * _ROWS), floor(longitude * _COLUMNS)
    height = _METRES_A_DEGREE / _ROWS
    along = ceil(metres / height)
    poleward = min(abs(latitude) + (along + 1) / _ROWS, 89.9)
    width = _METRES_A_DEGREE / _COLUMNS * cos(radians(poleward))
    beside = min(ceil(metres / width), _AROUND // 2)
    north, east = latitude * _ROWS - row, longitude * _COLUMNS - column
    found = {}
    for up in range(-along, along + 1):
        for right in range(-beside, beside + 1):
            # The nearest corner or side of the cell, as if it were as narrow as the most poleward
            # one; a hundredth more, for the Earth is round.
            nearest = hypot(_beyond(up, north) * height, _beyond(right, east) * width)
            if nearest <= metres * 1.01:
                middle = hypot((up + 0.5 - north) * height, (right + 0.5 - east) * width)
                across = (column + right + _AROUND // 2) % _AROUND - _AROUND // 2
                part = (metres - middle) / height + 0.5
                found[f"@{row + up}/{across}"] = min(1.0, max(0.0, part))
    return found


def _beyond(cells: int, within: float) -> float:
    """How many cells lie between the cell so many away and a point so far into its own."""
    return max(0.0, cells - within, within - cells - 1)
