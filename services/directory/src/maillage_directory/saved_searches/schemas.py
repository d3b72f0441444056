"""Searches that an application keeps."""

import re
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from maillage_common.schemas import Answer, Payload
from maillage_directory.search.schemas import SearchParams

# An age could tell of a person. `open_at` is refused as a service opens and closes without any
# change that could be told. The others shape a page.
NOT_KEPT = {"for_age", "open_at", "sort", "limit", "cursor", "facets"}
# Words of what a service does hold no telephone, date of birth, number or address of a person.
_OF_A_PERSON = re.compile(r"[\d@]")
# A place is kept to a hundredth of a degree, about a kilometre, so that it is nobody's doorstep.
_DECIMALS = 2
_SMALLEST_RADIUS_M = 1000


def _keepable(query: SearchParams) -> SearchParams:
    refused = sorted(query.model_fields_set & NOT_KEPT)
    if refused:
        raise PydanticCustomError(
            "not_kept", "A saved search has no {members}", {"members": ", ".join(refused)}
        )
    if query.q is not None and _OF_A_PERSON.search(query.q):
        raise PydanticCustomError("not_kept", "The words of a saved search hold no digit and no @")
    if query.point is None:
        return query
    if query.radius_m is None or query.radius_m < _SMALLEST_RADIUS_M:
        raise PydanticCustomError(
            "radius_too_small",
            "With `near`, say a `radius_m` of {least} at least",
            {"least": _SMALLEST_RADIUS_M},
        )
    query.near = ",".join(f"{degrees:.{_DECIMALS}f}" for degrees in query.point)
    return query


class NewSavedSearch(Payload):
    """`query`: the members of a search, but moment, age and those of pages. `near` comes with a
    `radius_m` of 1000 at least, and is kept to about a kilometre; `q` finds whole words."""

    webhook: UUID
    query: Annotated[SearchParams, AfterValidator(_keepable)]


class SavedSearchPublic(Answer):
    id: UUID
    webhook: UUID
    query: dict[str, Any]
    created_at: datetime
