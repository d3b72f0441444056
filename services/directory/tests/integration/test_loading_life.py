"""Loading events, rotas, diagnoses and collections with the services that they name."""

from typing import Any


async def test_loads_what_lives_around_services_and_tells_what_is_wrong(
    directory: Any, client: Any, as_anonymous: Any, found: Any
) -> None:
    host = str(directory.id("organization", "host"))
    service = str(directory.id("service", "A"))

    def record(kind: str, /, **fields: Any) -> dict[str, Any]:
        told = {"type": kind, "id": str(directory.id(kind, "one")), "source": "test"}
        return {**told, "organization": host, **fields}

    event = record(
        "event",
        kind="permanence",
        name={"fr": "Permanence"},
        territory="21003",
        needs=["housing"],
        schedule={"byday": "FR", "opens_at": "14:00", "closes_at": "16:00"},
    )
    turn = {"service": service, "on": "2026-12-25", "opens_at": "09:00", "closes_at": "10:00"}
    rota = record("rota", name={"fr": "Garde"}, turns=[turn])
    diagnostic = record(
        "diagnostic",
        title={"fr": "Diagnostic"},
        territory="21003",
        published_on="2025-01-01",
        author="Observatoire",
        url="https://example.org/d",
    )
    collection = record(
        "collection", title={"fr": "Liste"}, items=[{"service": service}], visibility="public"
    )
    whole = [directory.service("A"), event, rota, diagnostic, collection]
    await directory.has(*whole)
    again = await directory.loads(*whole)
    assert (again.created.total(), again.unchanged.total()) == (0, 5)
    assert await found(open_at="2026-12-25T09:30:00+01:00") == ["A"]
    for path, label in (
        ("events?from=2026-12-04&to=2026-12-04", "Permanence"),
        ("rotas", "Garde"),
        ("diagnostics", "Diagnostic"),
        ("collections", "Liste"),
    ):
        page = await client.get(f"/directory/v1/{path}", headers=as_anonymous())
        assert f'"label":"{label}"' in page.text, page.text
    never = str(directory.id("service", "never"))
    outcome = await directory.loads(
        {**event, "needs": ["housng"]},
        {**event, "organization": never},
        {**rota, "turns": [{**turn, "service": never}]},
        {**collection, "items": [{"service": never}]},
        {**diagnostic, "territory": "21003x"},
        {**event, "schedule": None},
    )
    assert [(fault.line, fault.code) for fault in outcome.rejected] == [
        (1, "unknown_need"),
        (2, "unknown_organization"),
        (3, "unknown_service"),
        (4, "unknown_service"),
        (5, "unknown_territory"),
        (6, "once_or_again"),
    ]
