"""One record of the file becomes one staged row and what there is to say about it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from typing import TypeVar
from uuid import UUID

from maillage_campaigns.identifiers import BadCell, parse_national_number, parse_phone
from maillage_campaigns.imports import cells
from maillage_campaigns.imports.communes import commune_of_name, commune_of_postcode
from maillage_campaigns.imports.headers import Column, Heading
from maillage_campaigns.imports.languages import parse_languages
from maillage_campaigns.imports.messages import severity_of
from maillage_campaigns.keys import TenantKeys
from maillage_campaigns.models import Severity
from maillage_common.columns import uuid7

Value = TypeVar("Value")
MAX_CELL = 300


@dataclass(frozen=True)
class Issue:
    """One finding. `heading` is None when it is about the whole row."""

    row_number: int
    code: str
    heading: Heading | None = None
    severity: Severity | None = None


@dataclass
class StagedRow:
    """What goes to `import_row`: pseudonyms and seals, no name or number in clear."""

    row_number: int
    is_good: bool = True
    person_id: UUID = field(default_factory=uuid7)
    person_key: bytes | None = None
    payload_key: bytes | None = None
    sealed_names: bytes | None = None
    phone_keys: list[bytes] = field(default_factory=list)
    sealed_phones: list[bytes] = field(default_factory=list)
    birth_year: int | None = None
    languages: list[str] = field(default_factory=list)
    interpreter_needed: bool = False
    territory: str | None = None
    preferred_from: time | None = None
    preferred_until: time | None = None
    priority: int = 0
    criteria: list[bytes] = field(default_factory=list)
    do_not_call: bool = False


class RowParser:
    """Parses the records under one header row, for one tenant."""

    def __init__(self, headings: Sequence[Heading], keys: TenantKeys, *, today: date) -> None:
        self._width = len(headings)
        self._known = [item for item in headings if item.column and not item.is_repeated]
        self._keys = keys
        self._today = today

    def parse(self, record: Sequence[str], row_number: int) -> tuple[StagedRow, list[Issue]]:
        """The staged row (`is_good` false when an error keeps it out) and its issues."""
        return _RowReading(record, row_number, self._known, self._width, self._keys, self._today)()


class _RowReading:
    """The reading of one record; it gathers issues as it goes."""

    def __init__(
        self,
        record: Sequence[str],
        row_number: int,
        known: Sequence[Heading],
        width: int,
        keys: TenantKeys,
        today: date,
    ) -> None:
        self.row = StagedRow(row_number)
        self.issues: list[Issue] = []
        self.keys, self.today = keys, today
        self.given: dict[Column, tuple[str, Heading]] = {}
        self.phones: list[tuple[str, Heading]] = []
        if any(cell.strip() for cell in record[width:]):
            self._report("extra-cell")
        for heading in known:
            cell = record[heading.position] if heading.position < len(record) else ""
            self._take(cells.clean(cell), heading)

    def __call__(self) -> tuple[StagedRow, list[Issue]]:
        identity = self._identity()
        names = self._names()
        numbers = self._numbers()
        self._profile()
        if identity is not None:
            self.row.person_key = self.keys.pseudonym(*identity)
            self._seal(names, numbers)
        self.row.is_good = all(issue.severity is not Severity.ERROR for issue in self.issues)
        return self.row, self.issues

    def _take(self, cell: str, heading: Heading) -> None:
        if not cell:
            return
        if len(cell) > MAX_CELL:
            self._report("constraint-error", heading, Severity.ERROR)
        elif cells.has_controls(cell):
            self._report("encoding-error", heading)
        elif heading.column is Column.PHONE:
            self.phones.append((cell, heading))
        elif heading.column is not None:
            self.given[heading.column] = (cell, heading)

    def _report(
        self, code: str, heading: Heading | None = None, severity: Severity | None = None
    ) -> None:
        severity = severity or severity_of(code)
        self.issues.append(Issue(self.row.row_number, code, heading, severity))

    def _read(self, column: Column, parse: Callable[[str], Value]) -> Value | None:
        found = self.given.get(column)
        if found is None:
            return None
        try:
            return parse(found[0])
        except BadCell as bad:
            self._report(bad.code, found[1])
            return None

    def _identity(self) -> tuple[str, str] | None:
        """Which pseudonym the person goes by: the national number's before the external id's."""
        number = self._read(
            Column.NATIONAL_NUMBER,
            lambda cell: parse_national_number(cell, today=self.today),
        )
        if number is not None:
            digits, self.row.birth_year, was_restored = number
            if was_restored:
                self._report("leading-zero-restored", self.given[Column.NATIONAL_NUMBER][1])
            return "national-number", digits
        external = self.given.get(Column.EXTERNAL_ID)
        if external is not None and Column.NATIONAL_NUMBER not in self.given:
            return "external-id", external[0].casefold()
        if Column.NATIONAL_NUMBER not in self.given:
            self._report("missing-identifier")
        return None

    def _names(self) -> dict[str, str]:
        wanted = {
            "first": Column.FIRST_NAME,
            "last": Column.LAST_NAME,
            "full": Column.FULL_NAME,
        }
        names = {
            key: self.given[column][0] for key, column in wanted.items() if column in self.given
        }
        if not names:
            self._report("missing-cell")
        return names

    def _numbers(self) -> list[str]:
        numbers: list[str] = []
        for cell, heading in self.phones:
            try:
                number = parse_phone(cell)
            except BadCell as bad:
                self._report(bad.code, heading, Severity.WARNING)
                continue
            if number not in numbers:
                numbers.append(number)
        if not numbers:
            self._report("missing-phone")
        return numbers

    def _profile(self) -> None:
        row = self.row
        year = self._read(Column.BIRTH, lambda cell: cells.parse_birth_year(cell, today=self.today))
        row.birth_year = year or row.birth_year
        row.languages = self._languages()
        row.interpreter_needed = bool(self._read(Column.INTERPRETER, cells.parse_yes))
        row.territory = self._territory()
        row.priority = self._read(Column.PRIORITY, cells.parse_priority) or 0
        criteria = self._read(Column.CRITERIA, cells.parse_criteria) or []
        row.criteria = [self.keys.pseudonym("criterion", code) for code in criteria]
        times = self._read(Column.PREFERRED_TIMES, cells.parse_times)
        if times is not None:
            row.preferred_from, row.preferred_until = times
        row.do_not_call = self._do_not_call()

    def _do_not_call(self) -> bool:
        """What one cannot read in a do-not-call column is a no: it can be undone, a call cannot."""
        found = self.given.get(Column.DO_NOT_CALL)
        if found is None:
            return False
        try:
            return cells.parse_yes(found[0])
        except BadCell:
            return True

    def _languages(self) -> list[str]:
        found = self.given.get(Column.LANGUAGES)
        if found is None:
            return []
        codes, unknown = parse_languages(found[0])
        if unknown:
            self._report("unknown-language", found[1])
        return list(codes)

    def _territory(self) -> str | None:
        commune = self.given.get(Column.COMMUNE)
        if commune is not None:
            code = commune_of_name(commune[0])
            if code is not None:
                return code
            self._report("unknown-commune", commune[1])
        postcode = self._read(Column.POSTCODE, cells.parse_postcode)
        if postcode is None:
            return None
        code = commune_of_postcode(postcode)
        if code is None:
            self._report("outside-region", self.given[Column.POSTCODE][1])
        return code

    def _seal(self, names: dict[str, str], numbers: Sequence[str]) -> None:
        """Seals are tied to the person's pseudonym, so that they cannot change owner."""
        row, keys = self.row, self.keys
        assert row.person_key is not None
        row.sealed_names = keys.seal_json(names, context=row.person_key)
        row.phone_keys = [keys.pseudonym("phone", number) for number in numbers]
        row.sealed_phones = [
            keys.seal(number.encode(), context=row.person_key) for number in numbers
        ]
        facts = (names, list(numbers), row.birth_year, row.languages, row.interpreter_needed)
        wishes = (row.territory, row.preferred_from, row.preferred_until)
        row.payload_key = keys.pseudonym("payload", repr((facts, wishes)))
