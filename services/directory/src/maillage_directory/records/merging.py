"""Changing a record by JSON merge patch (RFC 7396)."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError, create_model

from maillage_common.errors import FieldError, InvalidRequest
from maillage_common.schemas import Payload
from maillage_directory.records.schemas import OrganizationContent, ServiceContent

Content = TypeVar("Content", bound=Payload)


def _all_optional(name: str, content: type[Payload]) -> type[Payload]:
    fields: dict[str, Any] = {
        field: (info.annotation | None, None)  # type: ignore[operator]
        for field, info in content.model_fields.items()
    }
    made: type[Payload] = create_model(
        name,
        __base__=Payload,
        __doc__="A JSON merge patch: what is sent replaces, `null` clears, the rest stays.",
        **fields,
    )
    return made


OrganizationChange = _all_optional("OrganizationChange", OrganizationContent)
ServiceChange = _all_optional("ServiceChange", ServiceContent)


def merged_record(
    content: type[Content], present: Mapping[str, Any], change: Payload
) -> tuple[Content, list[str]]:
    """`present` with `change` applied and checked again, and the names of what changed.

    Raises InvalidRequest with pointers when the whole would not be valid.
    """
    sent = change.model_dump(mode="json", by_alias=True, exclude_unset=True)
    whole = {**present, **sent}
    kept = {name: value for name, value in whole.items() if value is not None}
    try:
        record = content.model_validate(kept)
    except ValidationError as error:
        raise InvalidRequest(
            "See `errors` for each field.",
            errors=[
                FieldError(
                    code=fault["type"],
                    detail=fault["msg"],
                    pointer="".join(f"/{part}" for part in fault["loc"]),
                )
                for fault in error.errors(include_input=False, include_url=False)
            ],
        ) from None
    return record, sorted(name for name in sent if present.get(name) != sent[name])
