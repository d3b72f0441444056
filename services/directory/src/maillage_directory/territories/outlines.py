"""Outlines of territories: from GeoJSON in either of two reference systems to checked WGS 84.

EPSG:4326 is longitude and latitude in degrees (RFC 7946); EPSG:31370 is Belgian Lambert 72 in
metres, in which regional and federal maps are published. pyproj turns the one into the other with
the parameters of the EPSG register: about a metre, far less than an outline is drawn to.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Crs = Literal["EPSG:4326", "EPSG:31370"]
Position = tuple[float, float]
Ring = list[Position]

# Belgium and a little around it: longitude, latitude.
_WEST, _SOUTH, _EAST, _NORTH = 2.4, 49.4, 6.5, 51.6
_MOST_POSITIONS = 200_000
# Seven decimals of a degree are a centimetre.
_DECIMALS = 7
_LEGACY_CRS = {
    "urn:ogc:def:crs:EPSG::31370": "EPSG:31370",
    "EPSG:31370": "EPSG:31370",
    "urn:ogc:def:crs:OGC:1.3:CRS84": "EPSG:4326",
    "urn:ogc:def:crs:EPSG::4326": "EPSG:4326",
    "EPSG:4326": "EPSG:4326",
}


class InvalidOutline(ValueError):
    """The outline cannot be; `code` is stable, `detail` says what to put right and where."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code)
        self.code, self.detail = code, detail


@dataclass(frozen=True)
class Outline:
    """A checked outline: polygons of rings in WGS 84, the outer ring of each first."""

    polygons: tuple[tuple[Ring, ...], ...]
    centre: Position

    @property
    def box(self) -> tuple[float, float, float, float]:
        """West, south, east, north."""
        positions = [position for polygon in self.polygons for position in polygon[0]]
        xs, ys = [x for x, _ in positions], [y for _, y in positions]
        return min(xs), min(ys), max(xs), max(ys)

    def as_geojson(self) -> dict[str, Any]:
        return {
            "type": "MultiPolygon",
            "coordinates": [
                [[list(position) for position in ring] for ring in polygon]
                for polygon in self.polygons
            ],
        }

    def rings(self) -> Iterator[str]:
        """Each ring as PostgreSQL writes a polygon, which closes by itself."""
        for polygon in self.polygons:
            for ring in polygon:
                yield "(" + ",".join(f"({x!r},{y!r})" for x, y in ring[:-1]) + ")"


def declared_crs(collection: Mapping[str, Any]) -> str | None:
    """The `crs` member that GeoJSON had before RFC 7946, which exports of Lambert maps still carry;
    raises InvalidOutline when it names another system."""
    member = collection.get("crs")
    if member is None:
        return None
    properties = member.get("properties") if isinstance(member, Mapping) else None
    name = properties.get("name") if isinstance(properties, Mapping) else member
    if not isinstance(name, str) or name not in _LEGACY_CRS:
        raise InvalidOutline("unknown_crs", "Use EPSG:4326 or EPSG:31370")
    return _LEGACY_CRS[name]


def read_outline(geometry: object, *, crs: str) -> Outline:
    """A GeoJSON Polygon or MultiPolygon, checked; raises InvalidOutline."""
    polygons = [[_ring(ring) for ring in polygon] for polygon in _polygons(geometry)]
    if sum(len(ring) for polygon in polygons for ring in polygon) > _MOST_POSITIONS:
        raise InvalidOutline("outline_too_detailed", f"At most {_MOST_POSITIONS} positions")
    if crs == "EPSG:31370":
        polygons = [[_from_lambert(ring) for ring in polygon] for polygon in polygons]
    placed = [
        [[(round(x, _DECIMALS), round(y, _DECIMALS)) for x, y in ring] for ring in polygon]
        for polygon in polygons
    ]
    _check_extent(placed)
    return Outline(tuple(tuple(polygon) for polygon in placed), _checked_centre(placed))


def _polygons(geometry: object) -> Sequence[Any]:
    if not isinstance(geometry, Mapping):
        raise InvalidOutline("no_geometry", "Give a GeoJSON Polygon or MultiPolygon")
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    if kind not in ("Polygon", "MultiPolygon"):
        raise InvalidOutline("not_a_polygon", "An outline is a Polygon or a MultiPolygon")
    polygons = [coordinates] if kind == "Polygon" else coordinates
    if not isinstance(polygons, list) or not polygons:
        raise InvalidOutline("no_coordinates", "The geometry has no coordinates")
    for polygon in polygons:
        if not isinstance(polygon, list) or not polygon:
            raise InvalidOutline("no_coordinates", "Each polygon is a list of rings")
    return polygons


def _ring(ring: object) -> Ring:
    if not isinstance(ring, list):
        raise InvalidOutline("no_coordinates", "Each ring is a list of positions")
    positions = [_position(position) for position in ring]
    if len(positions) < 4:
        raise InvalidOutline("ring_too_short", "A ring has four positions or more")
    if positions[0] != positions[-1]:
        raise InvalidOutline("ring_not_closed", "A ring ends where it begins")
    return positions


def _position(position: object) -> Position:
    if not isinstance(position, list) or len(position) < 2:
        raise InvalidOutline("no_coordinates", "A position is [longitude, latitude] or [x, y]")
    x, y = position[0], position[1]
    for number in (x, y):
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise InvalidOutline("not_a_number", "Coordinates are numbers")
        if not math.isfinite(number):
            raise InvalidOutline("not_a_number", "Coordinates are finite numbers")
    return float(x), float(y)


def _from_lambert(ring: Ring) -> Ring:
    # Imported here: only imports of outlines need it, and it costs every process 20 MB.
    from pyproj import Transformer

    transformer = Transformer.from_crs(31370, 4326, always_xy=True)
    xs, ys = transformer.transform([x for x, _ in ring], [y for _, y in ring])
    return list(zip(xs, ys, strict=True))


def _check_extent(polygons: Sequence[Sequence[Ring]]) -> None:
    positions = [p for polygon in polygons for ring in polygon for p in ring]
    if all(_plausible(x, y) for x, y in positions):
        return
    if all(_plausible(y, x) for x, y in positions):
        raise InvalidOutline("axes_swapped", "Longitude comes before latitude (RFC 7946)")
    raise InvalidOutline(
        "implausible_extent", "It lies outside Belgium: is the reference system (crs) right?"
    )


def _plausible(longitude: float, latitude: float) -> bool:
    return _WEST <= longitude <= _EAST and _SOUTH <= latitude <= _NORTH


def _checked_centre(polygons: Sequence[Sequence[Ring]]) -> Position:
    """A point inside; raises InvalidOutline when rings cross, touch along a line or overlap."""
    from shapely import MultiPolygon, Polygon
    from shapely.validation import explain_validity

    shape = MultiPolygon([Polygon(polygon[0], polygon[1:]) for polygon in polygons])
    if not shape.is_valid:
        raise InvalidOutline("outline_crosses_itself", explain_validity(shape))
    if shape.area == 0:
        raise InvalidOutline("outline_empty", "It encloses nothing")
    inside = shape.representative_point()
    return round(inside.x, _DECIMALS), round(inside.y, _DECIMALS)
