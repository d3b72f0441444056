"""Changing a record by JSON merge patch (RFC 7396), and filling one from another."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError, create_model

from maillage_common.errors import FieldError, InvalidRequest
from maillage_common.schemas import Payload
from maillage_directory.records.schemas import OrganizationContent, ServiceContent

Content = TypeVar("Content", bound=Payload)

_NEVER_FILLED = {"visibility", "network", "field_visibility", "organization", "parent", "agreed_on"}
_NOTHING: tuple[Any, ...] = (None, "", "unknown", [], {})


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
    record = _checked(content, kept, "See `errors` for each field.")
    return record, sorted(name for name in sent if present.get(name) != sent[name])


def _checked(content: type[Content], whole: Mapping[str, Any], detail: str) -> Content:
    try:
        return content.model_validate(whole)
    except ValidationError as error:
        raise InvalidRequest(
            detail,
            errors=[
                FieldError(
                    code=fault["type"],
                    detail=fault["msg"],
                    pointer="".join(f"/{part}" for part in fault["loc"]),
                )
                for fault in error.errors(include_input=False, include_url=False)
            ],
        ) from None


def filled_record(
    content: type[Content], kept: Mapping[str, Any], other: Mapping[str, Any]
) -> Content:
    """`kept` with what it lacks and `other` tells.

    Raises InvalidRequest when the two together contradict themselves, as ages can: one of them is
    to be changed first.
    """
    detail = "Together the records are not valid: change one of them first."
    return _checked(content, _filled(kept, other), detail)


def _filled(kept: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """`kept` with the members that it lacks taken from `other`; texts by language.

    Who may see the record is never taken from elsewhere, nor is what hides a member of it.
    """
    whole = dict(kept)
    hidden = other.get("field_visibility", {})
    for name, value in other.items():
        if name in _NEVER_FILLED or name in hidden:
            continue
        if name == "identifiers":
            whole[name] = [*kept.get(name, []), *(i for i in value if i not in kept.get(name, []))]
        elif isinstance(value, dict) and isinstance(kept.get(name), dict):
            known = {key: said for key, said in kept[name].items() if said not in _NOTHING}
            whole[name] = {**value, **known}
        elif kept.get(name) in _NOTHING:
            whole[name] = value
    if "language_notes" in whole:
        spoken = whole.get("languages", ())
        whole["language_notes"] = {
            code: note for code, note in whole["language_notes"].items() if code in spoken
        }
    return whole
