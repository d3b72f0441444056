"""Proposals by anyone with a token; "this is wrong" by anyone at all."""

from typing import Any

import pytest

SERVICES, SUGGESTIONS = "/directory/v1/services", "/directory/v1/suggestions"


@pytest.fixture
async def record(directory: Any) -> str:
    await directory.has(directory.organization("other"), directory.service("Accueil"))
    return str(directory.id("service", "Accueil"))


@pytest.fixture
def proposed(client: Any, record: str, as_caller: Any) -> Any:
    async def run(patch: dict[str, Any], headers: Any = None) -> Any:
        return await client.post(
            SUGGESTIONS,
            json={"type": "service", "record": record, "patch": patch},
            headers=headers or as_caller(sub="citizen", client_id="site", scope="directory:read"),
        )

    return run


class TestSuggestion:
    async def test_is_checked_as_the_change_would_be_and_changes_nothing(
        self, proposed: Any, record: str, client: Any, as_anonymous: Any
    ) -> None:
        made = await proposed({"cost": "free"})
        assert (made.status_code, made.json()["proposed_by"]) == (201, "client:site")
        read = await client.get(f"{SERVICES}/{record}", headers=as_anonymous())
        assert read.json()["cost"] == "unknown"
        for patch, code, pointer in (
            ({"cost": 3}, "enum", "/patch/cost"),
            ({"colour": 1}, "extra_forbidden", "/patch/colour"),
            ({"needs": ["housng"]}, "unknown_need", "/patch/needs/0"),
            ({"name": None}, "missing", "/patch/name"),
        ):
            answer = await proposed(patch)
            assert answer.status_code == 422, answer.text
            (fault,) = answer.json()["errors"]
            assert (fault["code"], fault["pointer"]) == (code, pointer)
        assert (await proposed({"cost": "free"}, as_anonymous())).status_code == 403

    async def test_is_for_the_records_editors_to_accept_with_its_tag(
        self, proposed: Any, record: str, client: Any, editor: Any, as_anonymous: Any
    ) -> None:
        made = (await proposed({"cost": "free"})).json()
        path = f"{SUGGESTIONS}/{made['id']}/decision"
        accept = {"decision": "accept"}
        refused = await client.post(path, json=accept, headers={**editor("other"), "If-Match": "*"})
        assert refused.status_code == 404
        (listed,) = (await client.get(SUGGESTIONS, headers=editor())).json()["items"]
        assert (listed["id"], listed["is_stale"]) == (made["id"], False)
        tag = (await client.get(f"{SERVICES}/{record}", headers=editor())).headers["ETag"]
        await client.patch(
            f"{SERVICES}/{record}",
            json={"languages": ["fr"]},
            headers={**editor(), "If-Match": tag},
        )
        (listed,) = (await client.get(SUGGESTIONS, headers=editor())).json()["items"]
        assert listed["is_stale"] is True
        for headers, status in (
            (editor(), 428),
            ({**editor(), "If-Match": tag}, 412),
            ({**editor(), "If-Match": '"2"'}, 200),
            ({**editor(), "If-Match": "*"}, 409),
        ):
            answer = await client.post(path, json=accept, headers=headers)
            assert answer.status_code == status, answer.text
        read = await client.get(f"{SERVICES}/{record}", headers=as_anonymous())
        assert (read.json()["cost"], read.json()["languages"]) == ("free", ["fr"])

    async def test_adds_a_language_and_keeps_the_others(
        self, proposed: Any, record: str, client: Any, editor: Any
    ) -> None:
        made = (await proposed({"name": {"nl": "Onthaal"}})).json()
        done = await client.post(
            f"{SUGGESTIONS}/{made['id']}/decision",
            json={"decision": "accept"},
            headers={**editor(), "If-Match": "*"},
        )
        assert done.status_code == 200, done.text
        read = await client.get(f"{SERVICES}/{record}", headers=editor())
        assert read.json()["name"] == {"fr": "Accueil", "nl": "Onthaal"}

    async def test_is_rejected_with_a_reason_that_its_proposer_reads(
        self, proposed: Any, record: str, client: Any, editor: Any
    ) -> None:
        made = (await proposed({"cost": "free"}, editor("other"))).json()
        path = f"{SUGGESTIONS}/{made['id']}/decision"
        without = await client.post(path, json={"decision": "reject"}, headers=editor())
        assert without.json()["errors"][0]["code"] == "reason_missing"
        done = await client.post(
            path, json={"decision": "reject", "reason": "C'est payant"}, headers=editor()
        )
        assert done.json()["state"] == "rejected"
        listed = await client.get(f"{SUGGESTIONS}?state=rejected", headers=editor("other"))
        assert [item["reason"] for item in listed.json()["items"]] == ["C'est payant"]

    async def test_is_followed_by_the_machine_that_made_it_and_by_no_other(
        self, proposed: Any, directory: Any, client: Any, editor: Any, as_caller: Any
    ) -> None:
        def machine(name: str, **more: Any) -> Any:
            return as_caller(sub=name, client_id=name, **{"scope": "directory:read", **more})

        made = (await proposed({"cost": "free"}, machine("harvester"))).json()
        await client.post(
            f"{SUGGESTIONS}/{made['id']}/decision",
            json={"decision": "reject", "reason": "C'est payant"},
            headers=editor(),
        )
        host = editor()
        owner = {"org": str(directory.id("organization", "host"))}
        for headers, seen in (
            (machine("harvester"), ["C'est payant"]),
            (machine("another"), []),
            (machine("another", scope="directory:read directory:write", **owner), []),
            (
                as_caller(sub="reader", client_id="site", scope="directory:read", **owner),
                [],
            ),
            (host, ["C'est payant"]),
        ):
            listed = await client.get(f"{SUGGESTIONS}?state=rejected", headers=headers)
            assert listed.status_code == 200, listed.text
            assert [item["reason"] for item in listed.json()["items"]] == seen

    async def test_never_names_the_person(
        self, proposed: Any, directory: Any, client: Any, editor: Any
    ) -> None:
        await proposed({"cost": "free"})
        assert "citizen" not in (await client.get(SUGGESTIONS, headers=editor())).text
        async with directory.database.read() as session:
            connection = await session.connection()
            rows = await connection.exec_driver_sql("SELECT suggestion::text FROM suggestion")
            assert "citizen" not in str(rows.all())


class TestNote:
    async def test_is_open_to_anyone_without_words_and_once_a_day(
        self, record: str, directory: Any, client: Any, as_anonymous: Any
    ) -> None:
        note = {"type": "service", "record": record, "code": "wrong_phone"}
        for _ in range(3):
            answer = await client.post(f"{SUGGESTIONS}/notes", json=note, headers=as_anonymous())
            assert answer.status_code == 201, answer.text
        for wrong in ({**note, "code": "rude words"}, {**note, "comment": "text"}):
            answer = await client.post(f"{SUGGESTIONS}/notes", json=wrong, headers=as_anonymous())
            assert answer.status_code == 422
        async with directory.database.read() as session:
            connection = await session.connection()
            rows = await connection.exec_driver_sql("SELECT code FROM problem_note")
            assert rows.scalars().all() == ["wrong_phone"]

    async def test_does_not_tell_of_a_hidden_record(
        self, directory: Any, client: Any, as_anonymous: Any
    ) -> None:
        await directory.has(directory.service("Hidden", visibility="professional"))
        answer = await client.post(
            f"{SUGGESTIONS}/notes",
            json={
                "type": "service",
                "record": str(directory.id("service", "Hidden")),
                "code": "wrong_hours",
            },
            headers=as_anonymous(),
        )
        assert answer.status_code == 404
