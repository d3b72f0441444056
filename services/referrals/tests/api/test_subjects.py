"""Anonymous people, and a different handle for them at every organization."""

from services.referrals.tests.world import World, pointer_body


class TestStartSubject:
    async def test_needs_nothing_about_the_person(self, world: World) -> None:
        made = await world.post("/subjects", world.worker(), {})
        assert made.status_code == 201
        assert set(made.json()) == {"handle", "card"}
        assert made.json()["card"]["qr_payload"].startswith("MAILLAGE:CARD:1:")

    async def test_refuses_anything_about_the_person(self, world: World) -> None:
        refused = await world.post("/subjects", world.worker(), {"name": "x"})
        assert refused.status_code == 422

    async def test_replays_the_first_answer_for_the_same_key(self, world: World) -> None:
        worker = world.worker()
        answers = [
            await world.post("/subjects", worker, {}, **{"Idempotency-Key": "one"})
            for _ in range(2)
        ]
        assert answers[0].json() == answers[1].json()

    async def test_refuses_machines(self, world: World) -> None:
        machine = world.as_caller(sub="partner", client_id="partner", scope="consents:write")
        refused = await world.client.post("/referrals/v1/subjects", json={}, headers=machine)
        assert (refused.status_code, refused.json()["code"]) == (403, "individual_required")


class TestResolveSubject:
    async def test_gives_each_organization_its_own_handle(self, world: World) -> None:
        one, other = world.worker(), world.worker()
        person = await world.person()
        handles = {await world.handle(one, person), await world.handle(other, person)}
        assert len(handles) == 2
        assert person.handle not in handles

    async def test_gives_colleagues_the_same_handle(self, world: World) -> None:
        one = world.worker()
        colleague = world.worker("reception", organization=one.organization)
        person = await world.person()
        assert await world.handle(one, person) == await world.handle(colleague, person)

    async def test_reads_the_qr_and_the_code_in_any_spelling(self, world: World) -> None:
        worker, person = world.worker(), await world.person()
        digits = person.code.replace("/", "")
        spellings = [
            {"card_code": digits},
            {"card_code": f"+++{person.code}+++"},
            {"card_secret": person.qr},
        ]
        answers = [await world.post("/subjects/resolve", worker, body) for body in spellings]
        assert {answer.json()["handle"] for answer in answers} == {
            await world.handle(worker, person)
        }

    async def test_answers_for_a_card_that_does_not_exist(self, world: World) -> None:
        worker = world.worker()
        for body in ({"card_code": "000/0000/00197"}, {"card_secret": "A" * 32}):
            answer = await world.post("/subjects/resolve", worker, body)
            assert answer.status_code == 200
            assert len(answer.json()["handle"]) == 43
            assert await world.found(worker, answer.json()["handle"]) == set()

    async def test_makes_handles_that_mean_nobody_at_another_organization(
        self, world: World
    ) -> None:
        one, other = world.worker(), world.worker()
        person = await world.person()
        borrowed = await world.handle(one, person)
        assert await world.found(other, borrowed) == set()
        refused = await world.post("/pointers", other, pointer_body(borrowed))
        assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
