"""The gate against a naive reading of its rules, over random worlds.

The reading below is written from the rules' text alone. It is asked about every pointer of a world
and every caller, and must agree both with the predicate and with row-level security.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from maillage_referrals.models import CareLink, Consent, Exclusion, Pointer, Subject

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ORGANIZATIONS = [UUID(int=n + 1) for n in range(2)]
PEOPLE = ["ann", "bob"]
FUNCTIONS = ["raq", "general_practitioner", "reception"]
SENSITIVE = ["mental_health", "violence"]
CATEGORIES = ["housing", *SENSITIVE]
PURPOSES = ["care", "social_support"]
MATRIX = {
    "raq": {"housing"},
    "general_practitioner": {"housing", "mental_health", "violence"},
    "reception": set[str](),
}

BEFORE, AFTER = NOW - timedelta(days=1), NOW + timedelta(days=1)
# What opens a record, and what may be otherwise: most worlds are open but for a thing or two.
CONSENT: dict[str, Any] = {
    "scope": "record",
    "status": "active",
    "grantee_kind": "organization",
    "grantee_organization": ORGANIZATIONS[0],
    "categories": ["ordinary", *SENSITIVE],
    "purposes": PURPOSES,
    "valid_from": BEFORE,
    "valid_until": AFTER,
    "proof": "card",
    "text_language": "fr",
    "text_version": "1",
    "recorded_by_organization": ORGANIZATIONS[1],
    "recorded_by": "ann",
    "activated_at": BEFORE,
}
LINK: dict[str, Any] = {
    "organization": ORGANIZATIONS[0],
    "person": None,
    "evidence": "one_time_code",
    "recorded_by": "ann",
    "started_at": BEFORE,
    "expires_at": AFTER,
    "ended_at": None,
    "ended_by": None,
}
POINTER: dict[str, Any] = {
    "category": "housing",
    "sensitive_categories": [],
    "kind": "contact",
    "status": "done",
    "from_on": NOW.date(),
    "organization": ORGANIZATIONS[1],
    "author": "ann",
    "author_function": "raq",
    "locator_system": "topaz",
}
LONG_AGO, FAR = NOW - timedelta(days=9), NOW + timedelta(days=9)


def varied(
    start: dict[str, Any], changes: list[dict[str, Any]], *, at_most: int = 2
) -> st.SearchStrategy[dict[str, Any]]:
    """`start`, with none or a few of the changes."""
    chosen = st.lists(st.sampled_from(changes), max_size=at_most)
    return chosen.map(lambda some: {name: v for one in (start, *some) for name, v in one.items()})


def _to(kind: str, value: Any) -> dict[str, Any]:
    empty = dict.fromkeys(["grantee_organization", "grantee_function", "grantee_person"])
    return {"grantee_kind": kind, **empty, f"grantee_{kind}": value}


CONSENT_CHANGES: list[dict[str, Any]] = [
    {"scope": "referral"},
    {"status": "withdrawn", "withdrawn_at": NOW, "expired_at": None},
    {"status": "expired", "expired_at": NOW, "withdrawn_at": None},
    *(_to("organization", one) for one in ORGANIZATIONS),
    *(_to("function", one) for one in FUNCTIONS),
    *(_to("person", one) for one in PEOPLE),
    *({"categories": [one]} for one in ["ordinary", *CATEGORIES]),
    {"categories": ["ordinary", "mental_health"]},
    *({"purposes": [one]} for one in PURPOSES),
    {"valid_from": LONG_AGO, "valid_until": NOW},
    {"valid_from": AFTER, "valid_until": FAR},
    *({"proof": one} for one in ("one_time_code", "login", "oral", "written")),
    {"recorded_by_organization": ORGANIZATIONS[0]},
]
consents = varied(CONSENT, CONSENT_CHANGES)
# Evidence that needs a card or a referral row is left to the other tests.
LINK_CHANGES: list[dict[str, Any]] = [
    {"organization": ORGANIZATIONS[1]},
    *({"person": one} for one in PEOPLE),
    {"evidence": "declared"},
    {"started_at": LONG_AGO, "expires_at": NOW},
    {"started_at": AFTER, "expires_at": FAR},
    {"ended_at": NOW, "ended_by": "person"},
]
links = varied(LINK, LINK_CHANGES)
EXCLUSIONS: list[dict[str, Any]] = [
    {**whom, "lifted_at": lifted}
    for whom in ({"organization": ORGANIZATIONS[0]}, {"person": "bob"})
    for lifted in (None, NOW)
]
exclusions = st.sampled_from(EXCLUSIONS)
POINTER_CHANGES: list[dict[str, Any]] = [
    {"organization": ORGANIZATIONS[0]},
    {"sensitive_categories": ["violence"]},
    {"category": "mental_health", "sensitive_categories": ["mental_health"]},
    {"category": "mental_health", "sensitive_categories": SENSITIVE},
]
pointers = varied(POINTER, POINTER_CHANGES, at_most=1)


@dataclass(frozen=True)
class Asker:
    organization: UUID
    person: str
    function: str
    purpose: str


@dataclass
class Record:
    consents: list[dict[str, Any]]
    links: list[dict[str, Any]]
    exclusions: list[dict[str, Any]]
    pointers: list[dict[str, Any]]


records = st.builds(
    Record,
    consents=st.lists(consents, min_size=1, max_size=2),
    links=st.lists(links, min_size=1, max_size=2),
    exclusions=st.lists(exclusions, max_size=1),
    pointers=st.lists(pointers, min_size=1, max_size=3),
)


def favours(consent: dict[str, Any], asker: Asker) -> bool:
    given_to = consent[f"grantee_{consent['grantee_kind']}"]
    asked_by = {
        "organization": asker.organization,
        "function": asker.function,
        "person": asker.person,
    }[consent["grantee_kind"]]
    runs = consent["valid_from"] <= NOW < consent["valid_until"]
    return bool(consent["status"] == "active" and runs and given_to == asked_by)


def covers(consent: dict[str, Any], pointer: dict[str, Any]) -> bool:
    named = consent["categories"]
    is_sensitive = pointer["category"] in SENSITIVE
    by_name = pointer["category"] in named or ("ordinary" in named and not is_sensitive)
    return by_name and all(revealed in named for revealed in pointer["sensitive_categories"])


def is_linked(record: Record, asker: Asker, *, shown: bool) -> bool:
    return any(
        link["organization"] == asker.organization
        and link["person"] in (None, asker.person)
        and link["ended_at"] is None
        and link["started_at"] <= NOW < link["expires_at"]
        and (link["evidence"] != "declared" or not shown)
        for link in record.links
    )


def may_read(record: Record, pointer: dict[str, Any], asker: Asker) -> bool:
    for exclusion in record.exclusions:
        named = (exclusion.get("organization"), exclusion.get("person"))
        if exclusion["lifted_at"] is None and (
            named[0] == asker.organization or named[1] == asker.person
        ):
            return False
    if pointer["organization"] == asker.organization:
        recorded = any(
            consent["status"] == "active"
            and consent["valid_from"] <= NOW < consent["valid_until"]
            and (
                consent["recorded_by_organization"] == asker.organization or favours(consent, asker)
            )
            for consent in record.consents
        )
        return recorded or is_linked(record, asker, shown=False)
    consented = any(
        favours(consent, asker)
        and consent["scope"] == "record"
        and consent["proof"] in ("card", "one_time_code", "login")
        and asker.purpose in consent["purposes"]
        and covers(consent, pointer)
        for consent in record.consents
    )
    allowed = {pointer["category"], *pointer["sensitive_categories"]} <= MATRIX[asker.function]
    return consented and allowed and is_linked(record, asker, shown=True)


@pytest.fixture
def session(database: Any) -> Iterator[Session]:
    engine = create_engine(database.app_url)
    with Session(engine) as opened:
        yield opened
    engine.dispose()


@settings(
    max_examples=50,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(record=records)
def test_the_gate_and_row_level_security_agree_with_the_rules(
    session: Session, record: Record
) -> None:
    _compare(session, record)


def test_each_rule_alone_closes_what_is_open_without_it(session: Session) -> None:
    """The open world, then one thing otherwise at a time."""
    pointers = [{**POINTER, **change} for change in ({}, *POINTER_CHANGES)]
    worlds = [
        *([{**CONSENT, **change}] for change in ({}, *CONSENT_CHANGES)),
        *([{**LINK, **change}] for change in LINK_CHANGES),
    ]
    for (one,) in worlds:
        is_consent = "scope" in one
        _compare(
            session,
            Record(
                consents=[one] if is_consent else [CONSENT],
                links=[LINK] if is_consent else [one],
                exclusions=[],
                pointers=pointers,
            ),
        )
    for exclusion in EXCLUSIONS:
        _compare(session, Record([CONSENT], [LINK], [exclusion], pointers))


def _compare(session: Session, record: Record) -> None:
    """Predicate and row-level security against the reading, for everybody who may ask."""
    written = _write(session, record)
    askers = [Asker(*parts) for parts in product(ORGANIZATIONS, PEOPLE, FUNCTIONS, PURPOSES)]
    try:
        for asker in askers:
            expected = {
                pointer_id
                for pointer_id, pointer in written.items()
                if may_read(record, pointer, asker)
            }
            _ask(session, asker, system="")
            assert _read(session, "true") == expected, asker
            _ask(session, asker, system="test")
            assert _read(session, _GATE) == expected, asker
    finally:
        session.rollback()


_GATE = "may_read_pointer(subject_id, organization, category, sensitive_categories)"


def _write(session: Session, record: Record) -> dict[UUID, dict[str, Any]]:
    """Puts the record into the database; pointers by id."""
    subject = Subject(id=uuid4())
    person = {"subject_id": subject.id}
    _say(session, system="test", at=NOW.isoformat())
    session.add(subject)
    session.flush()
    written = _write_pointers(session, subject.id, record)
    session.add_all(Consent.model_validate({**row, **person}) for row in record.consents)
    session.add_all(CareLink.model_validate({**row, **person}) for row in record.links)
    session.flush()
    # Nobody but the person excludes.
    _say(session, person=str(subject.id))
    session.add_all(Exclusion.model_validate({**row, **person}) for row in record.exclusions)
    session.flush()
    _say(session, person="", organization="")
    return written


def _write_pointers(
    session: Session, subject_id: UUID, record: Record
) -> dict[UUID, dict[str, Any]]:
    """Each by its organization, which is involved for that moment alone."""
    written = {}
    for number, row in enumerate(record.pointers):
        involved = {
            "subject_id": subject_id,
            "organization": row["organization"],
            "evidence": "declared",
            "recorded_by": "ann",
            "started_at": NOW - timedelta(days=1),
            "expires_at": NOW + timedelta(days=1),
        }
        link = CareLink.model_validate(involved)
        unique = {"subject_id": subject_id, "locator_reference": f"D-{number}"}
        pointer = Pointer.model_validate({**row, **unique})
        written[pointer.id] = row
        _say(session, organization=str(row["organization"]))
        session.add(link)
        session.flush()
        session.add(pointer)
        session.flush()
        session.delete(link)
        session.flush()
    return written


def _say(session: Session, **named: str) -> None:
    """One round trip for all."""
    calls = ", ".join(f"set_config('maillage.{name}', :{name}, true)" for name in named)
    session.execute(text(f"SELECT {calls}"), named)


def _ask(session: Session, asker: Asker, *, system: str) -> None:
    _say(
        session,
        organization=str(asker.organization),
        subject=asker.person,
        function=asker.function,
        purpose=asker.purpose,
        at=NOW.isoformat(),
        system=system,
    )


def _read(session: Session, condition: str) -> set[UUID]:
    rows = session.execute(text(f"SELECT id FROM pointer WHERE {condition}"))
    return {row[0] for row in rows}
