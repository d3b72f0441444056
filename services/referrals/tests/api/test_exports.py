from services.referrals.tests.world import World


class TestExportRecord:
    async def test_gives_the_person_everything_that_is_kept(self, world: World) -> None:
        writer, sender = world.worker("psychologist"), world.worker()
        made = await world.refer(sender, world.directory.add(writer.organization))
        person = await world.open_card(made["card"])
        pointer = await world.pointer(writer, person, category="mental_health")
        link = await world.care_link(writer, person)
        body = {"handle": person.handle, "person": "someone"}
        exclusion = (await world.post("/exclusions", person, body)).json()
        whole = (await world.get(f"/subjects/{person.handle}/export", person)).json()
        ids = {
            name: [item["id"] for item in whole[name]]
            for name in ("cards", "exclusions", "care_links", "pointers", "referrals")
        }
        assert ids == {
            "cards": [person.card_id],
            "exclusions": [exclusion["id"]],
            "care_links": [link["id"]],
            "pointers": [pointer["id"]],
            "referrals": [made["id"]],
        }
        assert len(whole["consents"]) == 2
        assert {item["handle"] for item in whole["pointers"]} == {person.handle}

    async def test_is_nobody_elses(self, world: World) -> None:
        person, other = await world.person(), await world.person()
        assert (await world.get(f"/subjects/{person.handle}/export", other)).status_code == 404
        refused = await world.get(f"/subjects/{person.handle}/export", world.worker())
        assert refused.json()["code"] == "insufficient_scope"
