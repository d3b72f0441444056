"""`/directory/v1/observations`."""

from typing import Any

import pytest

PATH = "/directory/v1/observations"
GAP = {"kind": "gap", "need": "dental", "territory": "21012", "program": "RAQ"}


class TestNoteObservation:
    async def test_campaigns_notes_an_obstacle_without_person_or_tenant(
        self, directory: Any, client: Any, as_service: Any
    ) -> None:
        answer = await client.post(
            PATH,
            json={"kind": "obstacle", "obstacle": "waiting-time", "program": "CeS", "need": None},
            headers=as_service("campaigns", scope="directory:write"),
        )
        assert answer.status_code == 201, answer.text
        async with directory.database.read() as session:
            connection = await session.connection()
            rows = await connection.exec_driver_sql("SELECT to_jsonb(o) FROM observation o")
            assert rows.scalar_one()["source"] == "campaigns"

    async def test_no_column_could_hold_a_person_or_a_tenant(self, directory: Any) -> None:
        async with directory.database.read() as session:
            connection = await session.connection()
            rows = await connection.exec_driver_sql(
                "SELECT column_name FROM information_schema.columns"
                " WHERE table_name = 'observation'"
            )
            names = {row[0] for row in rows}
        assert not names & {"subject", "person", "tenant", "organization_id", "noted_by"}

    async def test_the_same_number_of_the_sender_stays_one(
        self, directory: Any, client: Any, as_caller: Any, professional: Any
    ) -> None:
        headers = as_caller(scope="directory:write")
        first = await client.post(PATH, json={**GAP, "external_id": "7"}, headers=headers)
        again = await client.post(PATH, json={**GAP, "external_id": "7"}, headers=headers)
        assert first.json()["id"] == again.json()["id"]
        listed = await client.get(PATH, headers=professional)
        assert len(listed.json()["items"]) == 1

    async def test_the_same_idempotency_key_gives_the_first_answer(
        self, directory: Any, client: Any, as_caller: Any
    ) -> None:
        headers = {**as_caller(scope="directory:write"), "Idempotency-Key": "a"}
        first = await client.post(PATH, json=GAP, headers=headers)
        assert (await client.post(PATH, json=GAP, headers=headers)).json() == first.json()

    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"need": "dentl"}, "unknown_need"),
            ({"territory": "21013x"}, "unknown_territory"),
            ({"program": "RAZ"}, "unknown_program"),
            ({"person": "x"}, "validation_failed"),
            ({"count": 0}, "validation_failed"),
            ({"need": None}, "validation_failed"),
            ({"observed_on": "2126-01-01"}, "validation_failed"),
        ],
    )
    async def test_refuses_what_it_does_not_know(
        self, directory: Any, client: Any, as_caller: Any, fields: Any, code: Any
    ) -> None:
        answer = await client.post(
            PATH, json={**GAP, **fields}, headers=as_caller(scope="directory:write")
        )
        assert (answer.status_code, answer.json()["code"]) == (422, code)

    async def test_needs_the_scope_to_write(
        self, directory: Any, client: Any, professional: Any
    ) -> None:
        answer = await client.post(PATH, json=GAP, headers=professional)
        assert answer.json()["code"] == "insufficient_scope"


class TestReadObservations:
    async def test_filters_and_pages(
        self, directory: Any, client: Any, as_caller: Any, professional: Any
    ) -> None:
        headers = as_caller(scope="directory:write")
        for territory in ("21012", "21003", "21016", "21003"):
            await client.post(PATH, json={**GAP, "territory": territory}, headers=headers)
        inside = await client.get(f"{PATH}?territory=nord", headers=professional)
        assert {item["territory"] for item in inside.json()["items"]} == {"21003"}
        first = await client.get(f"{PATH}?limit=3", headers=professional)
        cursor = first.json()["next_cursor"]
        rest = await client.get(f"{PATH}?limit=3&cursor={cursor}", headers=professional)
        ids = [item["id"] for page in (first, rest) for item in page.json()["items"]]
        assert len(set(ids)) == 4
        assert rest.json()["next_cursor"] is None

    async def test_counts_are_for_everyone_and_hold_no_words(
        self, directory: Any, client: Any, as_caller: Any, as_anonymous: Any
    ) -> None:
        for count in (2, 3):
            await client.post(
                PATH,
                json={**GAP, "count": count, "note": {"fr": "Guichet fermé"}},
                headers=as_caller(scope="directory:write"),
            )
        answer = await client.get(f"{PATH}/counts", headers=as_anonymous())
        assert answer.json()["items"] == [
            {
                "kind": "gap",
                "need": "dental",
                "obstacle": None,
                "territory": "21012",
                "observations": 2,
                "happened": 5,
                "noted": 2,
                "sent": 0,
                "answered": 0,
            }
        ]

    async def test_counts_roll_up_to_a_level_of_territories(
        self, directory: Any, client: Any, as_caller: Any, as_anonymous: Any
    ) -> None:
        headers = as_caller(scope="directory:write")
        for territory in ("21003", "21012", "21003", "21016"):
            await client.post(PATH, json={**GAP, "territory": territory}, headers=headers)
        answer = await client.get(f"{PATH}/counts?level=basin", headers=as_anonymous())
        counted = {item["territory"]: item["observations"] for item in answer.json()["items"]}
        assert counted["nord"] == 2
        assert sum(counted.values()) == 4
        region = await client.get(f"{PATH}/counts?level=region", headers=as_anonymous())
        assert [item["observations"] for item in region.json()["items"]] == [4]


