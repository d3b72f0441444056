import gzip
from typing import Any

import pytest
from services.campaigns.tests.lists import HEADER, csv_bytes, nth_number, nth_phone, person_row
from services.campaigns.tests.office import API, Office
from sqlalchemy import text

OTHER_PERSON = (nth_number(900), "Peeters", "Ann", nth_phone(1), "nl", "1000")


class TestPushList:
    async def test_answers_a_received_import(self, office: Office) -> None:
        campaign = await office.campaign()
        headers = {
            **office.back_office(),
            "Content-Type": "text/csv",
            "Content-Disposition": 'attachment; filename="liste.csv"',
        }
        answer = await office.client.post(
            f"{API}/campaigns/{campaign}/imports",
            headers=headers,
            content=csv_bytes([person_row(1)]),
        )
        assert answer.status_code == 201
        assert answer.json()["stage"] == "received"
        assert answer.json()["file_name"] == "liste.csv"
        assert answer.headers["location"] == f"{API}/imports/{answer.json()['id']}"

    async def test_the_same_bytes_are_the_same_import(self, office: Office) -> None:
        campaign = await office.campaign()
        data = csv_bytes([person_row(1)])
        first = await office.push(campaign, data)
        again = await office.push(campaign, data)
        assert (first.status_code, again.status_code) == (201, 200)
        assert again.json()["id"] == first.json()["id"]
        elsewhere = await office.push(await office.campaign(), data)
        assert elsewhere.json()["id"] != first.json()["id"]

    async def test_a_cancelled_list_can_be_pushed_again(self, office: Office) -> None:
        campaign = await office.campaign()
        data = csv_bytes([person_row(1)])
        first = await office.push(campaign, data)
        await office.decide(first.json()["id"], "cancel")
        again = await office.push(campaign, data)
        assert again.status_code == 201
        assert again.json()["id"] != first.json()["id"]

    async def test_takes_a_multipart_file(self, office: Office) -> None:
        campaign = await office.campaign()
        answer = await office.client.post(
            f"{API}/campaigns/{campaign}/imports",
            headers=office.back_office(),
            data={"comment": "x" * 5000},
            files={"file": ("liste.csv", csv_bytes([person_row(1)]), "text/csv")},
        )
        assert answer.status_code == 201, answer.text
        await office.run_jobs()
        held = await office.read_import(answer.json()["id"])
        assert (held["file_name"], held["counts"]["good"]) == ("liste.csv", 1)

    @pytest.mark.parametrize(
        ("content_type", "content", "status", "code"),
        [
            ("application/json", b"{}", 415, "not_a_list"),
            ("application/octet-stream", b"PK\x03\x04 as in a workbook", 415, "not_a_list"),
            ("text/csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 as in XLS", 415, "not_a_list"),
            ("text/csv", gzip.compress(csv_bytes([person_row(1)])), 415, "not_a_list"),
            ("text/csv", b"%PDF-1.7", 415, "not_a_list"),
            (
                "multipart/form-data; boundary=b",
                b'--b\r\nContent-Disposition: form-data; name="f"; filename="liste.xlsx"\r\n\r\n'
                b"PK\x03\x04 as in a workbook\r\n--b--\r\n",
                415,
                "not_a_list",
            ),
            ("text/csv", b"", 422, "empty_file"),
            ("multipart/form-data", b"x", 400, "malformed_multipart"),
            ("multipart/form-data; boundary=b", b"garbage", 400, "malformed_multipart"),
            (
                "multipart/form-data; boundary=b",
                b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--b--\r\n',
                400,
                "file_missing",
            ),
        ],
    )
    async def test_refuses_what_is_no_list(
        self, office: Office, content_type: str, content: bytes, status: int, code: str
    ) -> None:
        campaign = await office.campaign()
        headers = {**office.back_office(), "Content-Type": content_type}
        answer = await office.client.post(
            f"{API}/campaigns/{campaign}/imports", headers=headers, content=content
        )
        assert (answer.status_code, answer.json()["code"]) == (status, code)

    async def test_takes_lists_longer_than_other_bodies(self, office: Office) -> None:
        campaign = await office.campaign()
        rows = [person_row(n) for n in range(3)]
        padded = csv_bytes([(*row, "x" * 600_000) for row in rows], header=(*HEADER, "Note"))
        answer = await office.push(campaign, padded)
        assert answer.status_code == 201, answer.text

    async def test_refuses_lists_over_the_limit(
        self, office: Office, app: object, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        campaign = await office.campaign()
        settings = app.state.settings  # type: ignore[attr-defined]
        monkeypatch.setattr(settings, "max_import_bytes", 2000)
        answer = await office.push(campaign, b"x" * 3000)
        assert (answer.status_code, answer.json()["code"]) == (413, "file_too_large")

    async def test_refuses_an_unknown_or_ended_campaign(self, office: Office) -> None:
        unknown = await office.push("0b3d3f6e-0000-4000-8000-00000000dead", b"x")
        assert unknown.status_code == 404
        ended = await office.campaign(starts_on="2020-01-01", ends_on="2020-12-31")
        answer = await office.push(ended, csv_bytes([person_row(1)]))
        assert (answer.status_code, answer.json()["code"]) == (409, "campaign_closed")

    async def test_is_for_the_back_office_of_one_mutuality(self, office: Office) -> None:
        campaign = await office.campaign()
        data = csv_bytes([person_row(1)])
        for headers, code in (
            (office.counsellor(), "insufficient_scope"),
            (office.as_caller(scope="campaigns:lists"), "tenant_required"),
            (
                office.as_caller(scope="campaigns:lists campaigns:manage", tenant="mc"),
                "scopes_conflict",
            ),
        ):
            answer = await office.client.post(
                f"{API}/campaigns/{campaign}/imports",
                headers={**headers, "Content-Type": "text/csv"},
                content=data,
            )
            assert (answer.status_code, answer.json()["code"]) == (403, code)


class TestRowReport:
    async def test_names_row_column_code_and_says_it_in_three_languages(
        self, office: Office
    ) -> None:
        rows = [
            person_row(1),
            ("12345678901", "Martin", "Zoé", "0470/11.11.11", "fr", "1080"),
            (nth_number(3), "Martin", "Zoé", "12", "fr", "1080"),
            (nth_number(4), "", "", nth_phone(4), "klingon", "99"),
            ("8.8E+10", "Martin", "Zoé", nth_phone(5), "fr", "1080"),
            (*person_row(6), "trop"),
            ("", "Martin", "Zoé", nth_phone(7), "fr", "1080"),
        ]
        held = await office.compared(await office.campaign(), rows)
        found = {
            (item["row"], item["column"], item["code"]) for item in await office.issues(held["id"])
        }
        assert found == {
            (3, "A", "invalid-national-number"),
            (4, "D", "invalid-phone"),
            (4, None, "missing-phone"),
            (5, None, "missing-cell"),
            (5, "E", "unknown-language"),
            (5, "F", "invalid-postcode"),
            (6, "A", "excel-mangled"),
            (7, None, "extra-cell"),
            (8, None, "missing-identifier"),
        }
        first = (await office.issues(held["id"]))[0]
        assert first["label"] == "N° national"
        assert set(first["messages"]) == {"fr", "nl", "en"}
        assert held["counts"]["bad"] == 6
        assert held["counts"]["good"] == 1

    async def test_pages_are_stable_and_cursors_belong_to_their_query(self, office: Office) -> None:
        rows = [("1", "A", "B", nth_phone(n), "fr", "1080") for n in range(5)]
        held = await office.compared(await office.campaign(), rows)
        url = f"{API}/imports/{held['id']}/rows"
        seen: list[int] = []
        cursor = ""
        while True:
            page = await office.client.get(f"{url}?limit=2{cursor}", headers=office.back_office())
            seen += [item["row"] for item in page.json()["items"]]
            if page.json()["next_cursor"] is None:
                break
            cursor = f"&cursor={page.json()['next_cursor']}"
        assert seen == [2, 3, 4, 5, 6]
        other = await office.client.get(
            f"{url}?severity=error{cursor}", headers=office.back_office()
        )
        assert other.json()["code"] == "cursor_of_another_query"

    async def test_never_quotes_a_cell(self, office: Office) -> None:
        secret = "Zaphod-Beeblebrox-99"
        held = await office.compared(
            await office.campaign(), [(secret, secret, secret, secret, secret, secret)]
        )
        answer = await office.client.get(
            f"{API}/imports/{held['id']}/rows", headers=office.back_office()
        )
        assert answer.json()["items"]
        assert secret not in answer.text

    async def test_keeps_no_word_of_a_list_in_the_clear(self, office: Office, app: Any) -> None:
        campaign = await office.campaign()
        header = (*HEADER, "Critère", "Jean Dupont")
        first, second = ((*person_row(n), "jean-dupont-1974", "x") for n in range(2))
        await office.approved(campaign, [first], header=header)
        held = await office.compared(campaign, [first, second], header=header)
        assert (held["counts"]["same"], held["counts"]["new"]) == (1, 1)
        [issue] = await office.issues(held["id"])
        assert (issue["column"], issue["label"], issue["code"]) == ("H", None, "extra-label")
        async with app.state.database.write(system="retention", tenant="mc") as session:
            kept = [
                str(row).lower()
                for table in ("list_import", "import_row", "import_issue", "person", "call_case")
                for row in await (await session.connection()).execute(
                    text(f"SELECT t::text FROM {table} t")
                )
            ]
        assert len(kept) >= 6
        words = ("dupont", b"dupont".hex())
        assert [row for row in kept if any(word in row for word in words)] == []

    async def test_a_list_without_known_columns_fails_and_says_what_is_missing(
        self, office: Office
    ) -> None:
        held = await office.compared(
            await office.campaign(), [("a", "b")], header=("Couleur", "Nom")
        )
        assert (held["stage"], held["failure_code"]) == ("failed", "missing-label")
        assert held["missing_columns"] == ["national_number|external_id", "phone"]

    @pytest.mark.parametrize(
        ("encoding", "delimiter"),
        [("utf-8", ","), ("utf-8-sig", ";"), ("utf-16", "\t"), ("iso-8859-1", "|")],
    )
    async def test_reads_lists_as_back_offices_write_them(
        self, office: Office, encoding: str, delimiter: str
    ) -> None:
        campaign = await office.campaign()
        await office.approved(campaign, [person_row(1)], encoding=encoding, delimiter=delimiter)
        lease = await office.lease(campaign)
        assert lease["person"]["first_name"] == "Émile"


class TestDuplicatesAndObjections:
    async def test_the_same_person_or_phone_goes_in_once(self, office: Office) -> None:
        rows = [person_row(1), person_row(1), OTHER_PERSON]
        held = await office.compared(await office.campaign(), rows)
        found = {(item["row"], item["code"]) for item in await office.issues(held["id"])}
        assert found == {(3, "duplicate-row"), (4, "duplicate-phone")}
        assert held["counts"]["good"] == 1
        assert held["counts"]["duplicate"] == 2

    async def test_a_later_list_shows_new_changed_same(self, office: Office) -> None:
        campaign = await office.campaign()
        await office.approved(campaign, [person_row(1), person_row(2), person_row(5)])
        later = [
            person_row(5),
            person_row(2, language="arabe"),
            person_row(3),
            OTHER_PERSON,
        ]
        held = await office.compared(campaign, later)
        assert {name: held["counts"][name] for name in ("new", "changed", "same", "duplicate")} == {
            "new": 1,
            "changed": 1,
            "same": 1,
            "duplicate": 1,
        }
        codes = [item["code"] for item in await office.issues(held["id"])]
        assert codes == ["duplicate-phone-in-campaign"]

    async def test_who_objected_is_kept_out(self, office: Office) -> None:
        campaign = await office.campaign()
        await office.client.post(
            f"{API}/objections",
            headers=office.back_office(),
            json={"scope": "all", "phone": nth_phone(2)},
        )
        held = await office.compared(campaign, [person_row(1), person_row(2)])
        assert [item["code"] for item in await office.issues(held["id"])] == ["objection"]
        assert (held["counts"]["good"], held["counts"]["objection"]) == (1, 1)

    async def test_do_not_call_becomes_a_lasting_objection(self, office: Office) -> None:
        campaign = await office.campaign()
        header = (*HEADER, "Ne pas appeler")
        await office.approved(
            campaign, [(*person_row(1), "oui"), (*person_row(2), "")], header=header
        )
        await office.lease(campaign)
        nobody = await office.ask_lease(campaign)
        assert nobody.status_code == 200
        elsewhere = await office.compared(await office.campaign(), [person_row(1)])
        assert [i["code"] for i in await office.issues(elsewhere["id"])] == ["objection"]

    async def test_a_later_list_does_not_undo_what_a_counsellor_recorded(
        self, office: Office
    ) -> None:
        campaign = await office.calling(1)
        lease = await office.lease(campaign)
        await office.attempt(lease, "no_answer", languages_heard=["tr"])
        await office.approved(campaign, [person_row(0, language="néerlandais")])
        nobody = await office.ask_lease(campaign, languages=["nl"])
        assert nobody.json()["reasons"] == [{"reason": "language", "count": 1}]


class TestDecision:
    async def test_good_rows_go_in(self, office: Office) -> None:
        held = await office.approved(await office.campaign(), [person_row(n) for n in range(3)])
        assert held["stage"] == "done"
        assert held["done_at"] is not None

    async def test_many_bad_rows_need_a_confirmation(self, office: Office) -> None:
        rows = [person_row(1), ("1", "A", "B", nth_phone(2), "fr", "1080")]
        held = await office.compared(await office.campaign(), rows)
        assert held["confirmation_required"]
        refused = await office.decide(held["id"], "approve")
        assert (refused.status_code, refused.json()["code"]) == (409, "confirmation_required")
        confirmed = await office.decide(held["id"], "approve", confirm_bad_rows=True)
        assert confirmed.status_code == 200

    async def test_nothing_is_decided_too_early_or_too_late(self, office: Office) -> None:
        campaign = await office.campaign()
        pushed = await office.push(campaign, csv_bytes([person_row(1)]))
        early = await office.decide(pushed.json()["id"], "approve")
        assert early.json()["code"] == "import_not_awaiting_approval"
        done = await office.approved(campaign, [person_row(2)])
        assert (await office.decide(done["id"], "approve")).status_code == 200
        late = await office.decide(done["id"], "cancel")
        assert (late.status_code, late.json()["code"]) == (409, "import_not_awaiting_approval")

    async def test_refuses_a_decision_that_is_none(self, office: Office) -> None:
        held = await office.compared(await office.campaign(), [person_row(1)])
        answer = await office.decide(held["id"], "perhaps", note="x")
        assert answer.status_code == 422
        assert {error["pointer"] for error in answer.json()["errors"]} == {"/decision", "/note"}
