"""Identifiers with a check of their own."""

import re


def normal_kbo(identifier: str) -> str | None:
    """The ten digits of a Belgian enterprise number (KBO/BCE), or None when it is not one.

    The last two digits are 97 minus the first eight modulo 97 (Crossroads Bank for Enterprises).
    Spaces, dots and the prefix BE are taken away; an old nine-digit number gains its zero.
    """
    digits = re.sub(r"[\s.\-]", "", identifier.upper().removeprefix("BE"))
    if re.fullmatch(r"\d{9}", digits):
        digits = "0" + digits
    if not re.fullmatch(r"[01]\d{9}", digits):
        return None
    return digits if 97 - int(digits[:8]) % 97 == int(digits[8:]) else None
