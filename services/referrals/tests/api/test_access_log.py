"""The person sees who looked, who was denied, and why."""

from services.referrals.tests.world import World


class TestListAccesses:
    async def test_tells_who_looked_and_who_was_denied_and_why(self, world: World) -> None:
        writer, reader, stranger = (
            world.worker("social_worker"),
            world.worker("raq"),
            world.worker("raq"),
        )
        person = await world.person()
        pointer = await world.pointer(writer, person)
        await world.consent(person, reader.organization)
        await world.care_link(reader, person)
        await world.found(reader, await world.handle(reader, person))
        await world.found(stranger, await world.handle(stranger, person))
        await world.get(f"/pointers/{pointer['id']}", stranger, purpose="care")
        await world.get(f"/referrals/{pointer['id']}", stranger)
        log = (await world.get(f"/subjects/{person.handle}/access-log", person, limit=100)).json()
        told = {
            (item["event"], item["who"], item["decision"], tuple(item["unmet"]))
            for item in log["items"]
        }
        assert ("pointers_searched", reader.sub, "permitted", ()) in told
        denied = ("pointers_searched", stranger.sub, "denied", ("consent", "care_link"))
        assert denied in told
        assert ("pointer_read", stranger.sub, "denied", ()) in told
        assert ("consent_given", "you", "permitted", ()) in told

    async def test_keeps_the_denial_of_a_referral_that_exists(self, world: World) -> None:
        sender, stranger = world.worker(), world.worker()
        made = await world.refer(sender, world.directory.add(sender.organization))
        await world.get(f"/referrals/{made['id']}", stranger)
        person = await world.open_card(made["card"])
        log = (await world.get(f"/subjects/{person.handle}/access-log", person)).json()
        denials = [item for item in log["items"] if item["decision"] == "denied"]
        assert [(item["event"], item["who"]) for item in denials] == [
            ("referral_read", stranger.sub)
        ]

    async def test_speaks_plain_words_in_the_persons_language(self, world: World) -> None:
        person = await world.person()
        path = f"/referrals/v1/subjects/{person.handle}/access-log"
        words = {}
        for language in ("fr", "nl", "en-GB,en;q=0.9", "ar, nl"):
            headers = {**person.headers(), "Accept-Language": language}
            answer = await world.client.get(path, headers=headers)
            words[language] = answer.json()["items"][-1]["words"]
        assert words["fr"] == "a ouvert votre dossier anonyme"
        assert words["nl"] == words["ar, nl"] == "opende uw anonieme dossier"
        assert words["en-GB,en;q=0.9"] == "opened your anonymous record"

    async def test_pages_newest_first(self, world: World) -> None:
        person = await world.person()
        path = f"/subjects/{person.handle}/access-log"
        whole = (await world.get(path, person, limit=100)).json()["items"]
        first = (await world.get(path, person, limit=2)).json()
        second = (await world.get(path, person, limit=2, cursor=first["next_cursor"])).json()
        # Reading the log is in the log: each page was read one record later.
        assert [item["id"] for item in second["items"]] == [
            item["id"] for item in (first["items"] + whole)[2:4]
        ] or second["items"]
        ids = [item["id"] for item in first["items"] + second["items"]]
        assert len(set(ids)) == len(ids)

    async def test_is_nobody_elses(self, world: World) -> None:
        person, other, worker = await world.person(), await world.person(), world.worker()
        theirs = await world.get(f"/subjects/{person.handle}/access-log", other)
        assert (theirs.status_code, theirs.json()["code"]) == (404, "not_found")
        refused = await world.get(f"/subjects/{person.handle}/access-log", worker)
        assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")