class TestLifeOfAnObservation:
    @pytest.fixture
    async def noted(self, directory: Any, client: Any, as_caller: Any) -> str:
        """An observation in 21003; the organization `team` is at work in its basin, `far` not."""
        await directory.has(directory.organization("team"), directory.organization("far"))
        for name, territory in (("team", "nord"), ("far", "sud"), ("host", "bru")):
            await directory.loads(
                {
                    "type": "coverage",
                    "program": "CPPS",
                    "organization": str(directory.id("organization", name)),
                    "territory": territory,
                    "role": "team",
                }
            )
        made = await client.post(
            PATH,
            json={**GAP, "territory": "21003", "note": {"fr": "Mots"}},
            headers=as_caller(scope="directory:write"),
        )
        return f"{PATH}/{made.json()['id']}"

    async def test_is_sent_then_answered_and_may_be_sent_again(
        self, noted: str, client: Any, editor: Any, professional: Any
    ) -> None:
        steps = [
            ({"to": "answered", "institution": "Vivalis"}, 409),
            ({"to": "noted", "institution": "Vivalis"}, 409),
            ({"to": "sent", "institution": "Vivalis", "on": "2126-01-01"}, 422),
            ({"to": "sent", "institution": "Vivalis", "on": "2020-01-01"}, 422),
            ({"to": "sent"}, 422),
            ({"to": "sent", "institution": "Vivalis", "words": {"fr": "À examiner"}}, 201),
            ({"to": "sent", "institution": "Vivalis"}, 409),
            ({"to": "answered", "institution": "Vivalis", "url": "https://example.org/r"}, 201),
            ({"to": "sent", "institution": "Cocom"}, 201),
        ]
        for step, status in steps:
            answer = await client.post(f"{noted}/transitions", json=step, headers=editor("team"))
            assert answer.status_code == status, (step, answer.text)
            if status == 409:
                assert answer.json()["code"] == "impossible_transition"
        read = (await client.get(noted, headers=professional)).json()
        assert read["state"] == "sent"
        assert [one["to_state"] for one in read["transitions"]] == ["sent", "answered", "sent"]

    async def test_is_moved_and_moderated_by_who_is_at_work_there(
        self, noted: str, client: Any, editor: Any, admin: Any, as_anonymous: Any
    ) -> None:
        sent = {"to": "sent", "institution": "Vivalis"}
        for stranger in ("far", "host"):
            answer = await client.post(f"{noted}/transitions", json=sent, headers=editor(stranger))
            assert answer.json()["code"] == "not_at_work_there"
        hidden = await client.get(noted, headers=as_anonymous())
        assert hidden.json()["code"] == "observation_not_found"
        fit = {"visibility": "public", "note": {"fr": "Guichet fermé", "nl": "Loket gesloten"}}
        refused = await client.put(f"{noted}/moderation", json=fit, headers=editor("far"))
        assert refused.status_code == 403
        done = await client.put(f"{noted}/moderation", json=fit, headers=editor("team"))
        assert done.status_code == 200, done.text
        public = await client.get(noted, headers=as_anonymous())
        assert public.json()["note"] == fit["note"]
        moved = await client.post(f"{noted}/transitions", json=sent, headers=admin)
        assert moved.status_code == 201
