"""Call lists for tests. National numbers use the sequence 999, never allotted."""

from collections.abc import Sequence

HEADER = ("N° national", "Nom", "Prénom", "Téléphone", "Langue", "Code postal")


def national_number(birth: str, sequence: int = 999) -> str:
    """`birth` is YYMMDD of the twentieth century."""
    base = f"{birth}{sequence:03d}"
    return f"{base}{97 - int(base) % 97:02d}"


def nth_number(index: int) -> str:
    return national_number(
        f"{40 + index % 50:02d}{1 + index // 50 % 12:02d}{1 + index // 600 % 28:02d}"
    )


def nth_phone(index: int) -> str:
    return f"0470/{index // 10_000 % 100:02d}.{index // 100 % 100:02d}.{index % 100:02d}"


def person_row(
    index: int, *, language: str = "français", postcode: str = "1080"
) -> tuple[str, ...]:
    return (nth_number(index), f"Dupönt-{index}", "Émile", nth_phone(index), language, postcode)


def csv_bytes(
    rows: Sequence[Sequence[str]],
    *,
    header: Sequence[str] = HEADER,
    delimiter: str = ";",
    encoding: str = "windows-1252",
) -> bytes:
    lines = [delimiter.join(cells) for cells in (header, *rows)]
    return "\r\n".join(lines).encode(encoding) + "\r\n".encode(encoding.removesuffix("-sig"))
