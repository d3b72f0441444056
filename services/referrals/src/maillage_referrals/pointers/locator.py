"""What may stand in a locator: where a thing is kept, and nothing else.

A system is one that the operator listed. A reference is an opaque identifier. Prose would smuggle
content into the record; a national number would name the person; a credential would open another
system to every reader of the pointer.
"""

import re
from collections.abc import Collection
from urllib.parse import urlsplit

from maillage_common.errors import FieldError, Unprocessable
from maillage_referrals.models.pointers import REFERENCE_PATTERN

MAX_URL = 512
_REFERENCE = re.compile(REFERENCE_PATTERN.removesuffix("$") + r"\Z")
_SEPARATORS = re.compile(r"[._/:-]+")
_WORD = re.compile(r"[A-Za-z]{3,}\Z")
# Real identifiers have a word of prefix and a number; two words in a row begin to say something.
_MAX_WORDS = 2
_SECRET = re.compile(
    r"(?:^|[^a-z])(?:api-?key|bearer|passw(?:or)?d|pwd|secret|token|sig|signature)(?:$|[^a-z])"
    r"|eyJ[A-Za-z0-9_-]{8,}|(?:sk|pk|ghp|xox[bp])[_-][A-Za-z0-9]{8,}",
    re.IGNORECASE,
)
# As in a register, on an identity card (85.07.30-033.28), or in between (850730-033-28).
_NATIONAL_NUMBER = re.compile(
    r"(?<![0-9])(?:[0-9]{11}|[0-9]{2}([.-])[0-9]{2}\1[0-9]{2}[.-][0-9]{3}[.-][0-9]{2}"
    r"|[0-9]{6}-[0-9]{3}[.-][0-9]{2})(?![0-9])"
)
_URL_PATH = re.compile(r"[A-Za-z0-9._~/:-]*\Z")


class LocatorRefused(Unprocessable):
    code, title = "locator_refused", "A locator says where, and nothing else"


def check_locator(system: str, reference: str, url: str | None, *, known: Collection[str]) -> None:
    """Raises `LocatorRefused`, naming every fault without repeating what was sent.

    `known` are the systems that may be named.
    """
    faults = []
    if system not in known:
        allowed = f"One of: {', '.join(sorted(known))}. The operator adds others."
        faults.append(_fault("/locator/system", "unknown_system", allowed))
    faults += [
        _fault("/locator/reference", code, text) for code, text in _reference_faults(reference)
    ]
    if url is not None:
        faults += [_fault("/locator/url", code, text) for code, text in _url_faults(url)]
    if faults:
        raise LocatorRefused("Send the system and the identifier that it gave.", errors=faults)


def _fault(pointer: str, code: str, detail: str) -> FieldError:
    return FieldError(code=code, detail=detail, pointer=pointer)


def _reference_faults(reference: str) -> list[tuple[str, str]]:
    if not _REFERENCE.match(reference):
        return [("not_an_identifier", "1 to 64 letters, digits and . _ / : - without spaces.")]
    faults = _content_faults(reference)
    if _count_words(reference) > _MAX_WORDS or not any(map(str.isdigit, reference)):
        faults.append(("prose", "An identifier has a number and is not a sentence."))
    return faults


def _count_words(text: str) -> int:
    return sum(1 for part in _SEPARATORS.split(text) if _WORD.match(part))


def _content_faults(text: str) -> list[tuple[str, str]]:
    faults = []
    if _SECRET.search(text):
        faults.append(("credential", "A locator never opens anything by itself."))
    numbers = (re.sub(r"[.-]", "", found.group()) for found in _NATIONAL_NUMBER.finditer(text))
    if any(map(_is_national_number, numbers)):
        faults.append(("national_number", "An identifier is never the person's own number."))
    return faults


def _url_faults(url: str) -> list[tuple[str, str]]:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return [("not_a_url", "An absolute https URL.")]
    if len(url) > MAX_URL or parts.scheme != "https" or not host:
        return [("not_a_url", f"An absolute https URL of at most {MAX_URL} characters.")]
    if parts.username is not None or parts.password is not None:
        return [("credential", "No user or password in a URL.")]
    if parts.query or parts.fragment or "?" in url or "#" in url:
        return [("credential", "No query and no fragment: they carry keys and content.")]
    crowded = any(_count_words(part) > _MAX_WORDS for part in parts.path.split("/"))
    if crowded or not _URL_PATH.match(parts.path):
        return [("prose", "Plain path segments, without encoded characters.")]
    return _content_faults(parts.path)


def _is_national_number(digits: str) -> bool:
    """A birth date, a counter, and two digits that check them for either century (NISS, BIS).

    BIS numbers add 20 or 40 to the month; month and day may be 00. One identifier of eleven digits
    in four hundred looks like one by chance, and is refused too.
    """
    month, day = int(digits[2:4]) % 20, int(digits[4:6])
    if int(digits[2:4]) > 52 or month > 12 or day > 31:
        return False
    body, check = digits[:9], int(digits[9:])
    return check in (97 - int(body) % 97, 97 - int("2" + body) % 97)
