"""`/directory/v1/organizations`."""

from typing import Any

import pytest

ORGANIZATIONS = "/directory/v1/organizations"
NEW = {"name": {"fr": "Le Pont", "nl": "De Brug"}, "kind": "association"}


class TestListOrganizations:
    async def test_pages_by_name_and_filters(
        self, directory: Any, client: Any, as_anonymous: Any
    ) -> None:
        await directory.has(
            *(directory.organization(name) for name in ("Épi", "zèbre", "abri")),
            directory.organization("self", kind="self_help"),
        )
        names, cursor = [], ""
        while cursor is not None:
            more = f"&cursor={cursor}" if cursor else ""
            page = await client.get(f"{ORGANIZATIONS}?limit=2{more}", headers=as_anonymous())
            names += [item["label"] for item in page.json()["items"]]
            cursor = page.json()["next_cursor"]
        assert names == ["abri", "Épi", "host", "self", "zèbre"]
        page = await client.get(f"{ORGANIZATIONS}?q=EPI", headers=as_anonymous())
        assert [item["label"] for item in page.json()["items"]] == ["Épi"]
        page = await client.get(f"{ORGANIZATIONS}?kind=self_help", headers=as_anonymous())
        assert [item["label"] for item in page.json()["items"]] == ["self"]


class TestWriteOrganizations:
    async def test_an_admin_creates_and_its_editor_changes_it(
        self, directory: Any, client: Any, admin: Any, as_caller: Any
    ) -> None:
        made = await client.post(
            ORGANIZATIONS,
            json={**NEW, "identifiers": [{"scheme": "BE-KBO", "identifier": "0202.239.951"}]},
            headers=admin,
        )
        assert made.status_code == 201, made.text
        assert made.json()["identifiers"][0]["identifier"] == "0202239951"
        own = as_caller(scope="directory:write", org=made.json()["id"])
        changed = await client.patch(
            f"{ORGANIZATIONS}/{made.json()['id']}",
            json={"name": {"fr": "Le Grand Pont"}},
            headers={**own, "If-Match": made.headers["ETag"]},
        )
        assert changed.status_code == 200, changed.text
        assert changed.json()["name"] == {**NEW["name"], "fr": "Le Grand Pont"}
        stale = await client.patch(
            f"{ORGANIZATIONS}/{made.json()['id']}",
            json={"url": "https://example.org"},
            headers={**own, "If-Match": made.headers["ETag"]},
        )
        assert (stale.status_code, stale.json()["code"]) == (412, "stale")

    async def test_a_new_name_is_searched_at_once(
        self, directory: Any, client: Any, editor: Any, found: Any
    ) -> None:
        await directory.has(directory.service("desk"))
        answer = await client.patch(
            f"{ORGANIZATIONS}/{directory.id('organization', 'host')}",
            json={"name": {"fr": "Passerelle"}},
            headers={**editor(), "If-Match": "*"},
        )
        assert answer.status_code == 200
        assert await found(q="passerelle") == ["desk"]

    @pytest.mark.parametrize(
        ("fields", "code", "pointer"),
        [
            (
                {"identifiers": [{"scheme": "BE-KBO", "identifier": "0202239952"}]},
                "invalid_kbo_number",
                "/identifiers/0",
            ),
            ({"kind": "company"}, "enum", "/kind"),
            ({"phones": ["02 555 00 00"]}, "string_pattern_mismatch", "/phones/0/number"),
            ({"colour": "red"}, "extra_forbidden", "/colour"),
        ],
    )
    async def test_tells_what_is_wrong(
        self, directory: Any, client: Any, admin: Any, fields: Any, code: Any, pointer: Any
    ) -> None:
        answer = await client.post(ORGANIZATIONS, json={**NEW, **fields}, headers=admin)
        assert answer.status_code == 422
        fault = answer.json()["errors"][0]
        assert (fault["code"], fault["pointer"]) == (code, pointer)

    async def test_an_editor_makes_no_organizations(
        self, directory: Any, client: Any, editor: Any
    ) -> None:
        answer = await client.post(ORGANIZATIONS, json=NEW, headers=editor())
        assert answer.json()["code"] == "insufficient_scope"

    async def test_an_editor_changes_no_other(
        self, directory: Any, client: Any, editor: Any
    ) -> None:
        await directory.has(directory.organization("other"))
        answer = await client.patch(
            f"{ORGANIZATIONS}/{directory.id('organization', 'other')}",
            json={"name": {"fr": "x"}},
            headers={**editor(), "If-Match": "*"},
        )
        assert (answer.status_code, answer.json()["code"]) == (403, "not_your_organization")

    async def test_is_never_part_of_itself(self, directory: Any, client: Any, admin: Any) -> None:
        def below(name: str, parent: str) -> dict[str, Any]:
            return directory.organization(name, parent=str(directory.id("organization", parent)))

        await directory.has(below("antenna", "host"), below("desk", "antenna"))
        headers = {**admin, "If-Match": "*"}
        path = f"{ORGANIZATIONS}/{directory.id('organization', 'host')}"
        for parent in ("host", "antenna", "desk"):
            change = {"parent": str(directory.id("organization", parent))}
            answer = await client.patch(path, json=change, headers=headers)
            (fault,) = answer.json()["errors"]
            assert (fault["pointer"], fault["code"]) == ("/parent", "parent_cycle")
            outcome = await directory.loads(below("host", parent))
            assert [row.code for row in outcome.rejected] == ["parent_cycle"]
        outcome = await directory.loads(below("a", "b"), below("b", "c"), below("c", "a"))
        assert [row.code for row in outcome.rejected] == ["parent_cycle"]
        assert outcome.created["organization"] == 2
        turned = await directory.loads(below("antenna", "desk"), directory.organization("desk"))
        assert turned.rejected == []


class TestVerifyOrganization:
    async def test_stamps_the_record_and_needs_its_own_scope(
        self, directory: Any, client: Any, admin: Any, editor: Any, as_anonymous: Any
    ) -> None:
        await directory.has(directory.organization("hidden", visibility="own"))
        path = f"{ORGANIZATIONS}/{directory.id('organization', 'host')}"
        before = await client.get(path, headers=as_anonymous())
        assert "verified_at" not in before.json()
        some = await client.post(
            f"{path}/verifications", json={"fields": ["phones"]}, headers=admin
        )
        assert some.status_code == 201, some.text
        assert "verified_at" not in (await client.get(path, headers=as_anonymous())).json()
        whole = await client.post(f"{path}/verifications", json={}, headers=admin)
        read = await client.get(path, headers=as_anonymous())
        stamped = read.json()["verified_at"]
        assert stamped.removesuffix("+00:00") == whole.json()["verified_at"].removesuffix("Z")
        assert read.headers["ETag"] != before.headers["ETag"]
        hidden = f"{ORGANIZATIONS}/{directory.id('organization', 'hidden')}/verifications"
        for headers, at, body, status in (
            (editor(), f"{path}/verifications", {}, 403),
            (admin, f"{path}/verifications", {"fields": ["needs"]}, 422),
            (admin, f"{path}/verifications", {"verified_at": "2199-01-01T00:00:00Z"}, 422),
            (editor("hidden"), hidden, {}, 403),
        ):
            answer = await client.post(at, json=body, headers=headers)
            assert answer.status_code == status, answer.text
        changed = await client.patch(
            path, json={"name": {"fr": "Autre"}}, headers={**editor(), "If-Match": "*"}
        )
        assert changed.json()["verified_at"] == stamped
