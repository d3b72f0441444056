"""Columns matched by name, in French, Dutch and English."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Column(StrEnum):
    EXTERNAL_ID = "external_id"
    NATIONAL_NUMBER = "national_number"
    FIRST_NAME = "first_name"
    LAST_NAME = "last_name"
    FULL_NAME = "full_name"
    LANGUAGES = "languages"
    INTERPRETER = "interpreter"
    BIRTH = "birth"
    PHONE = "phone"
    POSTCODE = "postcode"
    COMMUNE = "commune"
    CRITERIA = "criteria"
    PRIORITY = "priority"
    PREFERRED_TIMES = "preferred_times"
    DO_NOT_CALL = "do_not_call"


_NAMES: dict[Column, str] = {
    Column.EXTERNAL_ID: "external id, id externe, identifiant, identifiant externe, numero "
    "affilie, numero d affilie, n affilie, numero membre, numero de membre, "
    "affilie, reference, ref, dossier, extern id, lidnummer, "
    "aansluitingsnummer, referentie, member id, member number, membership "
    "number",
    Column.NATIONAL_NUMBER: "niss, numero national, registre national, "
    "numero de registre national, n "
    "registre national, n de registre national, n national, nn, numero niss, "
    "n niss, numero de securite sociale, insz, insz nummer, "
    "rijksregisternummer, rijksregister, rrn, national number, national "
    "register number, nrn",
    Column.FIRST_NAME: "prenom, voornaam, first name, firstname, given name",
    Column.LAST_NAME: "nom, nom de famille, naam, achternaam, familienaam, last name, lastname, "
    "family name, surname",
    Column.FULL_NAME: "nom complet, nom et prenom, nom prenom, volledige naam, naam en "
    "voornaam, full name, name",
    Column.LANGUAGES: "langue, langues, langue parlee, langues parlees, langue de contact, "
    "taal, talen, contacttaal, gesproken taal, moedertaal, language, "
    "languages, spoken language, lang",
    Column.INTERPRETER: "interprete, besoin d interprete, interprete necessaire, tolk, tolk "
    "nodig, interpreter, interpreter needed",
    Column.BIRTH: "date de naissance, naissance, annee de naissance, ne le, nee le, ne e "
    "le, geboortedatum, geboortejaar, geboren op, birth date, date of birth, "
    "birth year, year of birth, dob",
    Column.PHONE: "telephone, tel, telephone fixe, fixe, gsm, mobile, portable, numero de "
    "telephone, n de telephone, numero de gsm, telefoon, telefoonnummer, gsm "
    "nummer, mobiel, vaste lijn, phone, phone number, mobile phone, cell, "
    "landline",
    Column.POSTCODE: "code postal, cp, postcode, post code, zip, postal code",
    Column.COMMUNE: "commune, code ins, ins, gemeente, nis, nis code, niscode, municipality",
    Column.CRITERIA: "critere, criteres, criterium, criteria, critere de selection, selectie, "
    "criterion",
    Column.PRIORITY: "priorite, prioriteit, priority",
    Column.PREFERRED_TIMES: "heures preferees, horaire prefere, plage horaire, moment prefere, "
    "voorkeursuren, voorkeursmoment, preferred times, preferred time, "
    "preferred hours",
    Column.DO_NOT_CALL: "ne pas appeler, opposition, niet bellen, bel me niet, verzet, do not "
    "call, dnc, opt out, objection",
}
_BY_NAME = {
    name.strip(): column for column, names in _NAMES.items() for name in names.split(",")
} | {column.value.replace("_", " "): column for column in Column}
REPEATABLE = frozenset({Column.PHONE})


@dataclass(frozen=True)
class Heading:
    """A column of the file. `position` counts from 0; unknown columns have no `column`."""

    position: int
    label: str
    column: Column | None
    is_repeated: bool = False

    @property
    def letters(self) -> str:
        return column_letters(self.position)

    @property
    def known_label(self) -> str | None:
        """None for an unknown column: where a list has no header, somebody's name stands there."""
        return self.label if self.column else None


def column_letters(position: int) -> str:
    """A spreadsheet's name of the column: 0 is A, 26 is AA."""
    letters = ""
    position += 1
    while position:
        position, rest = divmod(position - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def match_headings(labels: Sequence[str]) -> list[Heading]:
    """The known columns of a header row; a second column of one kind is marked repeated."""
    headings: list[Heading] = []
    seen: set[Column] = set()
    for position, label in enumerate(labels):
        column = _find(label)
        repeated = column in seen and column not in REPEATABLE
        if column is not None:
            seen.add(column)
        headings.append(Heading(position, label.strip()[:80], column, repeated))
    return headings


def missing_columns(headings: Sequence[Heading]) -> list[str]:
    """What a list cannot do without: someone's number or id, a name, a phone."""
    found = {heading.column for heading in headings}
    groups = {
        "national_number|external_id": {Column.NATIONAL_NUMBER, Column.EXTERNAL_ID},
        "last_name|full_name": {Column.LAST_NAME, Column.FULL_NAME, Column.FIRST_NAME},
        "phone": {Column.PHONE},
    }
    return [name for name, wanted in groups.items() if not wanted & found]


def _find(label: str) -> Column | None:
    """By its letters without their accents. Every letter counts, whatever its script: a label that
    is found says nothing but the column.
    """
    letters = unicodedata.normalize("NFKD", label.casefold())
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    words = " ".join(re.findall(r"[^\W_]+", plain))
    # "Téléphone 2", "GSM1": a digit behind a phone's name only says which.
    return _BY_NAME.get(words) or _BY_NAME.get(re.sub(r" ?[0-9]$", "", words))
