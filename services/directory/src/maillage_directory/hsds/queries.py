"""Statements of the HSDS lists: cards with their organizations, by id, counted or streamed."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_directory.cards.selecting import Condition, Wanted, wanted_cards
from maillage_directory.hsds.outgoing import NEEDS_ID, term_id
from maillage_directory.hsds.schemas import PlaceFilters, TermFilters, TermParams
from maillage_directory.visibility import Layer, visible_record_sql
from maillage_directory.vocabulary import Terms
from maillage_directory.words import folded_words

_CARD = "c.resource_id, c.resource_type, c.organization_id, c.content, c.verified_at, c.changed_at"
_SERVICE = f"""
SELECT {_CARD}, g.content AS organization, g.changed_at AS organization_changed_at
FROM card c JOIN card g ON g.resource_id = c.organization_id
WHERE """  # noqa: S608
_ORGANIZATION = f"""
SELECT {_CARD}, offer.services
FROM card c
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object('content', o.content, 'verified_at', o.verified_at,
        'changed_at', o.changed_at) ORDER BY o.resource_id) AS services
    FROM card o
    WHERE o.organization_id = c.resource_id AND o.resource_type = 'service' AND {{seen}}
) offer ON true
WHERE """  # noqa: S608
_PLACES = """
FROM card c
JOIN card g ON g.resource_id = c.organization_id
JOIN service_at_location sal ON sal.service_id = c.resource_id
CROSS JOIN LATERAL (
    SELECT place FROM jsonb_array_elements(c.content->'locations') place
    WHERE place->>'id' = sal.location_id::text
) held
WHERE """
_PLACE = f"SELECT sal.id, held.place, {_CARD}" + _PLACES
_WORDS = """
lower(public.unaccent(concat_ws(' ', jsonb_path_query_array(c.content, '$.name.*'),
    jsonb_path_query_array(c.content, '$.alternate_name.*'),
    jsonb_path_query_array(c.content, '$.description.*'),
    jsonb_path_query_array(c.content, '$.organization.name.*'))))
LIKE :word_{number}"""
# Great-circle metres; only a place's own coordinates count, never the centre of its commune.
_WITHIN = """
(held.place->>'precision' = 'address' AND 12742000 * asin(sqrt(least(1,
    power(sin(radians((held.place->>'latitude')::float8 - :latitude) / 2), 2)
    + cos(radians(:latitude)) * cos(radians((held.place->>'latitude')::float8))
    * power(sin(radians((held.place->>'longitude')::float8 - :longitude) / 2), 2)
))) <= :proximity)"""
# A service that states no area is not known to leave the postcode out.
_COVERS = """
(NOT EXISTS (SELECT FROM action_zone z WHERE z.service_id = c.resource_id)
OR EXISTS (SELECT FROM action_zone z WHERE z.service_id = c.resource_id
    AND z.territory_code = ANY (CAST(:above AS text[]))))"""
_NOWHERE = "false"


def card_condition(
    kind: str,
    filters: TermFilters,
    layer: Layer,
    terms: Terms,
    *,
    only: UUID | None = None,
    with_demo: bool = False,
) -> Condition:
    """`only`: that record, also when lists leave it out, as the demonstration's."""
    needs: tuple[str, ...] = ()
    known = True
    if filters.taxonomy_id is not None:
        known = filters.taxonomy_id == NEEDS_ID
        needs = tuple(terms.needs)
    if filters.taxonomy_term_id is not None:
        needs = tuple(code for code in terms.needs if term_id(code) == filters.taxonomy_term_id)
        known = known and bool(needs)
    wanted = Wanted(
        needs=needs,
        kinds=(kind,),
        organization=getattr(filters, "organization_id", None),
        modified_after=getattr(filters, "modified_after", None),
        with_demo=with_demo or only is not None,
    )
    condition = wanted_cards(wanted, layer, terms)
    for number, word in enumerate(folded_words(filters.search or "")):
        condition.sql += " AND " + _WORDS.format(number=number)
        condition.parameters[f"word_{number}"] = f"%{word}%"
    if not known:
        condition.sql += f" AND {_NOWHERE}"
    return condition if only is None else _only(condition, "c.resource_id", only)


