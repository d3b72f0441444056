"""Saved searches and their webhooks: who is told what, and where it may go."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from maillage_common import migrations
from maillage_common.audit import SystemReason
from maillage_common.webhooks import InvalidWebhookSignature, verify
from maillage_directory import jobs
from maillage_directory.models import Visibility
from maillage_directory.settings import Settings
from maillage_directory.webhooks.addresses import url_fault
from maillage_directory.webhooks.transport import ForbiddenAddress, PublicTransport

WEBHOOKS, SAVED = "/directory/v1/webhooks", "/directory/v1/saved-searches"


class Endpoint:
    """What an application's endpoint receives."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.status = 204

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.requests.append(request)
        return httpx.Response(self.status)

    def told(self, secret: str) -> list[set[str]]:
        """The ids in each message, as they came."""
        return [ids for _, ids in self.events(secret)]

    def events(self, secret: str) -> list[tuple[str, set[str]]]:
        told = [verify(r.content, r.headers, secret) for r in self.requests]
        self.requests.clear()
        return [
            (
                event["type"].removeprefix("saved_search."),
                {one["id"] for one in event["data"]["services"]},
            )
            for event in told
        ]


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Endpoint:
    """Stands where the network begins: everything before it is the real thing."""
    received = Endpoint()

    async def send(_: PublicTransport, request: httpx.Request) -> httpx.Response:
        return await received.handle_async_request(request)

    monkeypatch.setattr(PublicTransport, "handle_async_request", send)
    return received


@pytest.fixture
def told(directory: Any, run_jobs: Any) -> Any:
    """Everything due: the job of the clock, then deliveries."""

    async def run() -> None:
        await directory.settles()
        jobs.queue.settings = Settings()
        jobs.queue.database = directory.database
        await jobs.tell_saved_searches()
        await run_jobs()

    return run


@pytest.fixture
def saving(client: Any) -> Any:
    async def save(headers: Any, **query: Any) -> str:
        made = await client.post(WEBHOOKS, json={"url": "https://example.org/h"}, headers=headers)
        assert made.status_code == 201, made.text
        saved = await client.post(
            SAVED, json={"webhook": made.json()["id"], "query": query}, headers=headers
        )
        assert saved.status_code == 201, saved.text
        secret: str = made.json()["secret"]
        return secret

    return save


