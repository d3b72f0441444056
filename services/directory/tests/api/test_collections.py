"""`/directory/v1/collections` and offline bundles: services to share, print or carry."""

from typing import Any

import pytest

PATH = "/directory/v1/collections"


@pytest.fixture
async def services(directory: Any) -> Any:
    await directory.has(
        directory.organization("other"),
        directory.service(
            "Accueil",
            name={"fr": "Accueil <b>chaud</b>", "nl": "Warm onthaal"},
            needs=["housing"],
            languages=["ar", "fr"],
            access=["walk_in"],
            conditions={"undocumented": "yes"},
            cost="free",
            phones=["+3225550001", {"number": "+3225550002", "visibility": "professional"}],
            contacts=[{"name": "Camille Exemple", "phone": "+3225550003"}],
            schedules=[
                {"byday": "MO,TU", "opens_at": "09:00", "closes_at": "12:00"},
                {"byday": "MO,TU", "opens_at": "13:00", "closes_at": "16:00"},
                {
                    "freq": "MONTHLY",
                    "byday": "-1FR",
                    "opens_at": "18:00",
                    "closes_at": "20:00",
                },
            ],
            locations=[{"address": {"street": {"fr": "Rue du Test 1"}, "postcode": "1080"}}],
        ),
        directory.service("pro", visibility="professional"),
        directory.service(
            "refuge",
            locations=[
                {"confidential": True, "address": {"street": {"fr": "Rue Cachée 9"}}},
            ],
        ),
        directory.service("secret", of="other", visibility="own"),
    )
    return directory


def collection(directory: Any, *names: str, **fields: Any) -> dict[str, Any]:
    return {
        "title": {"fr": "Pour la rue", "nl": "Voor de straat"},
        "visibility": "public",
        "items": [
            {"service": str(directory.id("service", name)), "note": {"fr": f"note {name}"}}
            for name in names
        ],
        **fields,
    }


class TestCollections:
    async def test_keeps_the_order_and_leaves_out_what_the_reader_may_not_see(
        self,
        services: Any,
        client: Any,
        editor: Any,
        professional: Any,
        as_anonymous: Any,
        query_counter: Any,
    ) -> None:
        made = await client.post(
            PATH, json=collection(services, "refuge", "pro", "Accueil"), headers=editor()
        )
        assert made.status_code == 201, made.text
        path = made.headers["location"]
        with query_counter() as queries:
            public = (await client.get(path, headers=as_anonymous())).json()
        assert queries.count == 2
        assert [item["note"]["fr"] for item in public["items"]] == ["note refuge", "note Accueil"]
        assert "Cachée" not in str(public)
        full = (await client.get(path, headers=professional)).json()
        assert len(full["items"]) == 3
        (listed,) = (await client.get(PATH, headers=as_anonymous())).json()["items"]
        assert listed["label"] == "Pour la rue"
        assert "items" not in listed

    async def test_is_shared_as_far_as_its_visibility_says(
        self, services: Any, client: Any, editor: Any, professional: Any, as_anonymous: Any
    ) -> None:
        made = await client.post(
            PATH, json=collection(services, "Accueil", visibility="own"), headers=editor()
        )
        path, tag = made.headers["location"], made.headers["etag"]
        for page in (path, f"{path}/print"):
            assert (await client.get(page, headers=professional)).status_code == 404
        change = collection(services, "Accueil", visibility="professional")
        await client.put(path, json=change, headers={**editor(), "If-Match": tag})
        assert (await client.get(path, headers=professional)).status_code == 200
        assert (await client.get(path, headers=as_anonymous())).status_code == 404

    async def test_edits_are_checked_and_none_is_lost(
        self, services: Any, client: Any, editor: Any
    ) -> None:
        hidden = await client.post(PATH, json=collection(services, "secret"), headers=editor())
        (error,) = hidden.json()["errors"]
        assert (error["code"], error["pointer"]) == ("unknown_service", "/items/0/service")
        twice = await client.post(PATH, json=collection(services, "pro", "pro"), headers=editor())
        assert twice.json()["errors"][0]["code"] == "service_twice"
        made = await client.post(PATH, json=collection(services, "pro"), headers=editor())
        path, tag = made.headers["location"], made.headers["etag"]
        change = collection(services, "Accueil", "pro")
        first = await client.put(path, json=change, headers={**editor(), "If-Match": tag})
        assert len(first.json()["items"]) == 2
        stale = await client.put(path, json=change, headers={**editor(), "If-Match": tag})
        assert stale.status_code == 412
        assert (await client.delete(path, headers=editor("other"))).status_code == 403
        assert (await client.delete(path, headers=editor())).status_code == 204
        assert (await client.get(path, headers=editor())).json()["code"] == "collection_not_found"


