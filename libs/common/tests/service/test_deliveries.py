"""Webhooks, peers and silent rollbacks, on real PostgreSQL and real HTTP."""

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
import uvicorn
import uvloop
from maillage_sample.models import Note
from sqlalchemy import exc, text

from maillage_common.database import SilentRollback
from maillage_common.jobs import defer
from maillage_common.peers import Peer, PeerRefused, PeerUnavailable
from maillage_common.tokens import TokenSigner
from maillage_common.webhooks import InvalidWebhookSignature, WebhookEndpoint, publish, sign, verify

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Receiver:
    """A webhook endpoint that notes what it gets and refuses the first `refusals`."""

    def __init__(self) -> None:
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.refusals = 0
        self.url = ""

    async def __call__(self, scope, receive, send) -> None:
        message = await receive()
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        status = 204
        if self.refusals:
            self.refusals -= 1
            status = 500
        else:
            self.received.append((headers, message["body"]))
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})


@pytest_asyncio.fixture
async def receiver(environment, monkeypatch) -> AsyncIterator[Receiver]:
    app = Receiver()
    listening = socket.create_server(("127.0.0.1", 0))
    app.url = f"http://127.0.0.1:{listening.getsockname()[1]}/hook"
    app.endpoint = WebhookEndpoint(url=app.url, secret=SECRET, events=["note.made"])
    monkeypatch.setenv("SAMPLE_WEBHOOKS", json.dumps([app.endpoint.model_dump()]))
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, access_log=False))
    running = asyncio.create_task(server.serve(sockets=[listening]))
    yield app
    server.should_exit = True
    await running
    listening.close()


class TestWebhooks:
    async def test_are_signed_delivered_and_ordered_per_subject(self, app, receiver, run_jobs):
        async with app.state.database.write(system="delivery") as session:
            for number in range(5):
                await publish(
                    session, [receiver.endpoint], event="note.made", subject="s", data={"n": number}
                )
            await publish(session, [receiver.endpoint], event="unheard", subject="s", data={})
        await run_jobs()
        events = [verify(body, headers, SECRET) for headers, body in receiver.received]
        assert [event["data"]["n"] for event in events] == [0, 1, 2, 3, 4]

    async def test_a_refused_delivery_holds_back_later_ones_of_its_subject(
        self, app, receiver, run_jobs
    ):
        receiver.refusals = 1
        async with app.state.database.write(system="delivery") as session:
            for number in range(2):
                await publish(
                    session, [receiver.endpoint], event="note.made", subject="s", data={"n": number}
                )
        await run_jobs()
        events = [verify(body, headers, SECRET) for headers, body in receiver.received]
        assert [event["data"]["n"] for event in events] == [0, 1]

    def test_a_forged_or_altered_event_is_refused(self):
        body = json.dumps({"type": "x"})
        headers = sign(body, "1", SECRET)
        assert verify(body.encode(), headers, SECRET) == {"type": "x"}
        for altered in (b"{}", body.encode() + b" "):
            with pytest.raises(InvalidWebhookSignature):
                verify(altered, headers, SECRET)
        with pytest.raises(InvalidWebhookSignature):
            verify(body.encode(), {}, SECRET)


class TestPeers:
    def peer(
        self, keys, handler=None, *, service="campaigns", url: str = "http://sample.test"
    ) -> Peer:
        """Asks `handler`, or the network without one."""
        signer = TokenSigner.from_file(keys.signing_key_file(service), issuer=f"maillage-{service}")
        return Peer(
            "sample",
            url,
            signer,
            service=service,
            scopes=("directory:read", "directory:write"),
            transport=httpx.MockTransport(handler) if callable(handler) else handler,
        )

    async def test_a_service_acts_for_a_person_with_the_scopes_both_have(
        self, running, keys, token_press
    ):
        peer = self.peer(keys, httpx.ASGITransport(running))
        claims = {"sub": "amina", "client_id": "app", "scope": "sample:write"}
        subject_token = token_press.press("gateway", "campaigns", claims)
        # The person has sample:write, the service's token does not: neither does the call.
        with pytest.raises(PeerRefused) as refused:
            await peer.request("GET", "/sample/v1/notes", caller_token=subject_token)
        assert (refused.value.status, refused.value.code) == (403, "insufficient_scope")
        await peer.close()

    async def test_a_person_made_up_by_the_service_is_refused(self, running, keys, token_press):
        peer = self.peer(keys, httpx.ASGITransport(running))
        claims = {"sub": "amina", "client_id": "app", "scope": "sample:write"}
        for issuer, audience in (("gateway", "sample"), ("campaigns", "campaigns")):
            forged = token_press.press(issuer, audience, claims)
            with pytest.raises(PeerRefused) as refused:
                await peer.request("GET", "/sample/v1/notes", caller_token=forged)
            assert refused.value.status == 401
        await peer.close()

    async def test_down_slow_or_broken_is_one_error(self, keys):
        def down(request: httpx.Request) -> httpx.Response:
            raise httpx.ConnectError("refused")

        def broken(request: httpx.Request) -> httpx.Response:
            return httpx.Response(502)

        def unreadable(request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, headers={"content-encoding": "gzip"}, content=b"plain")

        for handler in (down, broken, unreadable):
            peer = self.peer(keys, handler)
            with pytest.raises(PeerUnavailable):
                await peer.request("GET", "/x", caller_token=None)
            await peer.close()

    @pytest.mark.parametrize("later", range(5))
    def test_one_killed_as_it_is_connected_to_is_down(self, keys, later):
        """The kernel resets what a killed process had not accepted, at any turn of our loop."""

        async def ask() -> None:
            with socket.create_server(("127.0.0.1", 0)) as listening:
                asyncio.get_running_loop().add_reader(listening, _reset, listening, later)
                peer = self.peer(keys, url=f"http://127.0.0.1:{listening.getsockname()[1]}")
                with pytest.raises(PeerUnavailable):
                    await peer.request("GET", "/x", caller_token=None)
                await peer.close()
                asyncio.get_running_loop().remove_reader(listening)

        # The loop that services run on; on asyncio's own it is an error that httpx knows.
        uvloop.run(ask())


def _reset(listening: socket.socket, later: int) -> None:
    """Reset the connection that waits, after so many turns of the loop."""
    connection, _ = listening.accept()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def end(turns: int) -> None:
        if turns:
            asyncio.get_running_loop().call_soon(end, turns - 1)
        else:
            connection.close()

    end(later)


class TestSilentRollback:
    async def test_a_swallowed_database_error_is_not_answered_as_success(self, app):
        async def swallow() -> None:
            async with app.state.database.write(system="clock", tenant="t") as session:
                session.add(Note.model_validate({"tenant": "t", "words": "kept?"}))
                await session.flush()
                connection = await session.connection()
                with contextlib.suppress(exc.DataError):
                    await connection.execute(text("SELECT 1/0"))

        with pytest.raises(SilentRollback):
            await swallow()

    async def test_a_job_refused_as_a_twin_leaves_the_transaction_whole(self, app):
        for words in ("one", "two"):
            async with app.state.database.write(system="clock", tenant="t") as session:
                session.add(Note.model_validate({"tenant": "t", "words": words}))
                await session.flush()
                await defer(session, "shout", once="k", words=words, tenant="t")
        async with app.state.database.write(system="clock", tenant="t") as session:
            connection = await session.connection()
            found = await connection.execute(text("SELECT words FROM note ORDER BY words"))
            assert found.scalars().all() == ["one", "two"]