class TestSavedSearch:
    async def test_tells_signed_ids_of_what_changed_and_matches(
        self, directory: Any, endpoint: Endpoint, told: Any, saving: Any, professional: Any
    ) -> None:
        await directory.has(directory.service("before", needs=["housing"], action_zones=["nord"]))
        await told()
        secret = await saving(professional, need=["housing"], territory=["nord"], spoken=["ar"])
        await directory.loads(
            directory.service("in", needs=["housing"], action_zones=["nord"], languages=["ar"]),
            directory.service("far", needs=["housing"], action_zones=["sud"], languages=["ar"]),
            directory.service("mute", needs=["housing"], action_zones=["nord"]),
            directory.service("other", needs=["dental"], action_zones=["nord"], languages=["ar"]),
        )
        await told()
        wanted = {str(directory.id("service", "in"))}
        body = json.loads(endpoint.requests[0].content)
        assert body["data"]["services"][0].keys() == {"id", "changed_at"}
        assert endpoint.told(secret) == [wanted]
        await told()
        assert endpoint.requests == []

    async def test_tells_when_what_it_found_leaves_however_it_leaves(
        self,
        directory: Any,
        endpoint: Endpoint,
        told: Any,
        saving: Any,
        client: Any,
        professional: Any,
        admin: Any,
    ) -> None:
        names = ("deleted", "hidden", "other", "stays")
        services = {name: directory.service(name, needs=["housing"]) for name in names}
        await directory.has(*services.values())
        await told()
        secret = await saving(professional, need=["housing"])
        gone = await client.delete(
            f"/directory/v1/services/{services['deleted']['id']}",
            headers={**admin, "If-Match": "*"},
        )
        assert gone.status_code == 204
        await directory.loads(
            {**services["hidden"], "visibility": "own"},
            {**services["other"], "needs": ["dental"]},
            {**services["stays"], "access": ["phone"]},
            directory.service("never found", needs=["dental"]),
        )
        await told()
        left = {services[name]["id"] for name in ("deleted", "hidden", "other")}
        assert sorted(endpoint.events(secret)) == [
            ("changed", {services["stays"]["id"]}),
            ("left", left),
        ]
        await directory.loads(services["other"])
        await told()
        assert endpoint.events(secret) == [("changed", {services["other"]["id"]})]

    async def test_finds_words_and_what_is_about_a_rough_place(
        self, directory: Any, endpoint: Endpoint, told: Any, saving: Any, professional: Any
    ) -> None:
        await directory.has()
        words = await saving(professional, q="logement")
        near = await saving(professional, near="50.84671,4.35281", radius_m=2000)
        await directory.loads(
            directory.service("Logements du Centre", locations=[directory.place(50.85, 4.35)]),
            directory.service("Soupe", locations=[directory.place(50.90, 4.35)]),
        )
        await told()
        wanted = {str(directory.id("service", "Logements du Centre"))}
        messages = [r for r in endpoint.requests if _is_signed_by(r, words)]
        messages += [r for r in endpoint.requests if _is_signed_by(r, near)]
        assert len(messages) == len(endpoint.requests) == 2
        for message in messages:
            body = json.loads(message.content)
            assert {one["id"] for one in body["data"]["services"]} == wanted

    async def test_honours_what_the_saver_may_see_when_the_message_leaves(
        self, directory: Any, endpoint: Endpoint, told: Any, saving: Any, as_caller: Any, admin: Any
    ) -> None:
        host = as_caller(
            client_id="host", scope="directory:read", org=str(directory.id("organization", "host"))
        )
        await directory.has()
        secrets = {
            "stranger": await saving(as_caller(client_id="s", scope="directory:read")),
            "host": await saving(host),
            # An administrator's rights stay with the administrator.
            "admin": await saving(admin),
        }
        await directory.loads(
            *(
                directory.service(
                    kind.value,
                    visibility=kind.value,
                    **({"network": "nord"} if kind == Visibility.NETWORK else {}),
                )
                for kind in Visibility
            ),
            directory.service("fleeting"),
        )
        await directory.settles()
        jobs.queue.settings, jobs.queue.database = Settings(), directory.database
        await jobs.tell_saved_searches()
        await directory.loads(directory.service("fleeting", visibility="own"))
        await told()
        everyone = {str(directory.id("service", name)) for name in ("public", "professional")}
        for who, secret in secrets.items():
            mine = [json.loads(r.content) for r in endpoint.requests if _is_signed_by(r, secret)]
            seen, left = (
                {one["id"] for m in mine if m["type"] == kind for one in m["data"]["services"]}
                for kind in ("saved_search.changed", "saved_search.left")
            )
            fleeting = str(directory.id("service", "fleeting"))
            if who == "host":
                own = {str(directory.id("service", name)) for name in ("own", "network")}
                assert (seen, left) == (everyone | own | {fleeting}, set())
            else:
                # It was public for a moment, and they are told no more than that it left.
                assert (seen, left) == (everyone, {fleeting})

    async def test_keeps_nothing_that_could_tell_of_a_person(
        self, client: Any, directory: Any, professional: Any
    ) -> None:
        made = await client.post(
            WEBHOOKS, json={"url": "https://example.org/h"}, headers=professional
        )
        for query, code in (
            ({"q": "85.07.30-033.28"}, "not_kept"),
            ({"q": "someone@example.org"}, "not_kept"),
            ({"near": "50.8,4.3"}, "radius_too_small"),
            ({"near": "50.8,4.3", "radius_m": 50}, "radius_too_small"),
            ({"for_age": [83]}, "not_kept"),
            # A service opens without a change that could be told.
            ({"open_at": "now"}, "not_kept"),
            ({"need": ["housng"]}, "unknown_need"),
        ):
            answer = await client.post(
                SAVED, json={"webhook": made.json()["id"], "query": query}, headers=professional
            )
            assert answer.status_code == 422
            assert answer.json()["errors"][0]["code"] == code
        rough = {"near": "50.84671,4.35281", "radius_m": 1000}
        kept = await client.post(
            SAVED, json={"webhook": made.json()["id"], "query": rough}, headers=professional
        )
        assert kept.json()["query"]["near"] == "50.85,4.35", "nobody's doorstep"

    async def test_is_its_applications_own_and_goes_with_its_webhook(
        self,
        directory: Any,
        client: Any,
        endpoint: Endpoint,
        told: Any,
        saving: Any,
        professional: Any,
        as_caller: Any,
        as_anonymous: Any,
    ) -> None:
        await directory.has()
        await saving(professional)
        (webhook,) = (await client.get(WEBHOOKS, headers=professional)).json()["items"]
        assert "secret" not in webhook
        other = as_caller(client_id="other", scope="directory:read")
        assert (await client.get(WEBHOOKS, headers=other)).json()["items"] == []
        assert (await client.get(SAVED, headers=other)).json()["items"] == []
        path = f"{WEBHOOKS}/{webhook['id']}"
        assert (await client.delete(path, headers=other)).status_code == 404
        assert (await client.get(SAVED, headers=as_anonymous())).status_code == 403
        await directory.loads(directory.service("Accueil"))
        await directory.settles()
        assert (await client.delete(path, headers=professional)).status_code == 204
        assert (await client.get(SAVED, headers=professional)).json()["items"] == []
        await told()
        assert endpoint.requests == []


