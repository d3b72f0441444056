"""Which record here a record of a file is: by its source's identifier, else by its id."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_directory.loading.outcome import Outcome, Raw, Rejected, Run, as_uuid

_NAMESPACE = uuid5(NAMESPACE_URL, "https://maillage.brussels/directory/external")
_KINDS = ("organization", "service")
# What a row may say instead of an organization's id.
BY_EXTERNAL_ID = {"organization": "organization_external_id", "parent": "parent_external_id"}


async def identify(
    session: AsyncSession, run: Run, raws: Sequence[Raw], outcome: Outcome
) -> list[tuple[int, dict[str, Any]]]:
    """The records with `source` and `id` filled in, and references in ids of ours.

    A record that is here under its source and external id keeps the id it has here. One without an
    id gets one that follows from these two, so that the same file gives the same ids everywhere.
    """
    named: list[tuple[int, dict[str, Any]]] = []
    for number, raw in raws:
        if isinstance(raw, Rejected):
            (outcome.rejected if raw.severity == "error" else outcome.noted).append(raw)
        else:
            named.append((number, raw))
    records = [raw for _, raw in named if raw.get("type") in _KINDS]
    for raw in records:
        if run.source is not None:
            raw.setdefault("source", run.source)
        if isinstance(raw.get("source"), str):
            run.sources.add(raw["source"])
    for kind in _KINDS:
        await _name(session, run, kind, [raw for raw in records if raw["type"] == kind])
    kept = []
    for number, raw in named:
        if raw.get("type") in _KINDS and raw.get("id") is None:
            detail = "Give an id, or the external_id by which its source knows it."
            outcome.rejected.append(Rejected(number, "id_missing", "/id", detail))
        else:
            kept.append((number, raw))
    return kept


async def _name(
    session: AsyncSession, run: Run, kind: str, records: Sequence[dict[str, Any]]
) -> None:
    keys = {key for raw in records if (key := _key(raw)) is not None}
    stored = await _stored(session, kind, keys)
    for raw in records:
        key = _key(raw)
        if key is not None:
            own = stored.get(key) or as_uuid(raw.get("id")) or _derived(kind, key)
            if kind == "organization":
                run.ids[" ".join(key)] = own
                if raw.get("id") is not None:
                    run.ids[str(raw["id"]).lower()] = own
            raw["id"] = str(own)
    member = "parent" if kind == "organization" else "organization"
    await _refer(session, run, member, records)


async def _refer(
    session: AsyncSession, run: Run, member: str, records: Sequence[dict[str, Any]]
) -> None:
    """References to organizations: by id as the file has it, or by external id."""
    waiting = []
    for raw in records:
        external = raw.pop(BY_EXTERNAL_ID[member], None)
        if external is not None and raw.get(member) is None:
            key = (str(raw.get("source")), str(external))
            raw[member] = " ".join(key)
            waiting.append(key)
    stored = await _stored(session, "organization", waiting)
    for raw in records:
        asked = raw.get(member)
        if not isinstance(asked, str):
            continue
        known = run.ids.get(asked.lower()) or run.ids.get(asked)
        source, _, external = asked.partition(" ")
        if known is None and external:
            known = stored.get((source, external)) or _derived("organization", (source, external))
        if known is not None:
            raw[member] = str(known)


def _key(raw: dict[str, Any]) -> tuple[str, str] | None:
    source, external = raw.get("source"), raw.get("external_id")
    return (source, external) if isinstance(source, str) and isinstance(external, str) else None


def _derived(kind: str, key: tuple[str, str]) -> UUID:
    return uuid5(_NAMESPACE, " ".join((kind, *key)))


async def _stored(
    session: AsyncSession, kind: str, keys: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], UUID]:
    listed = list(keys)
    if not listed:
        return {}
    connection = await session.connection()
    found = await connection.execute(
        text(
            f"SELECT r.source, r.external_id, r.id FROM {kind} r"  # noqa: S608 (a name of ours)
            " JOIN unnest(CAST(:sources AS text[]), CAST(:externals AS text[]))"
            " AS asked(source, external_id)"
            " ON r.source = asked.source AND r.external_id = asked.external_id"
        ),
        {
            "sources": [source for source, _ in listed],
            "externals": [external for _, external in listed],
        },
    )
    return {(source, external): key for source, external, key in found}
