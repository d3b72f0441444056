import asyncio
import gzip
from functools import partial

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

SCOPE = {"sub": "amina", "scope": "sample:write", "tenant": "mc"}


def rows(database, statement: str):
    with psycopg.connect(_plain(database.owner_url)) as connection:
        return connection.execute(statement).fetchall()


def _plain(url: str) -> str:
    """As psycopg reads it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


class TestAuthentication:
    async def test_without_internal_token_answers_401(self, client):
        answer = await client.get("/sample/v1/notes")
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "invalid_token"

    async def test_unknown_path_without_token_answers_401_too(self, client):
        assert (await client.get("/nowhere")).status_code == 401

    async def test_wrong_scope_answers_403(self, client, as_caller):
        answer = await client.get("/sample/v1/notes", headers=as_caller(sub="a", scope="other"))
        assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")

    async def test_a_machine_is_not_an_individual(self, client, as_caller):
        headers = as_caller(sub="app", client_id="app", scope="sample:write")
        answer = await client.get("/sample/v1/me", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "individual_required")


class TestTransactions:
    async def test_writes_and_reads_within_its_tenant_only(self, client, as_caller):
        made = await client.post(
            "/sample/v1/notes", json={"words": "a"}, headers=as_caller(**SCOPE)
        )
        assert made.status_code == 201
        own = await client.get("/sample/v1/notes", headers=as_caller(**SCOPE))
        other = await client.get(
            "/sample/v1/notes", headers=as_caller(sub="b", scope="sample:write", tenant="sol")
        )
        assert [len(own.json()["items"]), len(other.json()["items"])] == [1, 0]

    async def test_a_refusal_leaves_nothing(self, client, as_caller, database):
        answer = await client.post(
            "/sample/v1/notes", json={"words": "a", "refuse": True}, headers=as_caller(**SCOPE)
        )
        assert answer.status_code == 409
        assert rows(database, "SELECT * FROM audit_entry") == []
        listed = await client.get("/sample/v1/notes", headers=as_caller(**SCOPE))
        assert listed.json()["items"] == []

    async def test_a_denial_is_audited_although_the_rest_is_rolled_back(
        self, client, as_caller, database
    ):
        answer = await client.patch(
            "/sample/v1/notes/018f0000-0000-7000-8000-000000000000",
            json={"words": "x"},
            headers=as_caller(**SCOPE),
        )
        assert answer.status_code == 404
        assert rows(database, "SELECT decision, actor_subject FROM audit_entry") == [
            ("denied", "amina")
        ]

    async def test_the_application_cannot_change_the_audit_trail(self, client, as_caller, database):
        await client.post("/sample/v1/notes", json={"words": "a"}, headers=as_caller(**SCOPE))
        url = make_url(database.app_url).set(drivername="postgresql")
        connection = psycopg.connect(url.render_as_string(hide_password=False))
        with connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM audit_entry")


class TestBadInput:
    @pytest.mark.parametrize(
        ("body", "status", "code"),
        [
            (b"{", 400, "malformed_json"),
            (b'{"words": "\xff"}', 400, "malformed_json"),
            (b"[]", 422, "validation_failed"),
            (b'{"words": "a", "words": "b"}', 400, "duplicate_member"),
            (b'{"words": "a", "more": [{"b": 1, "b": 1}]}', 400, "duplicate_member"),
            (b'{"words": 3}', 422, "validation_failed"),
            (b'{"words": "a", "colour": 1}', 422, "validation_failed"),
            (b'{"words": "a\\u0000b"}', 422, "unrepresentable_value"),
            (b'{"words": "' + b"x" * 2**21 + b'"}', 413, "too_large"),
        ],
    )
    async def test_is_a_problem_with_a_stable_code(self, client, as_caller, body, status, code):
        headers = as_caller(**SCOPE) | {"Content-Type": "application/json"}
        answer = await client.post("/sample/v1/notes", content=body, headers=headers)
        assert answer.headers["content-type"] == "application/problem+json"
        assert (answer.status_code, answer.json()["code"]) == (status, code)

    async def test_oversize_without_length_is_cut(self, client, as_caller):
        async def chunks():
            for _ in range(40):
                yield b"x" * 2**16

        headers = as_caller(**SCOPE) | {"Content-Type": "application/json"}
        answer = await client.post("/sample/v1/notes", content=chunks(), headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")

    async def test_an_unknown_field_is_pointed_at_without_its_value(self, client, as_caller):
        answer = await client.post(
            "/sample/v1/notes", json={"words": "a", "colour": "secret"}, headers=as_caller(**SCOPE)
        )
        assert answer.json()["errors"] == [
            {
                "pointer": "/colour",
                "code": "extra_forbidden",
                "detail": "Extra inputs are not permitted",
            }
        ]
        assert "secret" not in answer.text

    async def test_an_unknown_parameter_is_refused_and_told(self, client, as_caller):
        answer = await client.get("/sample/v1/notes?p=1", headers=as_caller(**SCOPE))
        assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
        assert answer.json()["errors"][0]["parameter"] == "p"
        assert answer.json()["detail"] == "Parameters that this route takes: q."

    @pytest.mark.parametrize("media_type", ["text/plain", "", "application/jsonp"])
    async def test_another_media_type_answers_415(self, client, as_caller, media_type):
        headers = as_caller(**SCOPE) | {"Content-Type": media_type}
        answer = await client.post("/sample/v1/notes", content=b'{"words": "a"}', headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")

    @pytest.mark.parametrize("coding", ["gzip", "br", "identity, gzip"])
    async def test_a_packed_body_answers_415_and_tells_what_is_taken(
        self, client, as_caller, coding
    ):
        headers = as_caller(**SCOPE) | {
            "Content-Type": "application/json",
            "Content-Encoding": coding,
        }
        packed = gzip.compress(b'{"words": "a"}')
        answer = await client.post("/sample/v1/notes", content=packed, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_content_encoding")
        assert answer.headers["accept-encoding"] == "identity"

    async def test_a_body_that_says_it_is_not_packed_is_read(self, client, as_caller):
        headers = as_caller(**SCOPE) | {"Content-Encoding": "Identity"}
        answer = await client.post("/sample/v1/notes", json={"words": "a"}, headers=headers)
        assert answer.status_code == 201

    async def test_unknown_path_and_method(self, client, as_caller):
        gone = await client.get("/sample/v1/nowhere", headers=as_caller(**SCOPE))
        assert (gone.status_code, gone.json()["code"]) == (404, "not_found")
        wrong = await client.delete("/sample/v1/notes", headers=as_caller(**SCOPE))
        assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")
        assert wrong.headers["allow"] == "GET, HEAD, POST"


class TestIdempotencyKey:
    async def test_same_key_and_body_give_the_first_answer_and_one_effect(self, client, as_caller):
        headers = as_caller(**SCOPE) | {"Idempotency-Key": "k1"}
        first = await client.post("/sample/v1/notes", json={"words": "a"}, headers=headers)
        again = await client.post("/sample/v1/notes", json={"words": "a"}, headers=headers)
        assert (first.status_code, again.status_code) == (201, 201)
        assert first.json() == again.json()
        assert again.headers["idempotency-replayed"] == "true"
        listed = await client.get("/sample/v1/notes", headers=as_caller(**SCOPE))
        assert len(listed.json()["items"]) == 1

    async def test_same_key_other_body_answers_409(self, client, as_caller):
        headers = as_caller(**SCOPE) | {"Idempotency-Key": "k1"}
        await client.post("/sample/v1/notes", json={"words": "a"}, headers=headers)
        answer = await client.post("/sample/v1/notes", json={"words": "b"}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_key_reused")

    async def test_concurrent_twins_have_one_effect(self, client, as_caller):
        headers = as_caller(**SCOPE) | {"Idempotency-Key": "k1"}
        answers = await asyncio.gather(
            *(
                client.post("/sample/v1/notes", json={"words": "a"}, headers=headers)
                for _ in range(8)
            )
        )
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.json()["id"] for answer in answers}) == 1

    async def test_a_refused_request_does_not_use_up_its_key(self, client, as_caller):
        headers = as_caller(**SCOPE) | {"Idempotency-Key": "k1"}
        body = {"words": "a", "refuse": True}
        for _ in range(2):
            answer = await client.post("/sample/v1/notes", json=body, headers=headers)
            assert answer.status_code == 409
            assert answer.json()["code"] == "refused"

    async def test_another_caller_with_the_same_key_is_another_request(self, client, as_caller):
        one = as_caller(**SCOPE) | {"Idempotency-Key": "k1"}
        two = as_caller(**{**SCOPE, "tenant": "sol"}) | {"Idempotency-Key": "k1"}
        first = await client.post("/sample/v1/notes", json={"words": "a"}, headers=one)
        second = await client.post("/sample/v1/notes", json={"words": "a"}, headers=two)
        assert first.json()["id"] != second.json()["id"]

    async def test_the_stored_answer_cannot_be_read_from_the_database(
        self, client, as_caller, database
    ):
        headers = as_caller(**SCOPE) | {"Idempotency-Key": "k1"}
        await client.post("/sample/v1/notes", json={"words": "plainwords"}, headers=headers)
        ((answer,),) = rows(database, "SELECT answer FROM idempotency_key")
        assert b"plainwords" not in bytes(answer)

    @pytest.mark.parametrize("key", ["", "x" * 256])
    async def test_an_unusable_key_is_refused(self, client, as_caller, key):
        headers = as_caller(**SCOPE) | {"Idempotency-Key": key}
        answer = await client.post("/sample/v1/notes", json={"words": "a"}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_idempotency_key")


class TestPreconditions:
    async def test_a_change_needs_the_version_that_was_read(self, client, as_caller):
        headers = as_caller(**SCOPE)
        made = await client.post("/sample/v1/notes", json={"words": "a"}, headers=headers)
        path = f"/sample/v1/notes/{made.json()['id']}"
        without = await client.patch(path, json={"words": "b"}, headers=headers)
        assert (without.status_code, without.json()["code"]) == (428, "precondition_required")
        right = await client.patch(path, json={"words": "b"}, headers=headers | {"If-Match": '"1"'})
        assert (right.status_code, right.headers["etag"]) == (200, '"2"')
        stale = await client.patch(path, json={"words": "c"}, headers=headers | {"If-Match": '"1"'})
        assert (stale.status_code, stale.json()["code"]) == (412, "stale")

    async def test_a_read_is_not_sent_again_to_who_holds_it(self, client, as_caller):
        headers = as_caller(**SCOPE)
        made = await client.post("/sample/v1/notes", json={"words": "a"}, headers=headers)
        path = f"/sample/v1/notes/{made.json()['id']}"
        read = await client.get(path, headers=headers | {"If-None-Match": '"0"'})
        assert (read.status_code, read.json()) == (200, made.json())
        for held in ('"1"', 'W/"1"', '"0", "1"', "*"):
            again = await client.get(path, headers=headers | {"If-None-Match": held})
            assert (again.status_code, again.content) == (304, b"")
            assert (again.headers["etag"], again.headers["vary"]) == ('"1"', "Accept-Language")
        tags = {"If-Match": '"1"', "If-None-Match": '"2"'}
        changed = await client.patch(path, json={"words": "b"}, headers=headers | tags)
        assert (changed.status_code, changed.json()["words"]) == (200, "b")


class TestHead:
    async def test_gives_the_headers_of_a_read_without_its_body(self, client, as_caller):
        headers = as_caller(**SCOPE)
        made = await client.post("/sample/v1/notes", json={"words": "a"}, headers=headers)
        path = f"/sample/v1/notes/{made.json()['id']}"
        read, head = [await client.request(m, path, headers=headers) for m in ("GET", "HEAD")]
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers == read.headers
        held = await client.head(path, headers=headers | {"If-None-Match": '"1"'})
        assert (held.status_code, held.headers["etag"]) == (304, '"1"')
        gone = await client.head("/sample/v1/nowhere", headers=headers)
        assert (gone.status_code, (await client.head("/health/live")).status_code) == (404, 200)

    async def test_begins_no_stream_and_audits_as_a_read(self, client, as_caller, app, database):
        head = await client.head("/sample/v1/stream", headers=as_caller(**SCOPE))
        assert (head.status_code, head.headers["etag"]) == (200, '"1"')
        assert not hasattr(app.state, "begun")
        assert rows(database, "SELECT event FROM audit_entry") == [("notes_read",)]
        await client.get("/sample/v1/stream", headers=as_caller(**SCOPE))
        assert app.state.begun

    async def test_is_logged_as_what_it_was(self, client, as_caller, caplog):
        with caplog.at_level("INFO", "maillage"):
            await client.head("/sample/v1/notes", headers=as_caller(**SCOPE))
        facts = [record.facts for record in caplog.records if record.event_code == "COM001"]
        assert [(one["method"], one["route"]) for one in facts] == [("HEAD", "/sample/v1/notes")]


class TestUnexpectedErrors:
    async def test_answer_500_without_their_message(self, client, as_caller, app, caplog):
        app.middleware_stack = None
        app.user_middleware[0].kwargs["environment"] = "production"
        answer = await client.get("/sample/v1/boom", headers=as_caller(**SCOPE))
        assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
        assert "Amina" not in answer.text
        assert "Amina" not in caplog.text
        (facts,) = (r.facts for r in caplog.records if r.event_code == "COM002")
        place = facts["raised_at"]
        assert place.startswith("maillage_sample.main:")
        assert facts == {"error_type": "RuntimeError", "raised_at": place, "called_at": place}

    async def test_in_a_library_tell_the_cause_and_the_last_place_of_ours(
        self, client, as_caller, app, database, caplog
    ):
        app.middleware_stack = None
        app.user_middleware[0].kwargs["environment"] = "production"
        with psycopg.connect(_plain(database.owner_url)) as connection:
            connection.execute("DROP TABLE idempotency_key")
        headers = {**as_caller(**SCOPE), "Idempotency-Key": "k"}
        answer = await client.post("/sample/v1/notes", json={"words": "w"}, headers=headers)
        assert answer.status_code == 500
        (facts,) = (r.facts for r in caplog.records if r.event_code == "COM002")
        assert (facts["error_type"], facts["cause_type"]) == ("ProgrammingError", "UndefinedTable")
        assert facts["raised_at"].startswith("psycopg")
        assert facts["called_at"].startswith("maillage_common.idempotency:")


class TestDatabaseGone:
    @pytest.mark.parametrize("how", ["pg_cancel_backend", "pg_terminate_backend"])
    @pytest.mark.parametrize("table", ["idempotency_key", "note", "procrastinate_jobs"])
    async def test_within_any_statement_is_a_503_and_the_same_again_goes_well(
        self, client, as_caller, database, administrator, table, how
    ):
        send = partial(
            client.post,
            "/sample/v1/notes",
            json={"words": "kept", "shout": True},
            headers={**as_caller(**SCOPE), "Idempotency-Key": "k"},
        )
        with psycopg.connect(_plain(database.owner_url)) as other:
            other.execute(f"LOCK TABLE {table}")
            asked = asyncio.create_task(send())
            end = (
                f"SELECT {how}(pid) FROM pg_stat_activity"
                " WHERE datname = %s AND wait_event_type = 'Lock'"
            )
            while not administrator.execute(end, [database.name]).fetchall():
                await asyncio.sleep(0.01)
            answer = await asked
        assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        assert (await send()).status_code == 201

    async def test_standing_by_as_in_a_failover_is_a_503(self, client, as_caller, app):
        async with app.state.database.read() as session:
            # Of the connection, the pool's one, which the request is then given.
            await session.exec(text("SET default_transaction_read_only = on"))
        answer = await client.post(
            "/sample/v1/notes", json={"words": "w"}, headers=as_caller(**SCOPE)
        )
        assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")


class TestHealth:
    async def test_is_open_and_knows_the_schema(self, client):
        assert (await client.get("/health/live")).json() == {"status": "ok"}
        assert (await client.get("/health/ready")).status_code == 200

    async def test_is_not_ready_before_migration(self, client, database):
        with psycopg.connect(_plain(database.owner_url)) as connection:
            connection.execute("DELETE FROM alembic_version")
        answer = await client.get("/health/ready")
        assert (answer.status_code, answer.json()["code"]) == (503, "not_migrated")

    async def test_is_ready_on_a_database_that_is_ahead(self, client, database):
        with psycopg.connect(_plain(database.owner_url)) as connection:
            connection.execute("UPDATE alembic_version SET version_num = 'newer'")
        assert (await client.get("/health/ready")).status_code == 200


class TestJobs:
    async def test_a_job_exists_only_if_its_cause_was_committed(
        self, client, as_caller, run_jobs, database
    ):
        await client.post(
            "/sample/v1/notes",
            json={"words": "lost", "shout": True, "refuse": True},
            headers=as_caller(**SCOPE),
        )
        for words in ("kept", "twin"):  # the second is dropped by `once`, its note is not
            await client.post(
                "/sample/v1/notes", json={"words": words, "shout": True}, headers=as_caller(**SCOPE)
            )
        await run_jobs()
        listed = await client.get("/sample/v1/notes", headers=as_caller(**SCOPE))
        assert [item["words"] for item in listed.json()["items"]] == ["KEPT", "kept", "twin"]

    async def test_a_dead_letter_is_counted(self, client, as_caller, app, run_jobs, caplog):
        from maillage_common.jobs import defer

        async with app.state.database.write(system="clock") as session:
            await defer(session, "stumble")
        await run_jobs()
        status = await client.get("/sample/v1/status", headers=as_caller(sub="o", scope="ops:read"))
        assert {"task": "stumble", "waiting": 0, "running": 0, "dead": 1} in status.json()["queues"]
        assert [record.event_code for record in caplog.records if record.levelname == "ERROR"] == [
            "COM007"
        ]
        assert "Amina" not in caplog.text
