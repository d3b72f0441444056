"""Pointers: written with consent, found through the gate, corrected without loss."""

from typing import Any
from uuid import uuid4

import pytest
from services.referrals.tests.world import World, pointer_body


class TestWritePointer:
    async def test_needs_the_persons_consent(self, world: World) -> None:
        writer, person = world.worker(), await world.person()
        handle = await world.handle(writer, person)
        refused = await world.post("/pointers", writer, pointer_body(handle))
        assert (refused.status_code, refused.json()["code"]) == (403, "consent_missing")
        await world.oral_consent(writer, person)
        written = await world.post("/pointers", writer, pointer_body(handle))
        assert written.status_code == 201
        assert written.headers["etag"] == '"1"'
        assert written.json()["author_function"] == "raq"

    async def test_of_a_sensitive_kind_needs_a_consent_that_names_it(self, world: World) -> None:
        writer, person = world.worker("psychologist"), await world.person()
        handle = await world.handle(writer, person)
        await world.oral_consent(writer, person)
        body = pointer_body(handle, category="mental_health")
        assert (await world.post("/pointers", writer, body)).json()["code"] == "consent_missing"
        await world.oral_consent(writer, person, categories=("mental_health",))
        assert (await world.post("/pointers", writer, body)).status_code == 201

    async def test_refuses_the_same_locator_twice_from_one_organization(self, world: World) -> None:
        writer, other, person = world.worker(), world.worker(), await world.person()
        locator = {"system": "topaz", "reference": "D-1"}
        first = await world.pointer(writer, person, locator=locator)
        body = pointer_body(first["handle"], locator=locator)
        refused = await world.post("/pointers", writer, body)
        assert (refused.status_code, refused.json()["code"]) == (409, "locator_taken")
        elsewhere = await world.pointer(other, person, locator=locator)
        assert elsewhere["locator"] == first["locator"]

    @pytest.mark.parametrize(
        ("reference", "url", "code"),
        [
            ("Mrs X has a cold", None, "unknown_form"),
            ("suicide-attempt-in-march-2026", None, "unknown_form"),
            ("schizophrenia", None, "unknown_form"),
            ("jean-dupont-1974", None, "unknown_form"),
            ("token-1234567", None, "credential"),
            ("eyJhbGciOiJIUzI1NiJ9.1", None, "credential"),
            ("85073003328", None, "national_number"),
            ("85.07.30-033.28", None, "national_number"),
            ("D-1", "http://topaz.example/records/D-1", "unknown_page"),
            ("D-1", "https://user:pw@topaz.example/records/D-1", "unknown_page"),
            ("D-1", "https://topaz.example/records/D-1?key=abc", "unknown_page"),
            ("D-1", "https://topaz.example/records/D-1#eyJ", "unknown_page"),
            ("D-1", "https://topaz.example/is%20very%20ill", "unknown_page"),
            ("D-1", "https://topaz.example/she-is-very-ill-now", "unknown_page"),
            ("D-1", "https://[broken/D-1", "unknown_page"),
            ("D-1", "https://jean-dupont.example/records/D-1", "unknown_page"),
        ],
    )
    async def test_refuses_a_locator_that_says_more_than_where(
        self, world: World, reference: str, url: str | None, code: str
    ) -> None:
        writer, person = world.worker(), await world.person()
        await world.oral_consent(writer, person)
        locator = {"system": "topaz", "reference": reference, "url": url}
        body = pointer_body(await world.handle(writer, person), locator=locator)
        refused = await world.post("/pointers", writer, body)
        assert (refused.status_code, refused.json()["code"]) == (422, "locator_refused")
        assert code in {error["code"] for error in refused.json()["errors"]}
        assert reference not in refused.text or len(reference) < 4
        assert url is None or url not in refused.text

    async def test_takes_the_page_on_which_the_system_shows_it(self, world: World) -> None:
        url = "https://topaz.example/records/D-1"
        locator = {"system": "topaz", "reference": "D-1", "url": url}
        pointer = await world.pointer(world.worker(), await world.person(), locator=locator)
        assert pointer["locator"] == locator

    async def test_tells_which_systems_a_locator_may_name(self, world: World) -> None:
        writer, person = world.worker(), await world.person()
        pointer = await world.pointer(writer, person)
        locator = {"system": "jean-dupont-1974", "reference": "D-1"}
        body = pointer_body(pointer["handle"], locator=locator)
        refused = await world.post("/pointers", writer, body)
        replaced = await world.post(
            f"/pointers/{pointer['id']}/supersession",
            writer,
            {name: body[name] for name in body if name != "handle"},
            **{"If-Match": '"1"'},
        )
        for answer in (refused, replaced):
            assert (answer.status_code, answer.json()["code"]) == (422, "locator_refused")
            [fault] = answer.json()["errors"]
            assert (fault["pointer"], fault["code"]) == ("/locator/system", "unknown_system")
            assert "topaz" in fault["detail"]
            assert "dupont" not in answer.text

    @pytest.mark.parametrize(
        "change",
        [
            {"note": "free text"},
            {"category": "eligibility"},
            {"kind": "story"},
            {"status": "unknown"},
            {"from_on": "2026-11-02", "to_on": "2026-11-01"},
            {"locator": {"system": "Not A System", "reference": "D-1"}},
        ],
    )
    async def test_takes_the_closed_vocabulary_alone(
        self, world: World, change: dict[str, Any]
    ) -> None:
        body = pointer_body("x", **change)
        refused = await world.post("/pointers", world.worker(), body)
        assert (refused.status_code, refused.json()["code"]) == (422, "validation_failed")

    async def test_refuses_a_service_that_the_directory_does_not_know(self, world: World) -> None:
        writer, person = world.worker(), await world.person()
        await world.oral_consent(writer, person)
        body = pointer_body(await world.handle(writer, person), service_id=str(uuid4()))
        refused = await world.post("/pointers", writer, body)
        assert (refused.status_code, refused.json()["code"]) == (422, "unknown_service")

    async def test_refuses_a_token_without_function(self, world: World) -> None:
        writer, person = world.worker(None), await world.person()
        await world.oral_consent(writer, person)
        body = pointer_body(await world.handle(writer, person))
        refused = await world.post("/pointers", writer, body)
        assert (refused.status_code, refused.json()["code"]) == (403, "function_required")


