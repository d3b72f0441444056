"""What became of the lines of a file, and what a run remembers between its batches."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from maillage_directory.vocabulary import Terms


@dataclass(frozen=True)
class Rejected:
    """Something wrong with a line. `field` is a JSON pointer into the record, `near` what may have
    been meant. An `error` keeps its line out, a `warning` does not."""

    line: int
    code: str
    field: str
    detail: str
    near: tuple[str, ...] = ()
    severity: str = "error"


@dataclass
class Outcome:
    """What became of the lines: created, changed, unchanged and `bad_lines` add up to the lines
    that were not empty. `rejected` says what was wrong, one entry a fault."""

    created: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    unchanged: Counter[str] = field(default_factory=Counter)
    rejected: list[Rejected] = field(default_factory=list)
    noted: list[Rejected] = field(default_factory=list)

    @property
    def written(self) -> int:
        return self.created.total() + self.changed.total()

    @property
    def bad(self) -> set[int]:
        """The lines that stay out."""
        return {fault.line for fault in self.rejected}

    @property
    def bad_lines(self) -> int:
        return len(self.bad)

    def add(self, other: "Outcome") -> None:
        self.created += other.created
        self.changed += other.changed
        self.unchanged += other.unchanged
        self.rejected += other.rejected
        self.noted += other.noted


@dataclass
class Run:
    """One file on its way in, however many batches it takes.

    `source`: that of records which name none. `only_for`: the organizations whose records may be
    written; None: all. `is_dry`: everything is checked, nothing written.
    """

    terms: Terms
    source: str | None = None
    only_for: frozenset[UUID] | None = None
    is_dry: bool = False
    lines: dict[UUID, int] = field(default_factory=dict)
    """Ids seen so far, and where."""
    ids: dict[str, UUID] = field(default_factory=dict)
    """What the file calls an organization (id, or `source external_id`): its id here."""
    organizations: set[UUID] = field(default_factory=set)
    places: dict[UUID, UUID] = field(default_factory=dict)
    """Places of this run and whose they are; a dry run finds them nowhere else."""
    parents: dict[UUID, tuple[int, UUID]] = field(default_factory=dict)
    """Organizations whose parent was not there yet: their line, and the parent."""
    told_parents: dict[UUID, UUID | None] = field(default_factory=dict)
    """What the file says of its organizations, here before it is written."""
    sources: set[str] = field(default_factory=set)

    def forget(self, raws: "Iterable[Raw]") -> None:
        """These lines were not written, and may be tried again."""
        for number, raw in raws:
            key = as_uuid(raw.get("id")) if isinstance(raw, dict) else None
            if key is not None and self.lines.get(key) == number:
                del self.lines[key]


def as_uuid(value: Any) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


Lined = list[tuple[int, Any]]
# A line as a reader of some format gives it: a record in JSON, or what was wrong.
Raw = tuple[int, dict[str, Any] | Rejected]
