"""What became of the lines of a file."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Rejected:
    """A line that was not loaded. `field` is a JSON pointer into the record."""

    line: int
    code: str
    field: str
    detail: str


@dataclass
class Outcome:
    """What became of the lines; the four counts add up to the lines that were not empty."""

    created: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    unchanged: Counter[str] = field(default_factory=Counter)
    rejected: list[Rejected] = field(default_factory=list)

    @property
    def written(self) -> int:
        return self.created.total() + self.changed.total()


Lined = list[tuple[int, Any]]
