"""Nobody sees another mutuality's people, and the back office sees nothing of what was said."""

import json

import pytest
from services.campaigns.tests.lists import person_row
from services.campaigns.tests.office import API, ORIENTATION, Office

SAID = ("housing", "waiting_list", "needs", "obstacle", "orientation", "card_code", "answer")


async def test_another_mutuality_cannot_tell_that_there_is_something(office: Office) -> None:
    campaign = await office.calling(3)
    held = await office.compared(campaign, [person_row(9)])
    lease = await office.lease(campaign)
    nothing = "0b3d3f6e-0000-4000-8000-00000000dead"

    async def bytes_of(method: str, path: str, headers: dict[str, str], body: object) -> object:
        answer = await office.client.request(method, f"{API}{path}", headers=headers, json=body)
        document = answer.json()
        document.pop("trace_id", None)
        return answer.status_code, document

    token = {"fencing_token": lease["fencing_token"]}
    office_b, counsellor_b = office.back_office("solidaris"), office.counsellor("solidaris")
    for method, path, headers, body, there in (
        ("GET", "/imports/{id}", office_b, None, held["id"]),
        ("GET", "/imports/{id}/rows", office_b, None, held["id"]),
        ("POST", "/imports/{id}/decision", office_b, {"decision": "approve"}, held["id"]),
        ("GET", "/leases/{id}", counsellor_b, None, lease["id"]),
        ("POST", "/leases/{id}/release", counsellor_b, token, lease["id"]),
        ("POST", "/leases/{id}/extension", counsellor_b, token, lease["id"]),
    ):
        seen = await bytes_of(method, path.format(id=there), headers, body)
        absent = await bytes_of(method, path.format(id=nothing), headers, body)
        assert seen == absent
        assert seen[0] == 404  # type: ignore[index]
    nobody = await office.ask_lease(campaign, counsellor_b)
    assert nobody.json() == {"reasons": [], "next_due_at": None}


async def test_the_same_person_on_two_lists_is_two_people(office: Office) -> None:
    campaign = await office.campaign()
    for tenant in ("mc", "solidaris"):
        await office.approved(campaign, [person_row(1)], tenant=tenant)
    await office.client.post(
        f"{API}/objections",
        headers=office.back_office("mc"),
        json={"scope": "all", "national_number": person_row(1)[0]},
    )
    assert (await office.ask_lease(campaign)).status_code == 200
    await office.lease(campaign, office.counsellor("solidaris"))


@pytest.mark.parametrize(
    "path",
    ["/campaigns/{campaign}/progress", "/contactability", "/imports/{import_id}"],
)
async def test_the_back_office_learns_nothing_of_what_was_said(office: Office, path: str) -> None:
    campaign = await office.campaign()
    held = await office.approved(campaign, [person_row(1), person_row(2)])
    lease = await office.lease(campaign)
    await office.attempt(
        lease,
        "moved_away",
        needs=["housing"],
        obstacles=[{"code": "waiting_list", "need": "housing"}],
        orientation=ORIENTATION,
    )
    answer = await office.client.get(
        f"{API}{path}".format(campaign=campaign, import_id=held["id"]),
        headers=office.back_office(),
    )
    assert answer.status_code == 200
    for word in SAID:
        assert word not in answer.text
    assert lease["person"]["last_name"] not in answer.text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/leases"),
        ("GET", "/leases/{id}"),
        ("POST", "/leases/{id}/attempts"),
        ("POST", "/leases/{id}/extension"),
        ("POST", "/leases/{id}/release"),
        ("GET", "/callbacks"),
    ],
)
async def test_calls_are_closed_to_the_back_office(office: Office, method: str, path: str) -> None:
    url = f"{API}{path}".format(id="0b3d3f6e-0000-4000-8000-00000000dead")
    answer = await office.client.request(method, url, headers=office.back_office(), json={})
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/imports/{id}"),
        ("GET", "/imports/{id}/rows"),
        ("POST", "/imports/{id}/decision"),
        ("GET", "/campaigns/{id}/progress"),
        ("GET", "/contactability"),
        ("GET", "/campaigns/{id}/report"),
        ("POST", "/tables"),
    ],
)
async def test_lists_and_reports_are_closed_to_counsellors(
    office: Office, method: str, path: str
) -> None:
    url = f"{API}{path}".format(id="0b3d3f6e-0000-4000-8000-00000000dead")
    answer = await office.client.request(method, url, headers=office.counsellor(), json={})
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


async def test_contactability_names_the_row_and_the_reason(office: Office) -> None:
    campaign = await office.calling(2)
    moved = await office.lease(campaign)
    await office.attempt(moved, "moved_away")
    lost = await office.lease(campaign)
    await office.attempt(lost, "wrong_number")
    answer = await office.client.get(f"{API}/contactability", headers=office.back_office())
    found = [(item["row"], item["reason"]) for item in answer.json()["items"]]
    assert found == [(2, "moved"), (3, "wrong_number")]
    other = await office.client.get(f"{API}/contactability", headers=office.back_office("lm"))
    assert json.loads(other.text)["items"] == []
