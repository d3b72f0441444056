"""`/directory/v1/enquiries`: a question to a territory's desk, without a person."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from maillage_common.clock import frozen_time
from maillage_directory import jobs

PATH = "/directory/v1/enquiries"
ENQUIRY = {
    "need": "dental",
    "territory": "21003",
    "constraints": {"conditions": ["no_insurance"], "spoken": ["ln"], "urgency": "this_week"},
}


@pytest.fixture
async def desks(directory: Any) -> Any:
    """`host` asks; `team` is at work in the basin Nord, `far` elsewhere, `region` everywhere."""
    await directory.has(
        *(directory.organization(name) for name in ("team", "far", "region")),
        directory.service("dentist"),
        directory.service("pro", visibility="professional"),
        directory.service("hidden", of="far", visibility="own"),
    )
    for name, territory in (("team", "nord"), ("far", "sud"), ("region", "bru")):
        await directory.loads(
            {
                "type": "coverage",
                "program": "CPPS",
                "organization": str(directory.id("organization", name)),
                "territory": territory,
                "role": "team",
            }
        )
    return directory


@pytest.fixture
def ask(desks: Any, client: Any, editor: Any) -> Any:
    async def run(**fields: Any) -> Any:
        answer = await client.post(PATH, json={**ENQUIRY, **fields}, headers=editor())
        assert answer.status_code == 201, answer.text
        return answer.json()

    return run


class TestEnquiries:
    async def test_the_desk_gives_services_back(
        self, desks: Any, ask: Any, client: Any, editor: Any, query_counter: Any
    ) -> None:
        path = f"{PATH}/{(await ask())['id']}"
        services = [str(desks.id("service", name)) for name in ("pro", "dentist")]
        mine = await client.post(f"{path}/answer", json={"services": services}, headers=editor())
        assert mine.json()["code"] == "not_your_enquiry"
        hidden = {"services": [str(desks.id("service", "hidden"))]}
        unknown = await client.post(f"{path}/answer", json=hidden, headers=editor("team"))
        assert unknown.json()["errors"][0]["code"] == "unknown_service"
        done = await client.post(
            f"{path}/answer", json={"services": services}, headers=editor("team")
        )
        assert done.status_code == 200, done.text
        read = (await client.get(path, headers=editor())).json()
        assert read["state"] == "answered"
        assert read["answered_by"] == str(desks.id("organization", "team"))
        assert [one["label"] for one in read["services"]] == ["pro", "dentist"]
        again = await client.post(f"{path}/answer", json={}, headers=editor("team"))
        assert (again.status_code, again.json()["code"]) == (409, "enquiry_closed")
        with query_counter() as queries:
            await client.get(PATH, headers=editor())
        assert queries.count <= 3

    async def test_an_answer_names_only_what_the_asker_may_see(
        self, desks: Any, ask: Any, client: Any, editor: Any
    ) -> None:
        await desks.loads(
            desks.service("own", of="team", visibility="own"),
            desks.service("local", of="far", visibility="network", network="nord"),
            desks.service("asker's", visibility="own"),
        )
        path = f"{PATH}/{(await ask())['id']}/answer"
        names = ("own", "dentist", "local", "asker's")
        services = [str(desks.id("service", name)) for name in names]
        refused = await client.post(path, json={"services": services}, headers=editor("team"))
        assert refused.status_code == 422
        assert [(fault["pointer"], fault["code"]) for fault in refused.json()["errors"]] == [
            ("/services/0", "unseen_by_asker"),
            ("/services/2", "unseen_by_asker"),
            ("/services/3", "unknown_service"),
        ]

    async def test_no_answer_is_noted_as_a_gap(
        self, ask: Any, client: Any, editor: Any, as_anonymous: Any
    ) -> None:
        path = f"{PATH}/{(await ask())['id']}"
        done = await client.post(f"{path}/answer", json={"services": []}, headers=editor("team"))
        assert done.json()["outcome"] == "none_found"
        counts = await client.get("/directory/v1/observations/counts", headers=as_anonymous())
        (gap,) = counts.json()["items"]
        assert (gap["kind"], gap["need"], gap["territory"]) == ("gap", "dental", "21003")

    async def test_is_seen_by_who_asked_and_by_the_desk_alone(
        self, ask: Any, client: Any, editor: Any, admin: Any, professional: Any, as_anonymous: Any
    ) -> None:
        path = f"{PATH}/{(await ask())['id']}"
        for headers, sees in (
            (editor(), True),
            (editor("team"), True),
            (admin, True),
            (editor("far"), False),
            (editor("region"), False),
            (professional, False),
        ):
            one = await client.get(path, headers=headers)
            assert one.status_code == (200 if sees else 404)
            listed = await client.get(PATH, headers=headers)
            assert bool(listed.json()["items"]) is sees
        assert (await client.get(path, headers=as_anonymous())).status_code == 403

    async def test_may_be_withdrawn_by_who_asked(self, ask: Any, client: Any, editor: Any) -> None:
        path = f"{PATH}/{(await ask())['id']}"
        foreign = await client.post(f"{path}/withdrawal", headers=editor("team"))
        assert foreign.json()["code"] == "not_your_enquiry"
        done = await client.post(f"{path}/withdrawal", headers=editor())
        assert done.json()["state"] == "withdrawn"
        late = await client.post(f"{path}/answer", json={}, headers=editor("team"))
        assert late.json()["code"] == "enquiry_closed"

    async def test_is_erased_half_a_year_after_it_was_asked(
        self, desks: Any, ask: Any, client: Any, editor: Any
    ) -> None:
        jobs.queue.database = desks.database
        answered, _ = await ask(), await ask(need="housing")
        await client.post(f"{PATH}/{answered['id']}/answer", json={}, headers=editor("team"))
        for days, kept in ((180, 2), (185, 0)):
            with frozen_time(datetime.now(UTC) + timedelta(days=days)):
                await jobs.erase_old_enquiries()
            assert len((await client.get(PATH, headers=editor())).json()["items"]) == kept
        gaps = await client.get("/directory/v1/observations", headers=editor())
        assert [one["need"] for one in gaps.json()["items"]] == ["dental"]

    async def test_filters_and_pages(self, ask: Any, client: Any, editor: Any) -> None:
        for territory in ("21003", "nord", "21001"):
            await ask(territory=territory)

        async def territories(query: str) -> list[str]:
            answer = await client.get(f"{PATH}?{query}", headers=editor())
            return [item["territory"] for item in answer.json()["items"]]

        assert await territories("territory=nord") == ["nord", "21003"]
        assert await territories("need=housing") == []
        assert await territories("state=open&need=dental") == ["21001", "nord", "21003"]
        first = (await client.get(f"{PATH}?limit=2", headers=editor())).json()
        assert await territories(f"limit=2&cursor={first['next_cursor']}") == ["21003"]

    async def test_takes_no_words_about_a_person(
        self, desks: Any, client: Any, editor: Any
    ) -> None:
        worded: list[dict[str, Any]] = [
            {"note": "Madame X"},
            {"constraints": {"words": "Madame X"}},
            {"constraints": {"conditions": ["Madame X"]}},
            {"constraints": {"spoken": ["Madame X"]}},
            {"constraints": {"age": 83}},
            {"constraints": {"urgency": "Madame X"}},
            {"constraints": {"spoken": ["ar", "ar"]}},
            {"constraints": {"conditions": ["insured", "no_insurance"]}},
        ]
        for fields in worded:
            answer = await client.post(PATH, json={**ENQUIRY, **fields}, headers=editor())
            assert answer.status_code == 422
            assert "Madame" not in answer.text

    async def test_asks_a_desk_that_there_is(
        self, desks: Any, client: Any, editor: Any, professional: Any
    ) -> None:
        for territory in ("bru", "1080"):
            answer = await client.post(
                PATH, json={**ENQUIRY, "territory": territory}, headers=editor()
            )
            assert answer.json()["errors"][0]["code"] == "no_desk"
        nobody = await client.post(PATH, json=ENQUIRY, headers=professional)
        assert nobody.json()["code"] == "organization_not_named"
