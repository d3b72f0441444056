"""The answers, typed. Fields a newer server adds are kept and reachable as attributes."""

from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

Item = TypeVar("Item", bound=BaseModel)
# Language (ISO 639) -> words.
Texts = dict[str, str]


class Model(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


class Page(Model, Generic[Item]):
    """Some items, and where the next ones begin (None: there are none)."""

    items: list[Item]
    next_cursor: str | None = None


class Match(Model):
    """Why a service was found: what fits, and what is not known for sure."""

    score: float = 0.0
    reasons: list[str] = Field(default_factory=list)
    uncertain: list[str] = Field(default_factory=list)


class Organization(Model):
    """Who gives a service."""

    id: UUID
    name: Texts
    kind: str


class Capacity(Model):
    """Whether someone can be taken now; `unknown` when never told, or told too long ago."""

    status: str = "unknown"
    waiting_days: int | None = None
    observed_at: datetime | None = None
    valid_until: datetime | None = None


class Phone(Model):
    """`number` is E.164, or a short number."""

    number: str
    extension: str | None = None
    kind: str = "voice"
    description: Texts = Field(default_factory=dict)


class Service(Model):
    """A service of the directory; `label` is its name in the language asked for."""

    id: UUID
    name: Texts
    label: str = ""
    organization: Organization | None = None
    needs: list[str] = Field(default_factory=list)
    languages: list[str] = Field(default_factory=list)
    access: list[str] = Field(default_factory=list)
    conditions: dict[str, str] = Field(default_factory=dict)
    cost: str = "unknown"
    accessible: str = "unknown"
    open_until: datetime | None = None
    phones: list[Phone] = Field(default_factory=list)
    capacity: Capacity = Capacity()
    verified_at: datetime | None = None


class FoundService(Service):
    """A service as a search shows it: `outside` the territory asked for, saturated or not."""

    match: Match = Match()
    distance_m: int | None = None
    outside: bool = False
    is_saturated: bool = False
    alternatives: list[UUID] = Field(default_factory=list)


class SearchPage(Page[FoundService]):
    """`unknown` counts, per filter, those left out only because it is not known of them."""

    total: int | None = None
    unknown: dict[str, int] = Field(default_factory=dict)
    searched_at: datetime | None = None


class ImportStage(StrEnum):
    """Where an import is; it rests in the last four."""

    RECEIVED = "received"
    PARSING = "parsing"
    VALIDATED = "validated"
    MERGING = "merging"
    AWAITING_APPROVAL = "awaiting_approval"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def is_at_rest(self) -> bool:
        return self in _AT_REST


_AT_REST = frozenset(
    {
        ImportStage.AWAITING_APPROVAL,
        ImportStage.DONE,
        ImportStage.CANCELLED,
        ImportStage.FAILED,
    }
)


class ImportProgress(Model):
    """`rows_total` and `seconds_left` are None while they cannot be known."""

    rows_done: int = 0
    rows_total: int | None = None
    seconds_left: int | None = None


class ImportCounts(Model):
    """Rows by what became of them. Good = new + changed + same."""

    good: int = 0
    bad: int = 0
    new: int = 0
    changed: int = 0
    same: int = 0
    duplicate: int = 0
    objection: int = 0


class ListImport(Model):
    """A pushed call list on its way in."""

    id: UUID
    stage: ImportStage
    file_name: str | None = None
    progress: ImportProgress = ImportProgress()
    counts: ImportCounts = ImportCounts()
    confirmation_required: bool = False
    failure_code: str | None = None
    missing_columns: list[str] = Field(default_factory=list)
    received_at: datetime | None = None


class RowIssue(Model):
    """One thing to say about a row: where in the spreadsheet, what, and how grave."""

    row: int
    column: str | None = None
    label: str | None = None
    code: str
    severity: str
    messages: Texts = Field(default_factory=dict)

    def words(self, language: str) -> str:
        """The message in `language`, else in French, else the code."""
        return self.messages.get(language) or self.messages.get("fr") or self.code


class RecordCounts(Model):
    """Records of a file by what became of them; `bad` counts lines."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    bad: int = 0
    missing: int = 0


class RecordImport(Model):
    """A file on its way into the directory. `stage`: received, reading, checked (a dry run that
    awaits a decision), done, failed or cancelled."""

    id: UUID
    stage: str
    lines_done: int = 0
    lines_total: int | None = None
    counts: RecordCounts = Field(default_factory=RecordCounts)
    failure_code: str | None = None


class RecordFinding(Model):
    """Something about a line; `near` may have been meant. Line 0: the file as a whole."""

    line: int
    field: str
    code: str
    severity: str
    detail: str
    near: list[str] = Field(default_factory=list)
