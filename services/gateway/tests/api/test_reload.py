"""SIGHUP puts another policy in force, or leaves the old one."""

import asyncio
import os
import signal
from importlib import resources

import pytest

NEEDS = "/directory/v1/needs"
PACKAGED = resources.files("maillage_gateway").joinpath("policy.toml").read_text("utf-8")


@pytest.fixture
def policy_file(tmp_path):
    path = tmp_path / "policy.toml"
    path.write_text(PACKAGED, encoding="utf-8")
    return path


@pytest.fixture
async def reloadable(start_gateway, settings, policy_file):
    async with start_gateway(settings.model_copy(update={"policy_file": policy_file})) as gateway:
        yield gateway


async def hang_up():
    os.kill(os.getpid(), signal.SIGHUP)
    # The loop hears of the signal through a socket of its own.
    await asyncio.sleep(0.01)


class TestReload:
    async def test_a_new_route_and_a_removed_one_count_at_once(self, reloadable, policy_file, echo):
        echo.documents["/openapi.json"] = {
            "openapi": "3.1.0",
            "paths": {"/directory/v1/needs": {"get": {}}, "/directory/v1/desires": {"get": {}}},
        }
        assert (await reloadable.client.get("/directory/v1/desires")).status_code == 404
        policy_file.write_text(PACKAGED.replace("/v1/needs/", "/v1/desires/"), encoding="utf-8")
        await hang_up()
        assert (await reloadable.client.get("/directory/v1/desires")).status_code == 200
        assert (await reloadable.client.get(NEEDS)).status_code == 404

    async def test_the_document_follows(self, start_gateway, settings, policy_file, echo):
        echo.documents["/openapi.json"] = {
            "openapi": "3.1.0",
            "paths": {"/directory/v1/needs": {"get": {}}, "/directory/v1/desires": {"get": {}}},
        }
        own = settings.model_copy(update={"policy_file": policy_file})
        async with start_gateway(own) as gateway:
            before = (await gateway.client.get("/openapi.json")).json()["paths"]
            policy_file.write_text(PACKAGED.replace("/v1/needs/", "/v1/desires/"), "utf-8")
            await hang_up()
            after = (await gateway.client.get("/openapi.json")).json()["paths"]
        assert (set(before), set(after)) == ({NEEDS}, {"/directory/v1/desires"})

    @pytest.mark.parametrize(
        "text",
        [
            "not toml",
            PACKAGED.replace('meter = "search"', 'meter = "no such"'),
            PACKAGED.replace("anonymous = true", "anonymus = true", 1),
            PACKAGED + PACKAGED[PACKAGED.index("[[routes]]") :],
            None,
        ],
    )
    async def test_one_that_is_not_valid_changes_nothing_and_is_logged(
        self, reloadable, policy_file, caplog, text
    ):
        if text is None:
            policy_file.unlink()
        else:
            policy_file.write_text(text, encoding="utf-8")
        await hang_up()
        assert (await reloadable.client.get(NEEDS)).status_code == 200
        assert "GTW111" in {getattr(r, "event_code", "") for r in caplog.records}

    async def test_a_request_under_way_ends_as_it_began(self, reloadable, policy_file, echo):
        arrived, go_on = asyncio.Event(), asyncio.Event()

        async def behave(request, reader, writer):
            arrived.set()
            await go_on.wait()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            await writer.drain()

        echo.behaviours[NEEDS] = behave
        asking = asyncio.create_task(reloadable.client.get(NEEDS))
        await arrived.wait()
        policy_file.write_text(PACKAGED.replace("/v1/needs/", "/v1/desires/"), encoding="utf-8")
        await hang_up()
        go_on.set()
        assert (await asking).text == "ok"
