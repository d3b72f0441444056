"""The shapes of the directory's records, one JSON object a line.

Texts are `{"fr": …, "nl"?: …, "en"?: …}`; instants RFC 3339; days ISO 8601; phones E.164; times of
day `HH:MM`, where `24:00` ends a day and a closing before the opening is on the next day.
"""

from typing import Any, Literal, NotRequired, TypedDict

Texts = dict[str, str]
Answer = Literal["yes", "no", "unknown"]
Visibility = Literal["public", "professional", "network", "own"]


class Identifier(TypedDict):
    scheme: str
    identifier: str


class OrganizationRecord(TypedDict):
    type: Literal["organization"]
    id: str
    source: str
    source_date: str
    name: Texts
    kind: str
    visibility: Visibility
    description: NotRequired[Texts]
    phones: NotRequired[list[str]]
    email: NotRequired[str]
    url: NotRequired[str]
    identifiers: NotRequired[list[Identifier]]
    network: NotRequired[str]


class Schedule(TypedDict):
    freq: Literal["WEEKLY", "MONTHLY"]
    byday: str
    opens_at: str
    closes_at: str
    valid_from: NotRequired[str]
    valid_to: NotRequired[str]


# "from" is a keyword, so this one is written with the functional syntax.
Closure = TypedDict("Closure", {"from": str, "to": str, "reason": NotRequired[Texts]})


class Address(TypedDict):
    street: Texts
    postcode: str
    city: Texts
    commune_nis: str


class Location(TypedDict):
    id: str
    address: Address
    confidential: bool
    name: NotRequired[str]
    latitude: NotRequired[float]
    longitude: NotRequired[float]


class Capacity(TypedDict):
    status: str
    observed_at: str
    waiting_days: NotRequired[int]
    valid_until: NotRequired[str]


class ServiceRecord(TypedDict):
    type: Literal["service"]
    id: str
    source: str
    source_date: str
    organization: str
    name: Texts
    description: Texts
    needs: list[str]
    languages: list[str]
    interpreter: bool
    access: list[str]
    conditions: dict[str, Answer]
    cost: Literal["free", "paid", "unknown"]
    accessible: Answer
    schedules: list[Schedule]
    closures: list[Closure]
    phones: list[str]
    action_zones: list[str]
    programs: list[str]
    visibility: Visibility
    kind: NotRequired[str]
    age_min: NotRequired[int]
    age_max: NotRequired[int]
    locations: NotRequired[list[Location]]
    email: NotRequired[str]
    url: NotRequired[str]
    network: NotRequired[str]
    capacity: NotRequired[Capacity]
    verified_at: NotRequired[str]


class ObservationRecord(TypedDict):
    """Tells of a place and a need; never of a person, an organization or a mutuality."""

    type: Literal["observation"]
    id: str
    source: str
    source_date: str
    kind: Literal["gap", "obstacle"]
    need: str
    territory: str
    program: str
    count: int
    note: Texts
    state: Literal["noted", "sent", "answered"]
    observed_on: str
    visibility: Literal["public", "professional"]
    obstacle: NotRequired[str]
    recommendation: NotRequired[Texts]


class CoverageRecord(TypedDict):
    type: Literal["coverage"]
    program: str
    organization: str
    territory: str
    role: Literal["worker", "host_partner", "team"]
    valid_from: str


# Events, rotas, diagnoses and collections: as the directory's API takes them, with an id.
LifeRecord = dict[str, Any]

Record = OrganizationRecord | ServiceRecord | CoverageRecord | ObservationRecord | LifeRecord
