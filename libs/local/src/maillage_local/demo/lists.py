"""Sample call lists, as a mutuality's back office really sends them.

Semicolons, Windows-1252, CRLF, `0454/12.34.56`, DD/MM/YYYY, accents, and the faults that come with
them: a phone that lost digits, a day that does not exist, a register number failing its check, the
same person twice, someone who objected.

    story_list("mc")                         # bytes of about 30 rows, the story's list
    story_list("mc", corrected=True)         # the rows that were refused, put right
    write_call_list(Path("big.csv"), rows=100_000)
"""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from maillage_local.demo.chance import dice
from maillage_local.demo.people import Person, person

SEED = 2026
ENCODING = "windows-1252"
STORY_ROWS = 28
Tenant = Literal["mc", "solidaris"]
Row = list[str]


@dataclass(frozen=True)
class ListStyle:
    """How one back office names its columns and answers yes."""

    headers: tuple[str, ...]
    yes: str
    no: str
    criterion: str


FRENCH = ListStyle(
    (
        "N° national",
        "Numéro de membre",
        "Nom",
        "Prénom",
        "Langue",
        "Interprète",
        "Date de naissance",
        "Téléphone",
        "GSM",
        "Code postal",
        "Commune",
        "Critère",
        "Plage horaire",
        "Ne pas appeler",
    ),
    "oui",
    "non",
    "DEPISTAGE-SEIN",
)
DUTCH = ListStyle(
    (
        "Rijksregisternummer",
        "Lidnummer",
        "Naam",
        "Voornaam",
        "Taal",
        "Tolk",
        "Geboortedatum",
        "Telefoon",
        "Gsm",
        "Postcode",
        "Gemeente",
        "Criterium",
        "Voorkeursuren",
        "Niet bellen",
    ),
    "ja",
    "nee",
    "BORSTSCREENING",
)
STYLES: dict[Tenant, ListStyle] = {"mc": FRENCH, "solidaris": DUTCH}
(
    NATIONAL_NUMBER,
    MEMBER_NUMBER,
    SURNAME,
    GIVEN_NAME,
    LANGUAGE,
    INTERPRETER,
    BORN_ON,
    PHONE,
    MOBILE,
    POSTCODE,
    COMMUNE,
    CRITERION,
    HOURS,
    DO_NOT_CALL,
) = range(14)


@dataclass(frozen=True)
class Fault:
    """A cell as it should not be: which column, what stands there, what is wrong with it."""

    column: int
    cell: str
    what: str


FAULTS = (
    Fault(PHONE, "0454/12.3", "phone too short"),
    Fault(BORN_ON, "31/02/1958", "day that does not exist"),
    Fault(NATIONAL_NUMBER, "58.02.28-999.00", "register number failing its check"),
    Fault(PHONE, "", "no phone at all"),
    Fault(LANGUAGE, "??", "unknown language"),
    Fault(PHONE, "4,54123E+08", "number mangled by a spreadsheet"),
)


def national_phone(e164: str) -> str:
    """`0454/12.34.56`, as Belgian offices write a mobile number."""
    digits = "0" + e164.removeprefix("+32")
    return f"{digits[:4]}/{digits[4:6]}.{digits[6:8]}.{digits[8:]}"


def dotted_national_number(number: str) -> str:
    """`61.03.17-999.42`; blank stays blank."""
    if not number:
        return ""
    return f"{number[:2]}.{number[2:4]}.{number[4:6]}-{number[6:9]}.{number[9:]}"


def as_row(member: Person, style: ListStyle) -> Row:
    """The cells of one member, in the order of the headers."""
    is_dutch = style is DUTCH
    return [
        dotted_national_number(member.national_number),
        member.member_number,
        member.surname,
        member.given_name,
        "/".join(language.upper() for language in member.languages),
        style.yes if member.interpreter else style.no,
        f"{member.born_on:%d/%m/%Y}",
        national_phone(member.phones[0]),
        national_phone(member.phones[1]) if len(member.phones) > 1 else "",
        member.place.postcode,
        member.place.name_nl if is_dutch else member.place.name_fr,
        style.criterion,
        "",
        "",
    ]