class TestPrint:
    async def test_reads_in_the_readers_language_and_escapes_what_was_written(
        self, services: Any, client: Any, editor: Any, as_anonymous: Any
    ) -> None:
        made = await client.post(
            PATH, json=collection(services, "Accueil", "refuge"), headers=editor()
        )
        path = f"{made.headers['location']}/print"
        page = await client.get(path, headers=as_anonymous())
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        for told in (
            'lang="fr"',
            "Pour la rue",
            "Accueil &lt;b&gt;chaud",
            "Logement",
            "arabe",
            "sans rendez-vous",
            "lundi, mardi 09:00–12:00, 13:00–16:00",
            "dernier vendredi 18:00–20:00",
            "gratuit",
            "accueille les personnes sans titre de séjour",
            "Rue du Test 1, 1080",
            "Adresse confidentielle",
            "note Accueil",
            'href="tel:+3225550001">☎ 02 555 00 01<',
        ):
            assert told in page.text, told
        dutch = await client.get(path, headers={**as_anonymous(), "Accept-Language": "nl"})
        for told in ('lang="nl"', "Warm onthaal", "maandag, dinsdag", "zonder afspraak", "gratis"):
            assert told in dutch.text, told
        assert "http" not in page.text.replace("http-equiv", ""), "it loads nothing"
        assert "default-src 'none'" in page.headers["content-security-policy"]

    async def test_shows_the_public_layer_unless_professionals_are_meant(
        self, services: Any, client: Any, editor: Any, professional: Any, as_anonymous: Any
    ) -> None:
        made = await client.post(
            PATH, json=collection(services, "Accueil", "pro"), headers=editor()
        )
        path = f"{made.headers['location']}/print"
        by_default = (await client.get(path, headers=professional)).text
        assert "+3225550002" not in by_default
        assert "Camille" not in by_default
        assert "note pro" not in by_default
        full = (await client.get(f"{path}?audience=professional", headers=professional)).text
        assert "Camille" in full
        assert "note pro" in full
        stranger = (await client.get(f"{path}?audience=professional", headers=as_anonymous())).text
        assert "Camille" not in stranger


class TestOfflineBundle:
    async def test_holds_the_services_of_a_territory_and_needs_nothing_else(
        self, services: Any, client: Any, professional: Any, as_anonymous: Any
    ) -> None:
        await services.has(
            services.service("Ailleurs", locations=[{"address": {"postcode": "1180"}}]),
            services.service("Zone", action_zones=["21012"], visibility="professional"),
        )
        path = "/directory/v1/territories/21012/offline"
        page = await client.get(path, headers={**as_anonymous(), "Accept-Language": "nl"})
        assert page.status_code == 200, page.text
        assert page.headers["content-disposition"].startswith("attachment")
        for told in ("Warm onthaal", "Zoek in deze pagina", "maandag, dinsdag"):
            assert told in page.text, told
        for untold in ("Ailleurs", "Zone", "+3225550002", "http", "refuge"):
            assert untold not in page.text, untold
        full = await client.get(f"{path}?audience=professional", headers=professional)
        assert "Zone" in full.text
        assert "+3225550002" in full.text
        empty = await client.get("/directory/v1/territories/21002/offline", headers=as_anonymous())
        assert "Aucun service à montrer." in empty.text
        absent = await client.get("/directory/v1/territories/x/offline", headers=as_anonymous())
        assert absent.json()["code"] == "territory_not_found"