class TestSearchPointers:
    async def test_opens_others_entries_with_card_consent_and_care_link(self, world: World) -> None:
        writer, reader = world.worker("social_worker"), world.worker("raq")
        person = await world.person()
        pointer = await world.pointer(writer, person)
        handle = await world.handle(reader, person)
        assert await world.found(reader, handle) == set()
        await world.consent(person, reader.organization)
        assert await world.found(reader, handle) == set()
        await world.care_link(reader, person)
        assert await world.found(reader, handle) == {pointer["id"]}

    async def test_shows_the_person_everything_without_a_purpose(self, world: World) -> None:
        person = await world.person()
        pointers = [
            await world.pointer(world.worker("psychologist"), person, category="mental_health"),
            await world.pointer(world.worker(), person),
        ]
        found = await world.found(person, person.handle, purpose=None)
        assert found == {pointer["id"] for pointer in pointers}

    async def test_opens_nothing_by_what_a_worker_writes_alone(self, world: World) -> None:
        writer, reader = world.worker("social_worker"), world.worker("general_practitioner")
        person = await world.person()
        await world.pointer(writer, person)
        await world.oral_consent(reader, person)
        await world.care_link(reader, person, kind="declared")
        own = await world.pointer(reader, person)
        assert await world.found(reader, own["handle"]) == {own["id"]}

    async def test_opens_nothing_by_a_referral_that_a_worker_sends_to_themself(
        self, world: World
    ) -> None:
        writer, reader = world.worker("social_worker"), world.worker("raq")
        person = await world.person()
        await world.pointer(writer, person)
        handle = await world.handle(reader, person)
        service = world.directory.add(reader.organization)
        made = await world.refer(reader, service, subject={"handle": handle}, hand_over=_slot())
        assert (await world.move(reader, made["id"], "accepted")).status_code == 200
        assert await world.found(reader, handle) == set()

    async def test_asks_for_each_of_the_five_conditions(self, world: World) -> None:
        writer, reader = world.worker("social_worker"), world.worker("raq")
        person = await world.person()
        pointer = await world.pointer(writer, person)
        await world.consent(person, reader.organization)
        await world.care_link(reader, person)
        handle = await world.handle(reader, person)
        assert await world.found(reader, handle) == {pointer["id"]}
        assert await world.found(reader, handle, purpose="care") == set()
        reception = world.worker("reception", organization=reader.organization)
        assert await world.found(reception, handle) == set()
        nobody = world.worker(None, organization=reader.organization)
        assert await world.found(nobody, handle) == set()

    async def test_keeps_sensitive_entries_from_a_consent_to_ordinary_ones(
        self, world: World
    ) -> None:
        writer, reader = world.worker("psychologist"), world.worker("general_practitioner")
        person = await world.person()
        plain = await world.pointer(writer, person, category="housing")
        secret = await world.pointer(writer, person, category="mental_health")
        await world.consent(person, reader.organization)
        await world.care_link(reader, person)
        handle = await world.handle(reader, person)
        assert await world.found(reader, handle) == {plain["id"]}
        await world.consent(person, reader.organization, categories=("mental_health",))
        assert await world.found(reader, handle) == {plain["id"], secret["id"]}
        raq = world.worker("raq", organization=reader.organization)
        assert await world.found(raq, handle) == {plain["id"]}

    async def test_counts_what_the_target_service_reveals_as_sensitive(self, world: World) -> None:
        writer, reader = world.worker("social_worker"), world.worker("general_practitioner")
        person = await world.person()
        await world.oral_consent(writer, person, categories=("ordinary", "addiction"))
        service = world.directory.add(writer.organization, needs=("addiction", "housing"))
        pointer = await world.pointer(writer, person, service_id=str(service))
        await world.consent(person, reader.organization)
        await world.care_link(reader, person)
        handle = await world.handle(reader, person)
        assert await world.found(reader, handle) == set()
        both = ("ordinary", "addiction")
        await world.consent(person, reader.organization, categories=both)
        assert await world.found(reader, handle) == {pointer["id"]}

    async def test_pages_without_repeating_or_losing_when_entries_arrive(
        self, world: World
    ) -> None:
        writer, person = world.worker(), await world.person()
        written = [(await world.pointer(writer, person))["id"] for _ in range(5)]
        body = {"handle": person.handle, "limit": 2}
        seen: list[str] = []
        cursor = None
        while True:
            page = await world.post("/pointers/search", person, {**body, "cursor": cursor})
            seen += [item["id"] for item in page.json()["items"]]
            if not seen[2:]:
                await world.pointer(writer, person)
            cursor = page.json()["next_cursor"]
            if cursor is None:
                break
        assert seen == written[::-1]

    async def test_refuses_the_cursor_of_another_search(self, world: World) -> None:
        writer, person = world.worker(), await world.person()
        for _ in range(2):
            await world.pointer(writer, person)
        body = {"handle": person.handle, "limit": 1}
        first = await world.post("/pointers/search", person, body)
        cursor = first.json()["next_cursor"]
        other = {**body, "kinds": ["contact"], "cursor": cursor}
        refused = await world.post("/pointers/search", person, other)
        assert (refused.status_code, refused.json()["code"]) == (400, "cursor_of_another_query")

    async def test_filters(self, world: World) -> None:
        writer, person = world.worker(), await world.person()
        one = await world.pointer(writer, person, category="debts", status="done", kind="contact")
        await world.pointer(writer, person, category="housing")
        for wanted in (
            {"categories": ["debts"]},
            {"statuses": ["done"]},
            {"kinds": ["contact"]},
        ):
            body = {"handle": person.handle, **wanted}
            page = await world.post("/pointers/search", person, body)
            assert [item["id"] for item in page.json()["items"]] == [one["id"]]

    async def test_asks_a_worker_for_the_purpose(self, world: World) -> None:
        refused = await world.search(world.worker(), "x", purpose=None)
        assert (refused.status_code, refused.json()["code"]) == (422, "purpose_required")

    async def test_refuses_a_service_that_acts_for_a_worker(
        self, world: World, as_service: object
    ) -> None:
        for on_behalf in (None, {"sub": "c", "scope": "referrals:read", "org": str(uuid4())}):
            headers = as_service("campaigns", scope="referrals:read", on_behalf=on_behalf)  # type: ignore[operator]
            refused = await world.client.post(
                "/referrals/v1/pointers/search",
                json={"handle": "x", "purpose": "care"},
                headers=headers,
            )
            assert refused.status_code == 403


