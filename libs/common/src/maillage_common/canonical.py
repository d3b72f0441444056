"""Texts that have exactly one reading: base64url and JSON as JOSE means them.

Python's own decoders are lenient: `urlsafe_b64decode` drops foreign characters, `json.loads` keeps
the last of two equal members and takes NaN. Two readers who disagree about one token are a way in
(RFC 8725 §2.4), and many texts for one token get round every cache keyed by the text.
"""

import json
import math
from base64 import urlsafe_b64encode
from binascii import a2b_base64
from typing import Any, NoReturn

from pydantic import JsonValue

MAX_DEPTH = 8
"""Levels of nesting; a token needs two, a key set three, a chain of actors a few."""

_MAX_NUMBER_LENGTH = 24
# Characters of plain base64 become one that no decoder takes.
_STANDARD_ALPHABET = bytes.maketrans(b"-_+/=", b"+/!!!")
# By length modulo 4: the last characters whose unused bits are zero (RFC 4648 §3.5).
_LAST_CHARACTERS = (
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
    "",
    "AQgw",
    "AEIMQUYcgkosw048",
)


class NotCanonical(ValueError):
    """The text is malformed or has more than one reading. Never quotes the text."""


def encode_base64url(data: bytes) -> str:
    """Base64url without padding (RFC 7515 §2)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode_base64url(text: str) -> bytes:
    """The octets of a base64url text, which must be the one text that encodes them.

    Raises NotCanonical on padding, foreign characters, impossible lengths and stray trailing bits.
    """
    try:
        standard = text.encode("ascii").translate(_STANDARD_ALPHABET) + b"==="[: -len(text) % 4]
        data = a2b_base64(standard, strict_mode=True)
    except ValueError:
        raise NotCanonical("base64url") from None
    if text[-1:] not in _LAST_CHARACTERS[len(text) % 4]:
        raise NotCanonical("base64url")
    return data


def load_object(text: bytes) -> dict[str, JsonValue]:
    """The JSON object in `text`, read as I-JSON (RFC 7493): UTF-8, unique members, finite numbers.

    Raises NotCanonical on anything else, also on lone surrogates, absurdly long numbers, nesting
    beyond MAX_DEPTH and values that are not objects.
    """
    try:
        value = _DECODER.decode(text.decode("utf-8"))
        if b"\\ud" in text or b"\\uD" in text:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError, DuplicateName):
        raise NotCanonical("json") from None
    if not isinstance(value, dict):
        raise NotCanonical("json")
    # Counting brackets is cheap and settles nearly every document without walking it.
    if text.count(b"{") + text.count(b"[") > MAX_DEPTH and _is_deeper(value, MAX_DEPTH):
        raise NotCanonical("depth")
    return value


class DuplicateName(Exception):
    """An object has two members of one name (RFC 7493 §2.3)."""


def unique_members(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of `members`, for a decoder of JSON. Raises DuplicateName."""
    made = dict(members)
    if len(made) < len(members):
        raise DuplicateName
    return made


def _bounded_int(literal: str) -> int:
    if len(literal) > _MAX_NUMBER_LENGTH:
        raise NotCanonical("number")
    return int(literal)


def _finite_float(literal: str) -> float:
    number = float(literal)
    if len(literal) > _MAX_NUMBER_LENGTH or not math.isfinite(number):
        raise NotCanonical("number")
    return number


def _refuse_constant(literal: str) -> NoReturn:
    raise NotCanonical(f"number {literal}")


def _is_deeper(value: JsonValue, depth: int) -> bool:
    """Whether containers nest in more than `depth` levels; recursion stops there."""
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return depth == 0 or any(_is_deeper(item, depth - 1) for item in inner)


_DECODER = json.JSONDecoder(
    object_pairs_hook=unique_members,
    parse_int=_bounded_int,
    parse_float=_finite_float,
    parse_constant=_refuse_constant,
)
