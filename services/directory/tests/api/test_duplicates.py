"""Pairs that may be the same, and merging them."""

import asyncio
from typing import Any

import pytest

from maillage_common.audit import SystemReason
from maillage_directory.duplicates.service import compare_changed

SERVICES, DUPLICATES = "/directory/v1/services", "/directory/v1/duplicates"
KBO = [{"scheme": "BE-KBO", "identifier": "0403.170.701"}]


@pytest.fixture
def compared(directory: Any) -> Any:
    async def run() -> bool:
        await directory.settles()
        async with directory.database.write(system=SystemReason.CLOCK) as session:
            return await compare_changed(session)

    return run


@pytest.fixture
def pairs(client: Any, admin: Any) -> Any:
    async def read(headers: Any = None) -> list[Any]:
        answer = await client.get(DUPLICATES, headers=headers or admin)
        assert answer.status_code == 200, answer.text
        items: list[Any] = answer.json()["items"]
        return items

    return read


def _at(street: dict[str, str], postcode: str = "1000") -> list[dict[str, Any]]:
    return [{"address": {"street": street, "postcode": postcode}}]


class TestCandidates:
    async def test_are_found_by_number_phone_mail_web_and_name(
        self, directory: Any, compared: Any, pairs: Any
    ) -> None:
        await directory.has(
            directory.organization("a", identifiers=KBO),
            directory.organization("b", name={"nl": "Heel anders"}, identifiers=KBO),
            directory.organization("Maison médicale du Nord", phones=["+3225550000"]),
            directory.organization(
                "c", name={"fr": "Maison medicale Nord"}, phones=["+3225550000"]
            ),
            directory.organization("Planning familial", email="a@example.org"),
            directory.organization("Boulangerie", email="a@example.org"),
            directory.organization("Télé-Accueil", email="t@example.org"),
            directory.organization("Tele Accueil", email="T@example.org"),
            directory.organization("Infor Jeunes", url="https://www.example.org/ij/"),
            directory.organization("Infor-Jeunes", url="http://example.org/ij"),
        )
        await compared()
        found = {tuple(sorted(r["label"] for r in p["records"])): p for p in await pairs()}
        assert found.keys() == {
            ("Heel anders", "a"),
            ("Maison medicale Nord", "Maison médicale du Nord"),
            ("Tele Accueil", "Télé-Accueil"),
            ("Infor Jeunes", "Infor-Jeunes"),
        }
        told = {labels: pair["reasons"] for labels, pair in found.items()}
        assert told["Tele Accueil", "Télé-Accueil"] == ["email", "name"]
        assert told["Infor Jeunes", "Infor-Jeunes"] == ["url", "name"]
        assert found["Heel anders", "a"]["reasons"] == ["kbo"]
        assert found["Heel anders", "a"]["score"] == 1

    async def test_know_the_french_and_the_dutch_name_of_one_street(
        self, directory: Any, compared: Any, pairs: Any
    ) -> None:
        await directory.has(
            directory.organization("o1"),
            directory.organization("o2"),
            directory.organization("o3"),
            # Whoever tells both names teaches them.
            directory.service(
                "Musée", locations=_at({"fr": "Rue de la Loi 100", "nl": "Wetstraat 100"})
            ),
            directory.service("Accueil social", of="o1", locations=_at({"fr": "Rue de la Loi 16"})),
            directory.service("Acceuil social", of="o2", locations=_at({"nl": "Wetstraat 16"})),
            directory.service("Accueil social!", of="o3", locations=_at({"nl": "Wetstraat 18"})),
        )
        await compared()
        (pair,) = [p for p in await pairs() if p["type"] == "service"]
        assert {r["label"] for r in pair["records"]} == {"Accueil social", "Acceuil social"}
        assert pair["reasons"] == ["address", "name"]

    async def test_use_no_confidential_place_and_show_no_hidden_record(
        self, directory: Any, compared: Any, pairs: Any, editor: Any
    ) -> None:
        hidden = [{**place, "confidential": True} for place in _at({"fr": "Rue A 1"})]
        await directory.has(
            directory.organization("other"),
            directory.service("Refuge", locations=hidden),
            directory.service("Refuge ", of="other", locations=_at({"fr": "Rue A 1"})),
            directory.service("Permanence", phones=["+3225550000"]),
            directory.service("Permanence ", of="other", phones=["+3225550000"], visibility="own"),
        )
        await compared()
        assert len(await pairs()) == 1
        assert await pairs(editor()) == []
        assert await pairs(editor("nobody")) == []

    async def test_are_compared_when_they_change_and_never_merged_by_themselves(
        self, directory: Any, compared: Any, pairs: Any, client: Any, as_anonymous: Any
    ) -> None:
        await directory.has(directory.organization("a", identifiers=KBO))
        await compared()
        assert await pairs() == []
        await directory.has(directory.organization("b", identifiers=KBO))
        assert await compared() is True
        assert len(await pairs()) == 1
        assert await compared() is False
        for name in "ab":
            path = f"/directory/v1/organizations/{directory.id('organization', name)}"
            assert (await client.get(path, headers=as_anonymous())).status_code == 200


