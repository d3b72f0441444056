"""Searches that an application keeps."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from maillage_common.schemas import Answer, Payload
from maillage_directory.search.schemas import SearchParams

# What could tell of a person (words, a place, an age, a moment), and what shapes a page.
NOT_KEPT = {
    *("q", "near", "radius_m", "open_at", "for_age"),
    *("sort", "limit", "cursor", "facets"),
}


def _keepable(query: SearchParams) -> SearchParams:
    refused = sorted(query.model_fields_set & NOT_KEPT)
    if refused:
        raise PydanticCustomError(
            "not_kept", "A saved search has no {members}", {"members": ", ".join(refused)}
        )
    return query


class NewSavedSearch(Payload):
    """`query`: the members of a search, but words, place, moment, age and those of pages."""

    webhook: UUID
    query: Annotated[SearchParams, AfterValidator(_keepable)]


class SavedSearchPublic(Answer):
    id: UUID
    webhook: UUID
    query: dict[str, Any]
    created_at: datetime
