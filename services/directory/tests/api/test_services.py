"""`/directory/v1/services/{id}`: read, create, change, verify."""

import json
from typing import Any
from uuid import uuid4

import pytest

SERVICES = "/directory/v1/services"
_ORIGIN = "/text_origins/name/fr/origin"


def body(directory: Any, **fields: Any) -> Any:
    return {
        "organization": str(directory.id("organization", "host")),
        "name": {"fr": "Accueil", "nl": "Onthaal"},
        "needs": ["food"],
        **fields,
    }


@pytest.fixture
async def made(directory: Any, client: Any, editor: Any) -> Any:
    await directory.has()
    answer = await client.post(SERVICES, json=body(directory), headers=editor())
    assert answer.status_code == 201, answer.text
    return answer


class TestCreateService:
    async def test_is_found_at_once_by_everyone(self, made: Any, client: Any, found: Any) -> None:
        assert made.headers["Location"] == f"{SERVICES}/{made.json()['id']}"
        assert await found(need="food") == ["Accueil"]

    async def test_refuses_another_organization(
        self, directory: Any, client: Any, editor: Any
    ) -> None:
        await directory.has(directory.organization("other"))
        answer = await client.post(SERVICES, json=body(directory), headers=editor("other"))
        assert (answer.status_code, answer.json()["code"]) == (403, "not_your_organization")

    async def test_lets_an_admin_write_for_all(
        self, directory: Any, client: Any, admin: Any
    ) -> None:
        await directory.has()
        answer = await client.post(SERVICES, json=body(directory), headers=admin)
        assert answer.status_code == 201

    async def test_needs_the_scope_to_write(
        self, directory: Any, client: Any, professional: Any, as_anonymous: Any
    ) -> None:
        for headers in (professional, as_anonymous()):
            answer = await client.post(SERVICES, json=body(directory), headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")

    @pytest.mark.parametrize(
        ("fields", "code", "pointer"),
        [
            ({"needs": ["fod"]}, "unknown_need", "/needs/0"),
            ({"action_zones": ["bru", "x"]}, "unknown_territory", "/action_zones/1"),
            ({"name": {}}, "name_missing", "/name"),
            ({"name": {"French": "x"}}, "unknown_language", "/name"),
            ({"colour": "red"}, "extra_forbidden", "/colour"),
            (
                {"schedules": [{"byday": "MO", "opens_at": "09:00", "closes_at": "09:00"}]},
                "impossible_schedule",
                "/schedules/0",
            ),
            ({"locations": [{"latitude": 50.8}]}, "incomplete_position", "/locations/0"),
            ({"age_min": 30, "age_max": 20}, "ages_out_of_order", ""),
            ({"visibility": "network"}, "network_mismatch", ""),
            (
                {"closures": [{"from": "2026-12-03", "to": "2026-12-01"}]},
                "dates_out_of_order",
                "/closures/0",
            ),
            ({"name": {"fr": "a\u0000b"}}, "control_character", "/name"),
            ({"name": {"fr": "a\u0001b"}}, "control_character", "/name"),
            ({"name": {"fr": "\ud83d"}}, "control_character", "/name"),
        ],
    )
    async def test_tells_what_is_wrong_and_where(
        self, directory: Any, client: Any, editor: Any, fields: Any, code: Any, pointer: Any
    ) -> None:
        await directory.has()
        # In ASCII, as half a character can only be told by its escape.
        answer = await client.post(
            SERVICES,
            content=json.dumps(body(directory, **fields)),
            headers={**editor(), "Content-Type": "application/json"},
        )
        assert answer.status_code == 422
        fault = answer.json()["errors"][0]
        assert (fault["code"], fault["pointer"]) == (code, pointer)

    async def test_the_same_key_again_makes_nothing_new(
        self, directory: Any, client: Any, editor: Any, found: Any
    ) -> None:
        await directory.has()
        headers = {**editor(), "Idempotency-Key": "k1"}
        first = await client.post(SERVICES, json=body(directory), headers=headers)
        again = await client.post(SERVICES, json=body(directory), headers=headers)
        assert again.json() == first.json()
        assert len(await found()) == 1
        other = await client.post(SERVICES, json=body(directory, cost="free"), headers=headers)
        assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")

    async def test_refuses_an_id_that_is_taken(
        self, made: Any, directory: Any, client: Any, editor: Any
    ) -> None:
        answer = await client.post(
            SERVICES, json=body(directory, id=made.json()["id"]), headers=editor()
        )
        assert (answer.status_code, answer.json()["code"]) == (409, "already_exists")

    async def test_does_not_take_over_a_place_of_another_organization(
        self, directory: Any, client: Any, editor: Any
    ) -> None:
        place = {"id": str(directory.id("location", "theirs")), "latitude": 50.8, "longitude": 4.3}
        await directory.has(
            directory.organization("other"),
            directory.service("theirs", of="other", locations=[place]),
        )
        answer = await client.post(
            SERVICES, json=body(directory, locations=[place]), headers=editor()
        )
        assert answer.json()["errors"][0]["code"] == "location_of_another_organization"

    async def test_tells_every_unknown_code_and_what_each_resembles(
        self, directory: Any, client: Any, editor: Any
    ) -> None:
        await directory.has()
        unknown = {
            "needs": ["food", "housin"],
            "action_zones": ["noord"],
            "programs": ["RAK"],
            "visibility": "network",
            "network": "nort",
        }
        answer = await client.post(SERVICES, json=body(directory, **unknown), headers=editor())
        problem = answer.json()
        assert (problem["status"], problem["code"]) == (422, "unknown_need")
        assert problem["suggestions"] == problem["errors"][0]["suggestions"]
        assert [(e["pointer"], e["code"], e["suggestions"][0]) for e in problem["errors"]] == [
            ("/needs/1", "unknown_need", "housing"),
            ("/action_zones/0", "unknown_territory", "nord"),
            ("/programs/0", "unknown_program", "RAQ"),
            ("/network", "unknown_network", "nord"),
        ]

    async def test_tells_which_language_may_have_been_meant(
        self, directory: Any, client: Any, editor: Any
    ) -> None:
        await directory.has()
        answer = await client.post(
            SERVICES, json=body(directory, languages=["fr", "Arabisch"]), headers=editor()
        )
        (fault,) = answer.json()["errors"]
        assert (fault["code"], fault["pointer"]) == ("unknown_language", "/languages/1")
        assert fault["suggestions"][0] == "ar"

    @pytest.mark.parametrize(
        ("address", "fault"),
        [
            ({"commune_nis": "1050"}, ("commune_nis", "unknown_commune", ["21004", "21009"])),
            ({"commune_nis": "nord"}, ("commune_nis", "unknown_commune", None)),
            (
                {"commune_nis": "21015", "postcode": "1050"},
                ("postcode", "postcode_of_another_commune", ["21004", "21009"]),
            ),
        ],
    )
    async def test_refuses_an_address_that_contradicts_itself(
        self, directory: Any, client: Any, editor: Any, address: Any, fault: Any
    ) -> None:
        await directory.has()
        payload = body(directory, locations=[{"address": address}])
        answer = await client.post(SERVICES, json=payload, headers=editor())
        assert answer.status_code == 422
        (told,) = answer.json()["errors"]
        member, code, near = fault
        assert (told["pointer"], told["code"]) == (f"/locations/0/address/{member}", code)
        assert sorted(told.get("suggestions", ())) == (near or [])
        outcome = await directory.loads(directory.service("x", locations=[{"address": address}]))
        (row,) = outcome.rejected
        assert (row.field, row.code, row.near) == (told["pointer"], code, tuple(near or ()))

    @pytest.mark.parametrize("commune", ["21004", "21009"])
    async def test_takes_either_commune_of_a_postcode_that_straddles(
        self, directory: Any, client: Any, editor: Any, commune: str
    ) -> None:
        await directory.has()
        places = [
            {"id": str(uuid4()), "address": {"postcode": code, "commune_nis": commune}}
            for code in ("1050", "9999")
        ]
        answer = await client.post(
            SERVICES, json=body(directory, locations=places), headers=editor()
        )
        assert answer.status_code == 201, answer.text

    async def test_a_text_has_one_code_a_language(
        self, directory: Any, client: Any, editor: Any
    ) -> None:
        await directory.has()
        for texts, code in (
            ({"fr": "Accueil", "fra": "Bienvenue"}, "language_twice"),
            ({"xx": "Accueil"}, "unknown_language"),
            ({"xyz": "Accueil"}, "unknown_language"),
            ({"français": "Accueil"}, "unknown_language"),
        ):
            answer = await client.post(
                SERVICES, json=body(directory, description=texts), headers=editor()
            )
            (fault,) = answer.json()["errors"]
            assert (fault["pointer"], fault["code"]) == ("/description", code)
        assert fault["suggestions"] == ["fr"]
        made = await client.post(SERVICES, json=body(directory), headers=editor())
        again = await client.patch(
            made.headers["Location"],
            json={"name": {"fra": "Bienvenue"}},
            headers={**editor(), "If-Match": "*"},
        )
        assert again.json()["errors"][0]["code"] == "language_twice"


class TestGetService:
    async def test_answers_304_to_the_tag_it_gave(
        self, made: Any, client: Any, as_anonymous: Any
    ) -> None:
        path = f"{SERVICES}/{made.json()['id']}"
        answer = await client.get(path, headers=as_anonymous())
        tag = answer.headers["ETag"]
        again = await client.get(path, headers={**as_anonymous(), "If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")

    async def test_a_new_capacity_makes_a_new_tag(
        self, made: Any, client: Any, editor: Any, as_anonymous: Any
    ) -> None:
        path = f"{SERVICES}/{made.json()['id']}"
        tag = (await client.get(path, headers=as_anonymous())).headers["ETag"]
        await client.post(
            f"{path}/capacity-reports", json={"status": "no_capacity"}, headers=editor()
        )
        again = await client.get(path, headers={**as_anonymous(), "If-None-Match": tag})
        assert again.status_code == 200


class TestChangeService:
    async def test_replaces_what_is_sent_and_keeps_the_rest(
        self, made: Any, client: Any, editor: Any, found: Any
    ) -> None:
        path = f"{SERVICES}/{made.json()['id']}"
        answer = await client.patch(
            path,
            json={"languages": ["ar"], "description": {"fr": "Ouvert à tous"}, "url": None},
            headers={**editor(), "If-Match": made.headers["ETag"]},
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["languages"] == ["ar"]
        assert answer.json()["name"] == made.json()["name"]
        assert answer.json()["version"] == 2
        assert await found(q="ouvert", spoken="ar") == ["Accueil"]

    async def test_merges_objects_member_by_member_and_replaces_lists(
        self, made: Any, client: Any, editor: Any
    ) -> None:
        path, headers = f"{SERVICES}/{made.json()['id']}", {**editor(), "If-Match": "*"}
        first = {
            "name": {"nl": "Dienst"},
            "languages": ["fr", "ar"],
            "conditions": {"bim": "yes", "amu": "no"},
            "text_origins": {"name": {"nl": {"origin": "machine", "on": "2026-01-01"}}},
        }
        assert (await client.patch(path, json=first, headers=headers)).status_code == 200
        second = {
            "languages": ["nl"],
            "conditions": {"amu": None, "insured": "yes", "bim": None},
            "text_origins": {"name": {"nl": {"on": None}}},
        }
        answer = await client.patch(path, json=second, headers=headers)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert told["name"] == {"fr": "Accueil", "nl": "Dienst"}
        assert told["languages"] == ["nl"]
        assert told["conditions"] == {"insured": "yes"}
        assert told["text_origins"]["name"]["nl"] == {"origin": "machine"}
        answer = await client.patch(path, json={"name": {"fr": None}}, headers=headers)
        assert answer.json()["name"] == {"nl": "Dienst"}

    async def test_keeps_a_confidential_address_it_never_shows(
        self, directory: Any, client: Any, editor: Any, admin: Any
    ) -> None:
        await directory.has(
            directory.service(
                "refuge",
                locations=[
                    directory.place(50.9, 4.4, confidential=True, address={"postcode": "1080"})
                ],
            )
        )
        path = f"{SERVICES}/{directory.id('service', 'refuge')}"
        answer = await client.patch(
            path, json={"cost": "free"}, headers={**editor(), "If-Match": "*"}
        )
        assert answer.status_code == 200
        assert "latitude" not in answer.text
        async with directory.database.read() as session:
            connection = await session.connection()
            kept = await connection.exec_driver_sql("SELECT latitude, postcode FROM location")
            assert tuple(kept.one()) == (50.9, "1080")

    async def test_needs_the_tag_that_was_read(self, made: Any, client: Any, editor: Any) -> None:
        path = f"{SERVICES}/{made.json()['id']}"
        without = await client.patch(path, json={"cost": "free"}, headers=editor())
        assert (without.status_code, without.json()["code"]) == (428, "precondition_required")
        fresh = {**editor(), "If-Match": made.headers["ETag"]}
        await client.patch(path, json={"cost": "free"}, headers=fresh)
        stale = await client.patch(path, json={"cost": "paid"}, headers=fresh)
        assert (stale.status_code, stale.json()["code"]) == (412, "stale")

    async def test_refuses_an_editor_of_another_organization(
        self, made: Any, directory: Any, client: Any, editor: Any
    ) -> None:
        await directory.has(directory.organization("other"))
        answer = await client.patch(
            f"{SERVICES}/{made.json()['id']}",
            json={"cost": "free"},
            headers={**editor("other"), "If-Match": "*"},
        )
        assert (answer.status_code, answer.json()["code"]) == (403, "not_your_organization")

    async def test_does_not_hand_a_service_to_another_organization(
        self, made: Any, directory: Any, client: Any, editor: Any
    ) -> None:
        await directory.has(directory.organization("other"))
        answer = await client.patch(
            f"{SERVICES}/{made.json()['id']}",
            json={"organization": str(directory.id("organization", "other"))},
            headers={**editor(), "If-Match": "*"},
        )
        assert answer.json()["code"] == "not_your_organization"

    @pytest.mark.parametrize(
        ("change", "code", "pointer"),
        [
            ({"colour": 1}, "extra_forbidden", "/colour"),
            ({"name": None}, "missing", "/name"),
            ({"name": {"fr": None, "nl": None}}, "name_missing", "/name"),
            ({"cost": 3}, "enum", "/cost"),
            ({"text_origins": {"name": {"fr": {"on": "x"}}}}, "missing", _ORIGIN),
        ],
    )
    async def test_checks_the_whole_again(
        self, made: Any, client: Any, editor: Any, change: Any, code: Any, pointer: Any
    ) -> None:
        answer = await client.patch(
            f"{SERVICES}/{made.json()['id']}",
            json=change,
            headers={**editor(), "If-Match": "*"},
        )
        assert answer.status_code == 422
        fault = answer.json()["errors"][0]
        assert (fault["code"], fault["pointer"]) == (code, pointer)

    async def test_leaves_an_audit_record_of_who_and_which_fields(
        self, made: Any, directory: Any, client: Any, editor: Any
    ) -> None:
        await client.patch(
            f"{SERVICES}/{made.json()['id']}",
            json={"cost": "free"},
            headers={**editor(), "If-Match": "*"},
        )
        async with directory.database.read() as session:
            connection = await session.connection()
            rows = await connection.exec_driver_sql(
                "SELECT event, actor_subject, changes FROM audit_entry"
                " WHERE entity = 'service' ORDER BY at"
            )
            assert [tuple(row) for row in rows] == [
                ("service.created", "editor", None),
                ("service.changed", "editor", {"fields": ["cost"]}),
            ]


class TestVerifyService:
    async def test_stamps_the_record(self, made: Any, client: Any, admin: Any, search: Any) -> None:
        path = f"{SERVICES}/{made.json()['id']}"
        answer = await client.post(f"{path}/verifications", json={}, headers=admin)
        assert answer.status_code == 201
        read = await client.get(path, headers=admin)
        assert read.json()["verified_at"] is not None

    async def test_a_check_of_some_fields_does_not_stamp_the_whole(
        self, made: Any, client: Any, admin: Any
    ) -> None:
        path = f"{SERVICES}/{made.json()['id']}"
        answer = await client.post(
            f"{path}/verifications", json={"fields": ["phones"]}, headers=admin
        )
        assert answer.status_code == 201
        assert "verified_at" not in (await client.get(path, headers=admin)).json()

    @pytest.mark.parametrize(
        ("payload", "code"),
        [
            ({"verified_at": "2126-01-01T00:00:00Z"}, "in_the_future"),
            ({"fields": ["colour"]}, "unknown_field"),
        ],
    )
    async def test_refuses_what_cannot_be(
        self, made: Any, client: Any, admin: Any, payload: Any, code: Any
    ) -> None:
        answer = await client.post(
            f"{SERVICES}/{made.json()['id']}/verifications", json=payload, headers=admin
        )
        assert answer.json()["errors"][0]["code"] == code

    async def test_needs_its_own_scope(self, made: Any, client: Any, editor: Any) -> None:
        answer = await client.post(
            f"{SERVICES}/{made.json()['id']}/verifications", json={}, headers=editor()
        )
        assert answer.json()["code"] == "insufficient_scope"