class TestDecision:
    @pytest.fixture
    async def pair(self, directory: Any, compared: Any, client: Any, admin: Any) -> Any:
        """Two services of two organizations; the second knows more."""
        await directory.has(
            directory.organization("other"),
            directory.service("Permanence", phones=["+3225550000"], languages=["fr"]),
            directory.service(
                "Permanence ",
                of="other",
                phones=["+3225550000"],
                name={"fr": "Permanence", "nl": "Permanentie"},
                needs=["housing"],
                locations=_at({"fr": "Rue A 1"}),
                capacity={"status": "waitlist", "observed_at": "2026-01-01T00:00:00Z"},
            ),
        )
        await compared()
        (item,) = (await client.get(DUPLICATES, headers=admin)).json()["items"]
        return item["id"]

    async def test_a_merge_keeps_ids_answering_and_history(
        self, pair: Any, directory: Any, client: Any, admin: Any, as_anonymous: Any
    ) -> None:
        kept, lost = (directory.id("service", n) for n in ("Permanence", "Permanence "))
        read = await client.get(f"{DUPLICATES}/{pair}", headers=admin)
        answer = await client.post(
            f"{DUPLICATES}/{pair}/decision",
            json={"decision": "merge", "keep": str(kept)},
            headers={**admin, "If-Match": read.headers["ETag"]},
        )
        assert answer.status_code == 200, answer.text
        moved = await client.get(f"{SERVICES}/{lost}", headers=as_anonymous())
        assert (moved.status_code, moved.headers["Location"]) == (308, f"{SERVICES}/{kept}")
        moved = await client.get(f"/hsds/v3/services/{lost}", headers=as_anonymous())
        there = f"/hsds/v3/services/{kept}"
        assert (moved.status_code, moved.headers["Location"]) == (308, there)
        whole = (await client.get(f"{SERVICES}/{kept}", headers=admin)).json()
        assert whole["name"] == {"fr": "Permanence", "nl": "Permanentie"}
        assert (whole["languages"], whole["needs"]) == (["fr"], ["housing"])
        assert whole["locations"][0]["address"]["postcode"] == "1000"
        assert whole["organization"]["id"] == str(directory.id("organization", "host"))
        reports = await client.get(f"{SERVICES}/{kept}/capacity-reports", headers=admin)
        assert len(reports.json()["items"]) == 1
        for record in (kept, lost):
            history = await client.get(f"{SERVICES}/{record}/history", headers=admin)
            assert history.json()["items"], record
        await directory.settles()
        feed = (await client.get("/directory/v1/changes?limit=500", headers=as_anonymous())).json()
        (buried,) = [item for item in feed["items"] if item["id"] == str(lost)]
        assert buried["into"] == str(kept)

    async def test_a_merge_that_would_contradict_itself_is_told_and_changes_nothing(
        self, pair: Any, directory: Any, client: Any, admin: Any
    ) -> None:
        kept, lost = (directory.id("service", n) for n in ("Permanence", "Permanence "))
        notes = {"nl": {"fr": "sur rendez-vous"}}
        for record, change in (
            (kept, {"age_max": 25}),
            (lost, {"age_min": 60, "languages": ["nl"], "language_notes": notes}),
        ):
            answer = await client.patch(
                f"{SERVICES}/{record}", json=change, headers={**admin, "If-Match": "*"}
            )
            assert answer.status_code == 200, answer.text

        async def merge() -> Any:
            return await client.post(
                f"{DUPLICATES}/{pair}/decision",
                json={"decision": "merge", "keep": str(kept)},
                headers={**admin, "If-Match": "*"},
            )

        refused = await merge()
        assert refused.status_code == 422, refused.text
        assert [fault["code"] for fault in refused.json()["errors"]] == ["ages_out_of_order"]
        assert (await client.get(f"{SERVICES}/{lost}", headers=admin)).status_code == 200
        await client.patch(
            f"{SERVICES}/{lost}", json={"age_min": None}, headers={**admin, "If-Match": "*"}
        )
        assert (await merge()).status_code == 200
        whole = (await client.get(f"{SERVICES}/{kept}", headers=admin)).json()
        assert (whole["languages"], whole.get("language_notes", {})) == (["fr"], {})

    async def test_a_merge_of_organizations_moves_all_they_offer(
        self, directory: Any, compared: Any, client: Any, admin: Any, as_anonymous: Any
    ) -> None:
        covered = {
            "type": "coverage",
            "program": "CHW",
            "territory": "21001",
            "role": "team",
        }
        await directory.has(
            directory.organization("a", identifiers=KBO),
            directory.organization("b", identifiers=KBO, email="b@example.org"),
            directory.service("Accueil", of="b", locations=_at({"fr": "Rue A 1"})),
        )
        for name in "ab":
            await directory.loads(
                {**covered, "organization": str(directory.id("organization", name))}
            )
        await compared()
        (pair,) = (await client.get(DUPLICATES, headers=admin)).json()["items"]
        kept = str(directory.id("organization", "a"))
        answer = await client.post(
            f"{DUPLICATES}/{pair['id']}/decision",
            json={"decision": "merge", "keep": kept},
            headers={**admin, "If-Match": "*"},
        )
        assert answer.status_code == 200, answer.text
        service = await client.get(
            f"{SERVICES}/{directory.id('service', 'Accueil')}", headers=as_anonymous()
        )
        assert service.json()["organization"]["id"] == kept
        whole = await client.get(f"/directory/v1/organizations/{kept}", headers=as_anonymous())
        assert whole.json()["email"] == "b@example.org"
        for api in ("/directory/v1", "/hsds/v3"):
            lost = f"{api}/organizations/{directory.id('organization', 'b')}"
            moved = await client.get(lost, headers=as_anonymous())
            there = f"{api}/organizations/{kept}"
            assert (moved.status_code, moved.headers["Location"]) == (308, there)
        coverage = await client.get("/directory/v1/programs/CHW/coverage", headers=admin)
        assert [i["organization_id"] for i in coverage.json()["items"]] == [kept]

    async def test_a_merge_makes_no_organization_part_of_itself(
        self, directory: Any, compared: Any, client: Any, admin: Any
    ) -> None:
        ids = {name: str(directory.id("organization", name)) for name in ("a", "between", "b")}
        await directory.has(
            directory.organization("b", identifiers=KBO),
            directory.organization("between", parent=ids["b"]),
            directory.organization("a", identifiers=KBO, parent=ids["between"]),
        )
        await compared()
        (pair,) = (await client.get(DUPLICATES, headers=admin)).json()["items"]
        answer = await client.post(
            f"{DUPLICATES}/{pair['id']}/decision",
            json={"decision": "merge", "keep": ids["a"]},
            headers={**admin, "If-Match": "*"},
        )
        assert answer.status_code == 200, answer.text
        async with directory.database.read() as session:
            connection = await session.connection()
            found = await connection.exec_driver_sql(
                "SELECT id::text, parent_id::text FROM organization"
            )
            parents = {row.id: row.parent_id for row in found}
        assert (parents[ids["a"]], parents[ids["between"]]) == (None, ids["a"])

    async def test_two_editors_at_once_lose_no_update(
        self, pair: Any, directory: Any, client: Any, admin: Any, editor: Any
    ) -> None:
        kept = str(directory.id("service", "Permanence"))
        read = await client.get(f"{DUPLICATES}/{pair}", headers=admin)
        await client.patch(
            f"{SERVICES}/{kept}", json={"cost": "free"}, headers={**editor(), "If-Match": "*"}
        )
        payload = {"decision": "merge", "keep": kept}
        path = f"{DUPLICATES}/{pair}/decision"
        assert (await client.post(path, json=payload, headers=admin)).status_code == 428
        stale = {**admin, "If-Match": read.headers["ETag"]}
        assert (await client.post(path, json=payload, headers=stale)).status_code == 412
        answers = await asyncio.gather(
            *(client.post(path, json=payload, headers={**admin, "If-Match": "*"}) for _ in "ab")
        )
        codes = sorted(answer.status_code for answer in answers)
        assert codes[0] == 200
        assert codes[1] in (404, 409)
        assert (await client.get(f"{SERVICES}/{kept}", headers=admin)).json()["cost"] == "free"

    async def test_a_dismissal_is_remembered(
        self, pair: Any, directory: Any, client: Any, admin: Any, compared: Any, pairs: Any
    ) -> None:
        answer = await client.post(
            f"{DUPLICATES}/{pair}/decision",
            json={"decision": "dismiss"},
            headers={**admin, "If-Match": "*"},
        )
        assert answer.status_code == 200
        await directory.loads(
            directory.service("Permanence", phones=["+3225550000"], languages=["nl"])
        )
        await compared()
        assert await pairs() == []
        again = await client.post(
            f"{DUPLICATES}/{pair}/decision",
            json={"decision": "dismiss"},
            headers={**admin, "If-Match": "*"},
        )
        assert (again.status_code, again.json()["code"]) == (409, "already_decided")

    async def test_both_records_must_be_theirs_to_edit(
        self, pair: Any, directory: Any, client: Any, editor: Any
    ) -> None:
        answer = await client.post(
            f"{DUPLICATES}/{pair}/decision",
            json={"decision": "merge", "keep": str(directory.id("service", "Permanence"))},
            headers={**editor(), "If-Match": "*"},
        )
        assert answer.json()["code"] == "not_your_organization"
