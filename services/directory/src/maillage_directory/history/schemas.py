"""The history of a record, in the words of HSDS `metadata`."""

from datetime import datetime
from typing import Any
from uuid import UUID

from maillage_common.schemas import Answer
from maillage_directory.models import ActionType, ResourceType


class FieldChangePublic(Answer):
    """`field_name` `*`: the record was created or deleted. `withheld`: the values are not told to
    this caller, or not kept (contact persons, confidential places). `updated_by` is
    `organization:<id>`, `source:<code>` or `client:<id>`."""

    id: UUID
    resource_id: UUID
    resource_type: ResourceType
    last_action_date: datetime
    last_action_type: ActionType
    field_name: str
    previous_value: Any = None
    replacement_value: Any = None
    withheld: bool = False
    updated_by: str