def _encode(rows: Iterable[Row]) -> Iterator[bytes]:
    line = io.StringIO()
    writer = csv.writer(line, delimiter=";", lineterminator="\r\n")
    for row in rows:
        writer.writerow(row)
        yield line.getvalue().encode(ENCODING)
        line.seek(0)
        line.truncate()


def _story_members(tenant: Tenant) -> list[Person]:
    offset = 0 if tenant == "mc" else 1_000
    members = [
        person(offset + number, seed=SEED, prefix=tenant[:2].upper())
        for number in range(STORY_ROWS)
    ]
    # Whoever plays the story finds someone to call in Arabic, in French and in Dutch.
    for position, languages in enumerate((("ar", "fr"), ("fr",), ("nl",), ("tr",), ("ar",))):
        members[position] = replace(members[position], languages=languages, interpreter=False)
    return members


def story_list(tenant: Tenant, *, corrected: bool = False) -> bytes:
    """The story's list of one mutuality: French headers for `mc`, Dutch ones for `solidaris`.

    It holds good rows, one row for each of `FAULTS`, the same row twice, one person under two
    spellings of the name with one phone, and someone who must not be called. `corrected` gives
    the faulty rows alone, put right, as they are pushed again.
    """
    style = STYLES[tenant]
    rows = [as_row(member, style) for member in _story_members(tenant)]
    good, to_spoil = rows[: -len(FAULTS)], rows[-len(FAULTS) :]
    if corrected:
        return b"".join(_encode([list(style.headers), *to_spoil]))
    objecting = good[5]
    objecting[DO_NOT_CALL] = style.yes
    good[6][HOURS] = "14:00-18:00"
    good[7][SURNAME] = f"{good[7][SURNAME]}; épouse Témoin"  # a cell that needs its quotes
    good[8][SURNAME] = "Chef-d’œuvre"  # letters of Windows-1252 that ISO 8859-1 lacks
    respelled = [*good[1]]
    respelled[SURNAME] = respelled[SURNAME].upper()
    respelled[NATIONAL_NUMBER] = ""
    respelled[MEMBER_NUMBER] = f"{tenant[:2].upper()}-900001"
    spoiled = [_spoil(row, fault) for row, fault in zip(to_spoil, FAULTS, strict=True)]
    return b"".join(_encode([list(style.headers), *good, *spoiled, [*good[0]], respelled]))


def _spoil(row: Row, fault: Fault) -> Row:
    spoiled = [*row]
    spoiled[fault.column] = fault.cell
    if fault.column == PHONE:
        spoiled[MOBILE] = ""
    return spoiled


def call_list(
    rows: int, *, style: ListStyle = FRENCH, seed: int = SEED, bad_percent: float = 1.0
) -> Iterator[bytes]:
    """A list of any size, line by line, header first; flat memory.

    `bad_percent` of the rows have one of `FAULTS`; one row in 200 repeats the one before it and
    one in 300 objects.
    """
    yield from _encode([list(style.headers)])
    yield from _encode(_rows(rows, style, seed, bad_percent))


def _rows(rows: int, style: ListStyle, seed: int, bad_percent: float) -> Iterator[Row]:
    previous: Row = []
    for number in range(rows):
        random = dice(seed, "row", number)
        drawn = random.random()
        if previous and drawn < 0.005:
            yield previous
            continue
        row = as_row(person(number, seed=seed), style)
        if drawn > 1 - 1 / 300:
            row[DO_NOT_CALL] = style.yes
        elif drawn < 0.005 + bad_percent / 100:
            row = _spoil(row, random.choice(FAULTS))
        previous = row
        yield row


def write_call_list(
    path: Path,
    *,
    rows: int,
    style: ListStyle = FRENCH,
    seed: int = SEED,
    bad_percent: float = 1.0,
) -> None:
    """Write `call_list` to a file."""
    with path.open("wb") as file:
        file.writelines(call_list(rows, style=style, seed=seed, bad_percent=bad_percent))
