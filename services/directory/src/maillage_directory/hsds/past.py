"""The past of one record as HSDS `metadata`, for those who may read its history."""

import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_directory.history.queries import list_field_changes
from maillage_directory.history.service import told_change
from maillage_directory.hsds.outgoing import SERVICE_TEXTS
from maillage_directory.models import ResourceType
from maillage_directory.visibility import Layer

LATEST = 100
# HSDS's member for each of ours that it calls otherwise.
_NAMES: Mapping[ResourceType, Mapping[str, str]] = {
    ResourceType.SERVICE: {
        **SERVICE_TEXTS,
        "organization": "organization_id",
        "age_min": "minimum_age",
        "age_max": "maximum_age",
        "assured_on": "assured_date",
        "needs": "attributes",
        "action_zones": "service_areas",
        "locations": "service_at_locations",
    },
    ResourceType.ORGANIZATION: {
        "url": "website",
        "additional_urls": "additional_websites",
        "parent": "parent_organization_id",
        "identifiers": "organization_identifiers",
    },
}


async def read_past(session: AsyncSession, layer: Layer, card: Any) -> list[dict[str, str]]:
    """The latest changes of a card that `layer` sees, newest first, in one statement.

    HSDS asks for both values: a change whose values are withheld is left out, since an empty one
    would say that there was none. The public, who may not read histories, gets nothing.
    """
    if not layer.is_professional:
        return []
    present = SimpleNamespace(
        owner=str(card.organization_id),
        hidden=card.content.get("field_visibility", {}),
        phones=card.content.get("phones", ()),
    )
    rows = await list_field_changes(session, layer, card.resource_id, limit=LATEST, after=None)
    changes = (told_change(row, present, layer) for row in rows[:LATEST])
    return [_as_metadata(change) for change in changes if "withheld" not in change]


def _as_metadata(change: Mapping[str, Any]) -> dict[str, str]:
    kind, field = ResourceType(change["resource_type"]), change["field_name"]
    who, _, which = change["updated_by"].partition(":")
    return {
        "id": str(change["id"]),
        "resource_id": str(change["resource_id"]),
        "resource_type": kind.value,
        "last_action_date": change["last_action_date"].date().isoformat(),
        "last_action_type": change["last_action_type"],
        "field_name": _NAMES[kind].get(field, field),
        "previous_value": _written(change.get("previous_value")),
        "replacement_value": _written(change.get("replacement_value")),
        "updated_by": who if who == "client" else f"{who}:{which}",
    }


def _written(value: Any) -> str:
    """HSDS values are strings: what is none is JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
