"""`/directory/v1/diagnostics`: the library of local diagnoses."""

from typing import Any

PATH = "/directory/v1/diagnostics"
DIAGNOSTIC = {
    "title": {"fr": "Santé mentale à Schaerbeek", "nl": "Geestelijke gezondheid in Schaarbeek"},
    "territory": "21015",
    "themes": ["mental-health"],
    "published_on": "2025-06-01",
    "author": "Observatoire",
    "url": "https://example.org/diagnostic.pdf",
}


class TestDiagnostics:
    async def test_is_found_by_territory_theme_and_words_newest_first(
        self, directory: Any, client: Any, editor: Any, as_anonymous: Any, query_counter: Any
    ) -> None:
        await directory.has()
        older = {**DIAGNOSTIC, "title": {"fr": "Ancien"}, "published_on": "2020-01-01"}
        for one in (older, DIAGNOSTIC, {**DIAGNOSTIC, "territory": "21001", "themes": []}):
            made = await client.post(PATH, json=one, headers=editor())
            assert made.status_code == 201, made.text

        async def labels(query: str) -> list[str]:
            answer = await client.get(
                f"{PATH}?{query}", headers={**as_anonymous(), "Accept-Language": "nl"}
            )
            assert answer.status_code == 200, answer.text
            return [item["label"] for item in answer.json()["items"]]

        new = "Geestelijke gezondheid in Schaarbeek"
        assert await labels("territory=21015") == [new, "Ancien"]
        assert await labels("theme=mental-health&published_since=2024-01-01") == [new]
        assert await labels("q=SANTE%20mentale") == [new, new]
        with query_counter() as queries:
            first = (await client.get(f"{PATH}?limit=2", headers=as_anonymous())).json()
        assert queries.count <= 2
        rest = await client.get(
            f"{PATH}?limit=2&cursor={first['next_cursor']}", headers=as_anonymous()
        )
        assert [item["label"] for item in rest.json()["items"]] == ["Ancien"]
        unknown = await client.get(f"{PATH}?theme=mental-helth", headers=as_anonymous())
        assert unknown.json()["suggestions"][0] == "mental-health"

    async def test_is_kept_by_its_organization(
        self, directory: Any, client: Any, editor: Any, as_anonymous: Any
    ) -> None:
        await directory.has(directory.organization("other"))
        made = await client.post(PATH, json=DIAGNOSTIC, headers=editor())
        path, tag = made.headers["location"], made.headers["etag"]
        change = {**DIAGNOSTIC, "author": "Vivalis"}
        assert (await client.put(path, json=change, headers=editor())).status_code == 428
        foreign = await client.put(path, json=change, headers={**editor("other"), "If-Match": tag})
        assert foreign.json()["code"] == "not_your_organization"
        done = await client.put(path, json=change, headers={**editor(), "If-Match": tag})
        assert (done.json()["author"], done.json()["version"]) == ("Vivalis", 2)
        stale = await client.put(path, json=change, headers={**editor(), "If-Match": tag})
        assert stale.status_code == 412
        assert (await client.delete(path, headers=editor())).status_code == 204
        gone = await client.get(path, headers=as_anonymous())
        assert gone.json()["code"] == "diagnostic_not_found"
        bad = await client.post(PATH, json={**DIAGNOSTIC, "url": "javascript:x"}, headers=editor())
        assert bad.status_code == 422