class TestReadPointer:
    async def test_gives_the_entry_without_its_author(self, world: World) -> None:
        writer, person = world.worker(), await world.person()
        pointer = await world.pointer(writer, person)
        read = await world.get(f"/pointers/{pointer['id']}", person)
        assert read.status_code == 200
        assert writer.sub not in read.text
        assert read.json() == {**pointer, "handle": person.handle}

    async def test_is_refused_like_an_entry_that_is_not_there(self, world: World) -> None:
        writer, person = world.worker(), await world.person()
        pointer = await world.pointer(writer, person)
        refused = await world.get(f"/pointers/{pointer['id']}", world.worker(), purpose="care")
        assert (refused.status_code, refused.json()["code"]) == (404, "not_found")


class TestSupersedePointer:
    async def test_puts_the_new_one_in_place_and_keeps_a_tombstone(self, world: World) -> None:
        writer, person = world.worker(), await world.person()
        locator = {"system": "topaz", "reference": "D-1"}
        old = await world.pointer(writer, person, locator=locator)
        body = pointer_body("x", status="done", locator=locator)
        del body["handle"]
        path = f"/pointers/{old['id']}/supersession"
        made = await world.post(path, writer, body, **{"If-Match": '"1"'})
        assert made.status_code == 201
        assert await world.found(writer, old["handle"]) == {made.json()["id"]}
        tombstone = (await world.get(f"/pointers/{old['id']}", person)).json()
        assert tombstone["superseded_by"] == made.json()["id"]
        again = await world.post(path, writer, body, **{"If-Match": '"2"'})
        assert (again.status_code, again.json()["code"]) == (409, "pointer_ended")

    async def test_asks_for_the_version_that_was_read(self, world: World) -> None:
        writer, person = world.worker(), await world.person()
        old = await world.pointer(writer, person)
        body = pointer_body("x")
        del body["handle"]
        path = f"/pointers/{old['id']}/supersession"
        assert (await world.post(path, writer, body)).status_code == 428
        stale = await world.post(path, writer, body, **{"If-Match": '"7"'})
        assert (stale.status_code, stale.json()["code"]) == (412, "stale")

    async def test_is_the_writing_organizations_alone(self, world: World) -> None:
        writer, reader, person = world.worker(), world.worker(), await world.person()
        old = await world.pointer(writer, person)
        await world.consent(person, reader.organization)
        await world.care_link(reader, person)
        body = pointer_body("x")
        del body["handle"]
        path = f"/pointers/{old['id']}/supersession"
        assert (await world.post(path, reader, body, **{"If-Match": '"1"'})).status_code == 404


class TestMarkPointerWrong:
    async def test_hides_it_from_others_and_may_be_repeated(self, world: World) -> None:
        writer, reader, person = world.worker(), world.worker(), await world.person()
        pointer = await world.pointer(writer, person)
        await world.consent(person, reader.organization)
        await world.care_link(reader, person)
        handle = await world.handle(reader, person)
        assert await world.found(reader, handle) == {pointer["id"]}
        path = f"/pointers/{pointer['id']}/error"
        first = await world.post(path, writer)
        assert (await world.post(path, writer)).json() == first.json()
        assert await world.found(reader, handle) == set()
        assert await world.found(writer, pointer["handle"]) == {pointer["id"]}


def _slot() -> dict[str, str]:
    return {
        "kind": "appointment",
        "starts_at": "2026-12-01T09:00:00+01:00",
        "ends_at": "2026-12-01T09:30:00+01:00",
    }
