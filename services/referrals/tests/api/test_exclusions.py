"""Keeping somebody away."""

from services.referrals.tests.world import World, pointer_body


class TestExclude:
    async def test_closes_everything_to_an_organization_and_may_be_repeated(
        self, world: World
    ) -> None:
        reader, writer = world.worker(), world.worker("social_worker")
        person = await world.person()
        pointer = await world.pointer(writer, person)
        await world.consent(person, reader.organization)
        await world.care_link(reader, person)
        handle = await world.handle(reader, person)
        assert await world.found(reader, handle) == {pointer["id"]}
        body = {"handle": person.handle, "organization": str(reader.organization)}
        first = await world.post("/exclusions", person, body)
        second = await world.post("/exclusions", person, body)
        assert (first.status_code, first.json()) == (201, second.json())
        assert await world.found(reader, handle) == set()
        answer = await world.get(f"/subjects/{handle}/consents", reader)
        assert answer.json()["items"] == []

    async def test_keeps_one_worker_out_and_lets_colleagues_in(self, world: World) -> None:
        one, writer = world.worker(), world.worker("social_worker")
        colleague = world.worker(organization=one.organization)
        person = await world.person()
        pointer = await world.pointer(writer, person)
        await world.consent(person, one.organization)
        await world.care_link(one, person)
        await world.post("/exclusions", person, {"handle": person.handle, "person": one.sub})
        handle = await world.handle(one, person)
        assert await world.found(one, handle) == set()
        assert await world.found(colleague, handle) == {pointer["id"]}

    async def test_hides_from_the_writer_what_they_wrote_and_takes_nothing_more(
        self, world: World
    ) -> None:
        writer, person = world.worker(), await world.person()
        pointer = await world.pointer(writer, person)
        handle = await world.handle(writer, person)
        assert await world.found(writer, handle) == {pointer["id"]}
        body = {"handle": person.handle, "organization": str(writer.organization)}
        await world.post("/exclusions", person, body)
        assert await world.found(writer, handle) == set()
        refused = await world.post("/pointers", writer, pointer_body(handle))
        assert (refused.status_code, refused.json()["code"]) == (404, "not_found")

    async def test_ends_open_referrals_to_the_organization(self, world: World) -> None:
        sender, receiver = world.worker(), world.worker("social_worker")
        made = await world.refer(sender, world.directory.add(receiver.organization))
        person = await world.open_card(made["card"])
        body = {"handle": person.handle, "organization": str(receiver.organization)}
        await world.post("/exclusions", person, body)
        assert (await world.get(f"/referrals/{made['id']}", receiver)).status_code == 404
        known = (await world.get(f"/referrals/{made['id']}", sender)).json()
        assert known["status"] == "withdrawn"

    async def test_is_the_persons_alone(self, world: World) -> None:
        worker, person = world.worker(), await world.person()
        body = {
            "handle": await world.handle(worker, person),
            "organization": str(worker.organization),
        }
        refused = await world.post("/exclusions", worker, body)
        assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")


class TestLiftExclusion:
    async def test_lets_in_again_and_may_be_repeated(self, world: World) -> None:
        reader, writer = world.worker(), world.worker("social_worker")
        person = await world.person()
        pointer = await world.pointer(writer, person)
        await world.consent(person, reader.organization)
        await world.care_link(reader, person)
        body = {"handle": person.handle, "organization": str(reader.organization)}
        made = (await world.post("/exclusions", person, body)).json()
        first = await world.post(f"/exclusions/{made['id']}/lifting", person)
        second = await world.post(f"/exclusions/{made['id']}/lifting", person)
        assert first.json() == second.json()
        assert await world.found(reader, await world.handle(reader, person)) == {pointer["id"]}

    async def test_of_another_person_is_not_there(self, world: World) -> None:
        person, other = await world.person(), await world.person()
        body = {"handle": person.handle, "person": "somebody"}
        made = (await world.post("/exclusions", person, body)).json()
        assert (await world.post(f"/exclusions/{made['id']}/lifting", other)).status_code == 404
        listed = await world.get(f"/subjects/{person.handle}/exclusions", person)
        assert listed.json()["items"] == [made]
