"""Card secrets and printed codes.

The QR holds 160 random bits. The printed code is ten digits and two check digits as on a Belgian
structured communication (modulo 97, 97 for 0): readable in any script, sayable on a phone, and
refused when a digit is wrong or two are swapped. It locates a card; it opens nothing.
"""

import base64
import re
import secrets

SECRET_BYTES = 20
QR_PREFIX = "MAILLAGE:CARD:1:"
_SEPARATORS = re.compile(r"[\s/.+*-]")
_CODE = re.compile(r"[0-9]{12}")


def new_secret() -> bytes:
    return secrets.token_bytes(SECRET_BYTES)


def qr_payload(secret: bytes) -> str:
    """48 characters of QR's compact alphanumeric set."""
    return QR_PREFIX + base64.b32encode(secret).decode("ascii")


def read_secret(text: str) -> bytes | None:
    """The secret in a QR's text, or in its last part alone; None when it is not one."""
    letters = text.strip().upper().removeprefix(QR_PREFIX)
    try:
        secret = base64.b32decode(letters)
    except ValueError:
        return None
    return secret if len(secret) == SECRET_BYTES else None


def new_code() -> str:
    """Twelve digits."""
    body = f"{secrets.randbelow(10**10):010d}"
    return body + check_digits(body)


def check_digits(body: str) -> str:
    return f"{int(body) % 97 or 97:02d}"


def print_code(code: str) -> str:
    """`123456789012` as it stands on the card: `123/4567/89012`."""
    return f"{code[:3]}/{code[3:7]}/{code[7:]}"


def read_code(text: str) -> str | None:
    """Twelve digits, however they were typed; None when the check digits are wrong."""
    digits = _SEPARATORS.sub("", text)
    if not _CODE.fullmatch(digits) or not digits.isascii():
        return None
    return digits if check_digits(digits[:10]) == digits[10:] else None
