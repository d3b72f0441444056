"""Who sees which record: the one place that says so.

`public`: everyone. `professional`: callers with `directory:read`. `network`: of those, the ones
whose organization covers that territory (or one inside it) or that program today, or whose function
is that program's. `own`: the owner organization. Owners and `directory:admin` see all of theirs. A
service is seen when both it and its organization are.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from maillage_common.auth import Caller

READ, WRITE, VERIFY, ADMIN = (
    "directory:read",
    "directory:write",
    "directory:verify",
    "directory:admin",
)


@dataclass(frozen=True)
class Layer:
    """What a caller may see. `organization` is the one whose records are the caller's own."""

    is_professional: bool
    is_admin: bool
    organization: UUID | None
    function: str | None

    @property
    def name(self) -> str:
        return "professional" if self.is_professional else "public"


# What anybody may see: for what leaves the hands of the one who asked.
PUBLIC_LAYER = Layer(is_professional=False, is_admin=False, organization=None, function=None)


def layer_of(caller: Caller) -> Layer:
    is_admin = caller.has(ADMIN)
    is_professional = is_admin or caller.has(READ)
    return Layer(
        is_professional=is_professional,
        is_admin=is_admin,
        organization=_organization(caller) if is_professional or caller.has(WRITE) else None,
        function=caller.function if is_professional else None,
    )


def _organization(caller: Caller) -> UUID | None:
    try:
        return UUID(caller.organization) if caller.organization else None
    except ValueError:
        return None


_COVERS_TODAY = (
    "pc.organization_id = :viewer_organization"
    " AND (pc.valid_from IS NULL OR pc.valid_from <= public.today_in_brussels())"
    " AND (pc.valid_to IS NULL OR pc.valid_to >= public.today_in_brussels())"
)
# Evaluated once a statement: the networks the caller belongs to.
NETWORKS = (
    "ARRAY(SELECT pc.program_code::text FROM program_coverage pc"  # noqa: S608
    f" WHERE {_COVERS_TODAY}"
    " UNION SELECT a.above FROM program_coverage pc"
    " JOIN territory_above a ON a.code = pc.territory_code AND a.is_certain"
    " JOIN territory t ON t.code = a.above AND t.kind <> 'region'"
    f" WHERE {_COVERS_TODAY}"
    " UNION SELECT p.code FROM program p WHERE lower(p.code) = :viewer_function)"
)


def visible_sql(
    layer: Layer, *, owner: str, visibility: str, network: str
) -> tuple[str, dict[str, Any]]:
    """A condition in SQL over the named columns, and its parameters."""
    if layer.is_admin:
        return "true", {}
    ways = [f"{visibility} = 'public'"]
    parameters: dict[str, Any] = {}
    if layer.is_professional:
        ways.append(f"{visibility} = 'professional'")
        if layer.organization is not None or layer.function is not None:
            ways.append(f"({visibility} = 'network' AND {network} = ANY ({NETWORKS}))")
            parameters["viewer_organization"] = layer.organization
            parameters["viewer_function"] = (layer.function or "").lower()
    if layer.organization is not None:
        ways.append(f"{owner} = :viewer_organization")
        parameters["viewer_organization"] = layer.organization
    return f"({' OR '.join(ways)})", parameters


def visible_record_sql(layer: Layer, alias: str = "s") -> tuple[str, dict[str, Any]]:
    """The same for a `card` or `service_search` under `alias`: the record and its organization."""
    own, parameters = visible_sql(
        layer,
        owner=f"{alias}.organization_id",
        visibility=f"{alias}.visibility",
        network=f"{alias}.network",
    )
    organizations, more = visible_sql(
        layer,
        owner=f"{alias}.organization_id",
        visibility=f"{alias}.organization_visibility",
        network=f"{alias}.organization_network",
    )
    if own == organizations:
        return own, parameters
    return f"({own} AND {organizations})", {**parameters, **more}


def serves_sql(layer: Layer, territory: str) -> tuple[str, dict[str, Any]]:
    """Whether the caller's organization is at work there: it covers `territory`, something in it or
    something that holds it, today. Covering the whole region is being at work nowhere in it."""
    if layer.is_admin:
        return "true", {}
    condition = f"""EXISTS (
SELECT FROM program_coverage pc
JOIN territory covered ON covered.code = pc.territory_code AND covered.kind <> 'region'
JOIN territory_above a ON a.is_certain AND (
    a.code = {territory} AND a.above = pc.territory_code
    OR a.code = pc.territory_code AND a.above = {territory})
WHERE {_COVERS_TODAY})"""
    return condition, {"viewer_organization": layer.organization}


def with_organization(table: str) -> str:
    """The rows of `table` with what `visible_record_sql` and readers ask of their organization."""
    return f"""(
SELECT t.*, o.name AS organization_name, o.kind AS organization_kind,
    o.visibility AS organization_visibility, o.network AS organization_network
FROM {table} t JOIN organization o ON o.id = t.organization_id)"""  # noqa: S608