class TestAddresses:
    @pytest.mark.parametrize(
        "url",
        [
            "http://example.org/",
            "https://user:secret@example.org/",
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://10.0.0.1/",
            "https://169.254.169.254/latest",
            "https://[::ffff:10.0.0.1]/",
            "https://[fd00::1]/",
            "https://0.0.0.0/",
            "ftp://example.org/",
            "https://",
            "https://example.org:99999/",
        ],
    )
    def test_refuses_what_is_not_a_public_address_over_tls(self, url: str) -> None:
        assert url_fault(url, to_loopback=False) is not None

    def test_takes_public_ones_and_loopback_where_a_setting_says_so(self) -> None:
        assert url_fault("https://example.org:8443/hook?a=1", to_loopback=False) is None
        assert url_fault("http://127.0.0.1:9000/", to_loopback=True) is None
        assert url_fault("http://10.0.0.1/", to_loopback=True) is not None

    async def test_a_name_that_leads_inside_is_refused_when_the_message_leaves(self) -> None:
        # `localhost` passes for a name; what it resolves to does not.
        transport = PublicTransport(lambda: False)
        async with httpx.AsyncClient(transport=transport) as sender:
            with pytest.raises(ForbiddenAddress):
                await sender.post("https://localhost:9/", content=b"{}")

    async def test_goes_to_the_address_it_checked_under_the_name_it_was_given(self) -> None:
        heard = []

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heard.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
            await writer.drain()
            writer.close()

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with httpx.AsyncClient(transport=PublicTransport(lambda: True)) as sender:
                sent = await sender.post(f"http://127.0.0.1:{port}/hook", content=b"{}")
        assert sent.status_code == 204
        assert heard[0].startswith(b"POST /hook HTTP/1.1")


def _is_signed_by(request: httpx.Request, secret: str) -> bool:
    try:
        verify(request.content, request.headers, secret)
    except InvalidWebhookSignature:
        return False
    return True


async def test_a_radius_about_no_place_is_forgotten_by_what_was_kept_before_it_was_refused(
    directory: Any, database: Any, saving: Any, professional: Any
) -> None:
    await saving(professional, need="food")
    migrations.downgrade("directory", database.owner_url, "0020")
    async with directory.database.write(system=SystemReason.IMPORT) as session:
        connection = await session.connection()
        widened = """UPDATE saved_search SET query = query || '{"radius_m": 500}'"""
        await connection.exec_driver_sql(widened)
    migrations.migrate("directory", database.owner_url)
    async with directory.database.read() as session:
        connection = await session.connection()
        (kept,) = (await connection.exec_driver_sql("SELECT query FROM saved_search")).scalars()
    assert kept == {"need": ["food"]}
