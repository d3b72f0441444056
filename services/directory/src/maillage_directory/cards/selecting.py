"""Which cards an export or an HSDS list gives: the caller's, narrowed by need, territory, program.

The filters read the tables that hold the truth, and only what a reader may know: never a
confidential place.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from maillage_directory.visibility import Layer, visible_record_sql
from maillage_directory.vocabulary import Terms

DEMO = "demo"

_SERVES = """
(EXISTS (
    SELECT FROM action_zone z WHERE z.service_id = {service}
        AND z.territory_code = ANY (CAST(:around AS text[]))
) OR EXISTS (
    SELECT FROM service_at_location sal
    JOIN location l ON l.id = sal.location_id AND NOT l.is_confidential
    WHERE sal.service_id = {service} AND (l.commune_code = ANY (CAST(:inside AS text[]))
        OR l.postcode = ANY (CAST(:inside AS text[])))
))"""


@dataclass(frozen=True)
class Wanted:
    """What is asked of the cards; filters AND, values of one filter OR."""

    needs: tuple[str, ...] = ()
    territories: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    organization: UUID | None = None
    modified_after: datetime | None = None
    with_demo: bool = False
    kinds: tuple[str, ...] = ("organization", "service")


@dataclass
class Condition:
    """SQL over `card c`, and its parameters."""

    sql: str
    parameters: dict[str, Any] = field(default_factory=dict)


def wanted_cards(wanted: Wanted, layer: Layer, terms: Terms) -> Condition:
    """The cards that `layer` may see and that fit; an organization fits when a service of its does.

    In the public layer the demonstration's records are left out, unless `with_demo`.
    """
    visible, parameters = visible_record_sql(layer, "c")
    where = [visible, "c.resource_type = ANY (CAST(:kinds AS text[]))"]
    parameters = {**parameters, "kinds": list(wanted.kinds)}
    if not layer.is_professional and not wanted.with_demo:
        where.append("c.source <> :demo")
        parameters["demo"] = DEMO
    if wanted.organization is not None:
        where.append("c.organization_id = :of_organization")
        parameters["of_organization"] = wanted.organization
    if wanted.modified_after is not None:
        where.append("c.changed_at >= :modified_after")
        parameters["modified_after"] = wanted.modified_after
    offered, more = _offered(wanted, terms)
    if offered:
        seen, _ = visible_record_sql(layer, "o")
        where.append(
            f"CASE c.resource_type WHEN 'service' THEN {_all(offered, 'c.resource_id')}"
            " ELSE EXISTS (SELECT FROM card o WHERE o.organization_id = c.resource_id"
            f" AND o.resource_type = 'service' AND {seen}"
            f" AND {_all(offered, 'o.resource_id')}) END"
        )
    return Condition(" AND ".join(where), {**parameters, **more})


def _all(fragments: Iterable[str], service: str) -> str:
    return "(" + " AND ".join(fragment.format(service=service) for fragment in fragments) + ")"


def _offered(wanted: Wanted, terms: Terms) -> tuple[list[str], dict[str, Any]]:
    fragments: list[str] = []
    parameters: dict[str, Any] = {}
    if wanted.needs:
        fragments.append(
            "EXISTS (SELECT FROM service_need n WHERE n.service_id = {service}"
            " AND n.need_code = ANY (CAST(:needs AS text[])))"
        )
        parameters["needs"] = sorted(set().union(*map(terms.need_branch, wanted.needs)))
    if wanted.programs:
        fragments.append(
            "EXISTS (SELECT FROM service_program p WHERE p.service_id = {service}"
            " AND p.program_code = ANY (CAST(:programs AS text[])))"
        )
        parameters["programs"] = list(wanted.programs)
    if wanted.territories:
        fragments.append(_SERVES)
        inside = {
            code
            for code, above in terms.territory_above.items()
            if any(asked in above for asked in wanted.territories)
        }
        certain = {
            above
            for asked in wanted.territories
            for above, is_certain in terms.territory_above.get(asked, {}).items()
            if is_certain
        }
        parameters |= {"inside": sorted(inside), "around": sorted(inside | certain)}
    return fragments, parameters
