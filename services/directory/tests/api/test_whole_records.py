"""A record with every member HSDS and our profile have: written, read, changed, hidden in part."""

from typing import Any

SERVICES = "/directory/v1/services"
ORGANIZATIONS = "/directory/v1/organizations"

SERVICE = {
    "name": {"fr": "Permanence", "nl": "Permanentie", "ar": "استقبال"},
    "alternate_name": {"fr": "Le Comptoir"},
    "description": {"fr": "Écoute et orientation"},
    "easy_read": {"fr": "On vous écoute."},
    "text_origins": {"name": {"nl": {"origin": "translated", "on": "2026-10-01"}}},
    "phones": [
        {"number": "+3225550000", "extension": "12", "description": {"fr": "Accueil"}},
        {"number": "+3225550001", "visibility": "professional"},
    ],
    "contacts": [{"name": "A. Peeters", "title": "Accueil", "visibility": "professional"}],
    "email": "permanence@example.org",
    "url": "https://example.org/permanence",
    "additional_urls": [{"url": "https://example.org/plan", "label": {"fr": "Plan"}}],
    "funding": [{"fr": "COCOF"}],
    "field_visibility": {"email": "professional", "funding": "own"},
    "languages": ["ar", "fr"],
    "language_notes": {"ar": {"fr": "le jeudi"}},
    "interpretation": {"fr": "par téléphone"},
    "eligibility": {"fr": "pour tous"},
    "cost": "paid",
    "cost_options": [{"option": {"fr": "adulte"}, "amount": "2.50"}],
    "fees": {"fr": "participation libre"},
    "application_process": {"fr": "se présenter"},
    "required_documents": [{"document": {"fr": "carte de mutuelle"}}],
    "accreditations": {"fr": "agréé"},
    "alert": {"fr": "fermé en août"},
    "assured_on": "2026-10-01",
    "assurer_email": "curator@example.org",
    "schedules": [{"byday": "MO,TU", "opens_at": "09:00", "closes_at": "12:00"}],
    "locations": [
        {
            "id": "00000000-0000-4000-8000-000000000001",
            "name": {"fr": "Siège"},
            "description": {"fr": "au fond de la cour"},
            "transportation": {"fr": "tram 51"},
            "accessibility": [{"description": {"fr": "rampe"}}],
            "address": {"street": {"fr": "Rue A 1"}, "postcode": "1080", "attention": "Accueil"},
            "at_location": {"fr": "premier étage"},
        },
        {
            "id": "00000000-0000-4000-8000-000000000002",
            "confidential": True,
            "address": {"street": {"fr": "Rue Cachée 2"}, "postcode": "1030"},
        },
    ],
}


class TestService:
    async def test_keeps_every_member_through_a_change_of_one(
        self, directory: Any, client: Any, editor: Any
    ) -> None:
        await directory.has()
        body = {"organization": str(directory.id("organization", "host")), **SERVICE}
        made = await client.post(SERVICES, json=body, headers=editor())
        assert made.status_code == 201, made.text
        path = made.headers["Location"]
        changed = await client.patch(
            path, json={"cost": "free"}, headers={**editor(), "If-Match": made.headers["ETag"]}
        )
        assert changed.status_code == 200, changed.text
        before, after = made.json(), changed.json()
        differing = {name for name in before if before[name] != after[name]}
        assert differing == {"cost", "version", "updated_at"}
        for name in set(SERVICE) - {
            "phones",
            "contacts",
            "schedules",
            "locations",
            "cost",
            "field_visibility",
            "cost_options",
        }:
            assert before[name] == SERVICE[name], name
        assert before["cost_options"][0]["amount"] == "2.50"
        told, hidden = before["locations"]
        assert (told["transportation"], told["at_location"]) == (
            {"fr": "tram 51"},
            {"fr": "premier étage"},
        )
        assert hidden == {"id": SERVICE["locations"][1]["id"], "confidential": True}  # type: ignore[index]

    async def test_hides_the_members_that_its_owner_hides(
        self, directory: Any, client: Any, editor: Any, professional: Any, as_anonymous: Any
    ) -> None:
        await directory.has(directory.organization("other"))
        body = {"organization": str(directory.id("organization", "host")), **SERVICE}
        path = (await client.post(SERVICES, json=body, headers=editor())).headers["Location"]
        public, colleague, owner = [
            (await client.get(path, headers=headers)).json()
            for headers in (as_anonymous(), professional, editor())
        ]
        assert ("email" in public, "funding" in public) == (False, False)
        assert ("email" in colleague, "funding" in colleague) == (True, False)
        assert ("email" in owner, "funding" in owner) == (True, True)
        assert [len(seen["phones"]) for seen in (public, colleague, owner)] == [1, 2, 2]
        assert "field_visibility" not in public


class TestOrganization:
    async def test_an_informal_network_is_public_only_with_its_agreement(
        self, directory: Any, client: Any, admin: Any
    ) -> None:
        body = {"name": {"fr": "Voisins"}, "kind": "informal_network"}
        refused = await client.post(ORGANIZATIONS, json=body, headers=admin)
        assert refused.json()["errors"][0]["code"] == "listing_not_agreed"
        agreed = {**body, "agreed_on": "2026-10-01", "year_incorporated": 1999}
        made = await client.post(ORGANIZATIONS, json=agreed, headers=admin)
        assert made.status_code == 201, made.text
        assert made.json()["year_incorporated"] == 1999
        promised = await client.post(
            ORGANIZATIONS, json={**body, "agreed_on": "2199-01-01"}, headers=admin
        )
        assert promised.json()["errors"][0]["code"] == "listing_not_agreed"

    async def test_an_informal_networks_service_is_public_only_with_its_agreement(
        self, directory: Any, client: Any, editor: Any, found: Any
    ) -> None:
        await directory.has()
        body = {
            "organization": str(directory.id("organization", "host")),
            "name": {"fr": "Voisins"},
            "kind": "informal_network",
        }
        for agreement in ({}, {"agreed_on": "2199-01-01"}):
            refused = await client.post(SERVICES, json={**body, **agreement}, headers=editor())
            assert refused.json()["errors"][0]["code"] == "listing_not_agreed"
        outcome = await directory.loads(directory.service("Voisins", kind="informal_network"))
        assert [fault.code for fault in outcome.rejected] == ["listing_not_agreed"]
        hidden = {**body, "visibility": "professional"}
        path = (await client.post(SERVICES, json=hidden, headers=editor())).headers["Location"]
        assert await found(q="voisins") == []
        agreed = {"visibility": "public", "agreed_on": "2026-10-01"}
        headers = {**editor(), "If-Match": "*"}
        answer = await client.patch(path, json=agreed, headers=headers)
        assert answer.json()["agreed_on"] == "2026-10-01"
        assert await found(q="voisins") == ["Voisins"]

    async def test_names_a_parent_that_exists(
        self, directory: Any, client: Any, admin: Any
    ) -> None:
        await directory.has()
        body = {"name": {"fr": "Antenne"}, "kind": "association"}
        unknown = {**body, "parent": str(directory.id("organization", "nobody"))}
        refused = await client.post(ORGANIZATIONS, json=unknown, headers=admin)
        assert refused.json()["errors"][0]["pointer"] == "/parent"
        known = {**body, "parent": str(directory.id("organization", "host"))}
        made = await client.post(ORGANIZATIONS, json=known, headers=admin)
        assert made.json()["parent"] == known["parent"]
