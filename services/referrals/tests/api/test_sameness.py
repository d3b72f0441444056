"""What a caller may not see and what is not there are one: in bytes, and in work done."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from services.referrals.tests.world import Person, Worker, World, without_trace

Case = tuple[str, Worker, str]


async def _closed_worlds(world: World) -> tuple[list[Case], str]:
    """Every reason for seeing nothing, with the id of an entry that exists in each."""
    writer = world.worker("social_worker")
    cases: list[Case] = []

    async def person_with_entry() -> tuple[Person, str]:
        person = await world.person()
        return person, (await world.pointer(writer, person))["id"]

    async def opened_to(reader: Worker, person: Person) -> dict[str, Any]:
        consent = await world.consent(person, reader.organization)
        await world.care_link(reader, person)
        return consent

    reader = world.worker()
    cases.append(("unknown handle", reader, "A" * 43))
    cases.append(("not a handle", reader, "é"))
    nobody = await world.person()
    cases.append(("no record", reader, await world.handle(reader, nobody)))
    person, entry = await person_with_entry()
    cases.append(("no consent", reader, await world.handle(reader, person)))
    cases.append(("handle of another organization", reader, await world.handle(writer, person)))
    person, _ = await person_with_entry()
    consent = await opened_to(reader, person)
    await world.post(f"/consents/{consent['id']}/withdrawal", person)
    cases.append(("withdrawn", reader, await world.handle(reader, person)))
    person, _ = await person_with_entry()
    await opened_to(reader, person)
    body = {"handle": person.handle, "organization": str(reader.organization)}
    await world.post("/exclusions", person, body)
    cases.append(("excluded", reader, await world.handle(reader, person)))
    person, _ = await person_with_entry()
    await opened_to(reader, person)
    desk = world.worker("reception", organization=reader.organization)
    cases.append(("wrong function", desk, await world.handle(desk, person)))
    return cases, entry


class TestSameness:
    async def test_of_every_empty_search_in_bytes_headers_and_statements(
        self, world: World, query_counter: Callable[[], Any]
    ) -> None:
        cases, _ = await _closed_worlds(world)
        seen = {}
        for name, reader, handle in cases:
            with query_counter() as queries:
                answer = await world.search(reader, handle)
            assert answer.status_code == 200, name
            headers = {k: v for k, v in answer.headers.items() if "trace" not in k}
            seen[name] = (answer.content, tuple(sorted(headers.items())), tuple(queries.statements))
        first = seen.pop("unknown handle")
        assert first[0] == b'{"items":[],"next_cursor":null}'
        for name, other in seen.items():
            assert other == first, name

    async def test_of_every_refused_entry_in_bytes_and_statements(
        self, world: World, query_counter: Callable[[], Any]
    ) -> None:
        _, entry = await _closed_worlds(world)
        stranger, desk = world.worker(), world.worker("reception")
        seen = set()
        for who, pointer_id in ((stranger, entry), (stranger, uuid4()), (desk, entry)):
            with query_counter() as queries:
                answer = await world.get(f"/pointers/{pointer_id}", who, purpose="care")
            assert answer.status_code == 404
            seen.add((without_trace(answer), tuple(queries.statements)))
        assert len(seen) == 1

    async def test_of_every_refused_referral_in_bytes_and_statements(
        self, world: World, query_counter: Callable[[], Any]
    ) -> None:
        sender, stranger = world.worker(), world.worker()
        made = await world.refer(sender, world.directory.add(sender.organization))
        seen = set()
        for referral_id in (made["id"], uuid4()):
            for path in (f"/referrals/{referral_id}", f"/referrals/{referral_id}/history"):
                with query_counter() as queries:
                    answer = await world.get(path, stranger)
                assert answer.status_code == 404
                seen.add((without_trace(answer), tuple(queries.statements)))
        assert len(seen) == 1

    async def test_of_writing_about_nobody_and_about_one_who_excludes_the_writer(
        self, world: World
    ) -> None:
        worker, person = world.worker(), await world.person()
        handle = await world.handle(worker, person)
        body = {"handle": person.handle, "organization": str(worker.organization)}
        await world.post("/exclusions", person, body)
        answers = set()
        for named in (handle, "A" * 43):
            request = {"handle": named, "evidence": {"kind": "declared"}}
            answer = await world.post("/care-links", worker, request)
            assert answer.status_code == 404
            answers.add(without_trace(answer))
        assert len(answers) == 1
