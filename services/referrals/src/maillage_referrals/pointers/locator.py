"""What may stand in a locator: where a thing is kept, and nothing else.

The operator lists the systems, how each writes its references and on which pages it shows them: no
word of the caller's is left. A national number would name the person, and a credential would open
another system to every reader, so that both are refused even where a form would let them pass.
"""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote

from maillage_common.errors import FieldError, Unprocessable
from maillage_referrals.models.pointers import REFERENCE_PATTERN
from maillage_referrals.settings import OWN, LocatorSystem

Systems = Mapping[str, LocatorSystem]
_REFERENCE = re.compile(REFERENCE_PATTERN.removesuffix("$") + r"\Z")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\Z")
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


class LocatorRefused(Unprocessable):
    code, title = "locator_refused", "A locator says where, and nothing else"


class ReferenceRefused(Unprocessable):
    code, title = "reference_refused", "A reference is the number of a file, and nothing else"


def check_locator(system: str, reference: str, url: str | None, *, known: Systems) -> None:
    """Raises `LocatorRefused`, naming every fault without repeating what was sent.

    `known` are the systems that may be named.
    """
    if system not in known:
        allowed = f"One of: {', '.join(sorted(known))}. The operator adds others."
        faults = [FieldError("unknown_system", allowed, pointer="/locator/system")]
    else:
        faults = list(_reference_faults(known[system], reference, pointer="/locator/reference"))
        pages = [page.format(reference=quote(reference, safe="")) for page in known[system].pages]
        if url is not None and url not in pages:
            allowed = " or ".join(known[system].pages) or "This system has none: leave it out."
            faults.append(FieldError("unknown_page", allowed, pointer="/locator/url"))
    if faults:
        raise LocatorRefused("Send the system and the identifier that it gave.", errors=faults)


def check_local_reference(reference: str | None, *, known: Systems) -> None:
    """As one in the writer's own files. Raises `ReferenceRefused`."""
    if reference is None:
        return
    own = known.get(OWN, LocatorSystem())
    faults = list(_reference_faults(own, reference, pointer="/local_reference"))
    if faults:
        raise ReferenceRefused("Send the number that your files give it.", errors=faults)


def _reference_faults(
    system: LocatorSystem, reference: str, *, pointer: str
) -> Iterator[FieldError]:
    # One in a hundred thousand has a national number in it, by chance.
    if _UUID.match(reference):
        return
    if not system.reference.fullmatch(reference) or not _REFERENCE.match(reference):
        allowed = f"A UUID, or what matches {system.reference.pattern}"
        yield FieldError("unknown_form", allowed, pointer=pointer)
    if _SECRET.search(reference):
        yield FieldError("credential", "A reference opens nothing by itself.", pointer=pointer)
    numbers = (re.sub(r"[.-]", "", found.group()) for found in _NATIONAL_NUMBER.finditer(reference))
    if any(map(_is_national_number, numbers)):
        allowed = "An identifier is never the person's own number."
        yield FieldError("national_number", allowed, pointer=pointer)


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
