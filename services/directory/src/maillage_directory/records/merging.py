"""Changing a record by JSON merge patch (RFC 7396), and filling one from another."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import SkipValidation, ValidationError, create_model

from maillage_common.errors import InvalidRequest, body_error
from maillage_common.schemas import Payload
from maillage_directory.records.schemas import OrganizationContent, ServiceContent

Content = TypeVar("Content", bound=Payload)

_NEVER_FILLED = {"visibility", "network", "field_visibility", "organization", "parent", "agreed_on"}
_NOTHING: tuple[Any, ...] = (None, "", "unknown", [], {})


def _all_optional(name: str, content: type[Payload]) -> type[Payload]:
    # A member may hold a null that deletes: only the whole, once merged, is checked.
    fields: dict[str, Any] = {
        field: (Annotated[info.annotation | None, SkipValidation()], None)  # type: ignore[operator,type-arg]
        for field, info in content.model_fields.items()
    }
    made: type[Payload] = create_model(
        name,
        __base__=Payload,
        __doc__="A JSON merge patch (RFC 7396): objects merge, `null` clears, lists are replaced.",
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
    sent = {name: getattr(change, name) for name in change.model_fields_set}
    known = {name: value for name, value in present.items() if value is not None}
    record = _checked(content, _patched(known, sent), "See `errors` for each field.")
    told = record.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return record, sorted(name for name in sent if present.get(name) != told.get(name))


def _patched(present: object, sent: object) -> Any:
    """RFC 7396, section 2."""
    if not isinstance(sent, dict):
        return sent
    whole = dict(present) if isinstance(present, dict) else {}
    for name, value in sent.items():
        if value is None:
            whole.pop(name, None)
        else:
            whole[name] = _patched(whole.get(name), value)
    return whole


def _checked(content: type[Content], whole: Mapping[str, Any], detail: str) -> Content:
    try:
        return content.model_validate(whole)
    except ValidationError as error:
        raise InvalidRequest(
            detail,
            errors=[
                body_error(fault, fault["loc"], whole)
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