def place_condition(
    filters: PlaceFilters, layer: Layer, terms: Terms, *, only: UUID | None = None
) -> Condition:
    condition = card_condition("service", filters, layer, terms, with_demo=only is not None)
    if filters.postcode is not None:
        above = terms.territory_above.get(filters.postcode)
        condition.sql += f" AND {_NOWHERE if above is None else _COVERS}"
        condition.parameters["above"] = sorted(above or ())
    return condition if only is None else _only(condition, "sal.id", only)


async def centre_of(session: AsyncSession, postcode: str, terms: Terms) -> tuple[float, float]:
    """The centre of a postcode, else the mean of those of the communes it lies in.

    (0, 0), which is near nothing, when neither is known.
    """
    above = terms.territory_above.get(postcode, {})
    communes = [code for code in above if terms.territory_kind[code] == "commune"]
    connection = await session.connection()
    found = await connection.execute(
        text(
            "SELECT avg(t.latitude), avg(t.longitude) FROM territory t"
            " WHERE t.latitude IS NOT NULL AND (t.code = :postcode OR t.code = ANY (:communes)"
            " AND NOT EXISTS (SELECT FROM territory p WHERE p.code = :postcode"
            " AND p.latitude IS NOT NULL))"
        ),
        {"postcode": postcode, "communes": communes},
    )
    latitude, longitude = found.one()
    return (0.0, 0.0) if latitude is None else (latitude, longitude)


def within(condition: Condition, centre: tuple[float, float], metres: int) -> Condition:
    return Condition(
        f"{condition.sql} AND {_WITHIN}",
        {
            **condition.parameters,
            "latitude": centre[0],
            "longitude": centre[1],
            "proximity": metres,
        },
    )


def select_services(condition: Condition) -> str:
    return f"{_SERVICE}{condition.sql} ORDER BY c.resource_id"


def select_organizations(condition: Condition, layer: Layer) -> str:
    """With the services that `layer` may see."""
    return (
        _ORGANIZATION.format(seen=visible_record_sql(layer, "o")[0])
        + f"{condition.sql} ORDER BY c.resource_id"
    )


def select_places(condition: Condition) -> str:
    return f"{_PLACE}{condition.sql} ORDER BY sal.id"


def count_places(condition: Condition) -> str:
    return f"SELECT count(*) {_PLACES}{condition.sql}"


def count_cards(condition: Condition) -> str:
    return f"SELECT count(*) FROM card c WHERE {condition.sql}"  # noqa: S608


def _only(condition: Condition, column: str, wanted: UUID) -> Condition:
    return Condition(
        f"{condition.sql} AND {column} = :wanted_id", {**condition.parameters, "wanted_id": wanted}
    )


async def count(session: AsyncSession, statement: str, condition: Condition) -> int:
    connection = await session.connection()
    return int((await connection.execute(text(statement), condition.parameters)).scalar_one())


async def list_page(
    session: AsyncSession, statement: str, condition: Condition, *, page: int, size: int
) -> Sequence[Row[Any]]:
    connection = await session.connection()
    found = await connection.execute(
        text(f"{statement} LIMIT :page_size OFFSET :page_start"),
        {**condition.parameters, "page_size": size, "page_start": (page - 1) * size},
    )
    return found.all()


def term_condition(params: TermParams, terms: Terms) -> Condition:
    where = ["true"]
    parameters: dict[str, Any] = {}
    if params.taxonomy_id not in (None, NEEDS_ID):
        where.append(_NOWHERE)
    if params.top_only:
        where.append("n.parent_code IS NULL")
    if params.parent_id is not None:
        where.append("n.parent_code = :parent")
        parent = (code for code in terms.needs if term_id(code) == params.parent_id)
        parameters["parent"] = next(parent, None)
    for number, word in enumerate(folded_words(params.search or "")):
        where.append(
            "lower(public.unaccent(concat_ws(' ', n.code, jsonb_path_query_array(n.name, '$.*'),"
            f" jsonb_path_query_array(n.keywords, '$.*')))) LIKE :word_{number}"
        )
        parameters[f"word_{number}"] = f"%{word}%"
    return Condition(" AND ".join(where), parameters)


def select_terms(condition: Condition) -> str:
    return (
        "SELECT n.code, n.pictogram, n.exact_match FROM need n"  # noqa: S608
        f" WHERE {condition.sql} ORDER BY n.code"
    )


def count_terms(condition: Condition) -> str:
    return f"SELECT count(*) FROM need n WHERE {condition.sql}"  # noqa: S608
