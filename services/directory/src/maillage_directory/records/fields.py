"""Types of fields that several records share."""

import re
from typing import Annotated, Protocol, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

from maillage_directory.languages import canonical_language, languages_like, written_language
from maillage_directory.models import Visibility

_LANGUAGE = re.compile(r"^[a-z]{2,3}$")
# Tabs and ends of lines are text. Half a surrogate pair is no character in UTF-8.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_MAX_NAME, _MAX_TEXT = 300, 20_000


def _unknown_language(told: object) -> PydanticCustomError:
    near = languages_like(told) if isinstance(told, str) else ()
    advice = f". Did you mean {', '.join(near)}?" if near else ""
    return PydanticCustomError(
        "unknown_language",
        "Languages are ISO 639 codes such as fr or ar{advice}",
        {"near": near, "advice": advice},
    )


def _without_blanks(texts: dict[str, str], longest: int) -> dict[str, str]:
    spelled: dict[str, str] = {}
    for told, words in texts.items():
        language = written_language(told) if _LANGUAGE.match(told) else None
        if language is None:
            raise _unknown_language(told)
        if spelled.setdefault(language, told) != told:
            raise PydanticCustomError(
                "language_twice", "{language} is told by two codes", {"language": language}
            )
        if len(words) > longest:
            raise PydanticCustomError(
                "text_too_long", "A text has at most {longest} characters", {"longest": longest}
            )
        if _UNPRINTABLE.search(words):
            raise PydanticCustomError(
                "control_character", "A text holds no control character and no half of a character"
            )
    return {language: words.strip() for language, words in texts.items() if words.strip()}


def _spoken(value: object, read: ValidatorFunctionWrapHandler) -> str:
    """The one code of a language; what is none is told with the languages that are called so."""
    try:
        known = canonical_language(read(value))
    except ValidationError:
        known = None
    if known is None:
        raise _unknown_language(value)
    return known


def _name(texts: dict[str, str]) -> dict[str, str]:
    kept = _without_blanks(texts, _MAX_NAME)
    if not kept:
        raise PydanticCustomError("name_missing", "A name is needed in at least one language")
    return kept


def _texts(texts: dict[str, str]) -> dict[str, str]:
    return _without_blanks(texts, _MAX_TEXT)


def _from_one_string(value: object) -> object:
    """A list written as one comma-separated string, as HSDS does for `byday`."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _distinct(values: list[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _in_some_language(value: object) -> object:
    """A plain string is words in a language that nobody told (ISO 639: `und`)."""
    return {"und": value} if isinstance(value, str) else value


Name = Annotated[dict[str, str], AfterValidator(_name)]
Words = Annotated[dict[str, str], AfterValidator(_texts)]
SomeWords = Annotated[Words, BeforeValidator(_in_some_language)]
Line = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=300, pattern=r"^[^\x00]*$"),
]
Code = Annotated[
    str, StringConstraints(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
]
Codes = Annotated[list[Code], AfterValidator(_distinct), Field(max_length=200)]
# The key of a text, kept as it was written.
TextLanguage = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]
LanguageCode = Annotated[TextLanguage, WrapValidator(_spoken)]
PhoneNumber = Annotated[
    str,
    StringConstraints(pattern=r"^(\+[1-9]\d{6,14}|\d{3,5})$"),
    Field(description="E.164, or a short number such as 112"),
]
EmailAddress = Annotated[
    str, StringConstraints(max_length=254, pattern=r"^[^@\s]{1,64}@[^@\s]+\.[^@\s.]+$")
]
WebAddress = Annotated[str, StringConstraints(max_length=2000, pattern=r"^https?://\S+$")]
Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
CommaList = Annotated[list[str], BeforeValidator(_from_one_string), Field(max_length=40)]


class _Seen(Protocol):
    visibility: Visibility
    network: str | None


class _Placed(Protocol):
    latitude: float | None
    longitude: float | None


SeenPayload = TypeVar("SeenPayload", bound=_Seen)
PlacedPayload = TypeVar("PlacedPayload", bound=_Placed)


def network_is_named(payload: SeenPayload) -> SeenPayload:
    """For `model_validator(mode="after")`: a network goes with the visibility `network`."""
    if (payload.visibility == Visibility.NETWORK) != (payload.network is not None):
        raise PydanticCustomError(
            "network_mismatch",
            "Name a network (a territory or a program) when visibility is network, only then",
        )
    return payload


def both_or_no_degrees(payload: PlacedPayload) -> PlacedPayload:
    """For `model_validator(mode="after")`."""
    if (payload.latitude is None) != (payload.longitude is None):
        raise PydanticCustomError(
            "incomplete_position", "Give latitude and longitude together, or neither"
        )
    return payload
