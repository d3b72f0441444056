"""What the service promises as a whole: its document, open routes, settings and silence."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute
from services.referrals.tests.world import API, World

from maillage_common import telemetry
from maillage_common.auth import Authorization, route_authorizations
from maillage_local.drift import document_drift
from maillage_local.examples import example_faults
from maillage_local.free_words import free_words
from maillage_referrals.main import ROUTERS
from maillage_referrals.settings import Settings

HERE = Path(__file__).parent
SNAPSHOT = HERE / "openapi.json"
WORDS = {
    "opened or looked up, and kept as a hash at most": {
        "CardCodeHandOver.card_code",
        "CardRead.card_secret",
        "CardSessionRequest.secret",
        "CareLinkRequest.handle",
        "CodeRead.code",
        "ConsentRequest.handle",
        "ExclusionRequest.handle",
        "GivenConsent.card_secret",
        "GivenConsent.code",
        "KnownSubject.handle",
        "NewCardRequest.card_secret",
        "PointerRequest.handle",
        "ProofRequest.card_secret",
        "ProofRequest.code",
        "ResolveRequest.card_code",
        "ResolveRequest.card_secret",
        "SearchRequest.cursor",
        "SearchRequest.handle",
        "path handle",
        "query cursor",
    },
    "one of a list that changes without a release": {
        "FunctionGrantee.function",
        "Locator.system",
        "OrientationRequest.needs",
    },
    "of a form that the operator states": {
        "Locator.reference",
        "Locator.url",
        "OrientationRequest.local_reference",
        "TransitionRequest.local_reference",
    },
    "sealed": {"ContactHandOver.first_name"},
    "a professional's id": {"ExclusionRequest.person", "PersonGrantee.person"},
    "from campaigns alone, which writes a constant": {"Sender.function"},
}
OPEN_ROUTES = {"POST /card-sessions", "GET /jwks.json"}


class TestOpenApi:
    def test_is_the_one_that_was_agreed(self, app: Any) -> None:
        assert document_drift(app.openapi(), SNAPSHOT) == ""

    def test_every_json_body_and_answer_has_an_example_that_holds(self, app: Any) -> None:
        assert example_faults(app) == []

    def test_every_read_says_that_it_may_answer_304(self, app: Any) -> None:
        reads = {
            path: item["get"] for path, item in app.openapi()["paths"].items() if "get" in item
        }
        own = {path for path in reads if path.startswith("/referrals/v1/")}
        assert own
        assert [path for path in own if "304" not in reads[path]["responses"]] == []

    def test_names_a_person_in_no_query(self, app: Any) -> None:
        """A query is a page, or of a closed vocabulary; handles stand in paths and bodies."""
        asked = {
            parameter["name"]
            for item in app.openapi()["paths"].values()
            for operation in item.values()
            for parameter in operation.get("parameters", ())
            if parameter["in"] == "query"
        }
        assert asked == {"closed", "cursor", "limit", "purpose", "status"}

    def test_takes_a_word_of_the_callers_only_where_that_was_thought_about(self, app: Any) -> None:
        """Whoever adds a member closes it, or says here and in docs/data-protection.md why not."""
        assert free_words(app.openapi()) == set().union(*WORDS.values())


def _routes() -> Iterator[tuple[str, list[Authorization]]]:
    for router in ROUTERS:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            name = f"{' '.join(sorted(route.methods or ()))} {route.path.removeprefix(API)}"
            yield name, list(route_authorizations(route))


class TestRoutes:
    def test_are_closed_but_for_the_card_session_and_the_keys(self) -> None:
        routes = dict(_routes())
        assert len(routes) > 30
        assert all(routes.values())
        open_routes = {name for name, ones in routes.items() if not any(o.scopes for o in ones)}
        assert open_routes == OPEN_ROUTES

    def test_are_for_individuals_but_for_the_one_that_decides_itself(self) -> None:
        """Machines reach one route, which refuses all but campaigns."""
        routes = {name: ones for name, ones in _routes() if name not in OPEN_ROUTES}
        for_machines = {
            name for name, ones in routes.items() if not any(o.individual for o in ones)
        }
        assert for_machines == {"POST /referrals"}


def test_every_setting_is_in_the_readme() -> None:
    readme = (HERE.parents[1] / "README.md").read_text(encoding="utf-8")
    for name in Settings.model_fields:
        assert f"`REFERRALS_{name.upper()}`" in readme


class TestSilence:
    async def test_of_logs_and_spans_about_the_person(
        self, world: World, environment: dict[str, str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        sender, receiver = world.worker(), world.worker("social_worker")
        contact = {
            "kind": "contact",
            "first_name": "Zebulonia",
            "phone": "+32470999888",
            "language": "ln",
        }
        service = world.directory.add(receiver.organization)
        made = await world.refer(sender, service, hand_over=contact)
        person = await world.open_card(made["card"])
        handle = await world.handle(receiver, person)
        await world.oral_consent(receiver, person)
        await world.found(receiver, handle)
        await world.get(f"/subjects/{person.handle}/access-log", person)
        await world.get(f"/referrals/{made['id']}", receiver)
        broken = {"handle": handle, "card_secret": person.qr, "phone": "+32470999888"}
        await world.post("/care-links", receiver, broken)
        telemetry.flush()
        said = capsys.readouterr()
        written = Path(environment["REFERRALS_TELEMETRY_FILE"]).read_text(encoding="utf-8")
        assert "/referrals/v1/pointers/search" in written
        secrets = [
            "Zebulonia",
            "470999888",
            handle,
            person.handle,
            made["handle"],
            person.qr.rpartition(":")[2],
            person.code,
            person.code.replace("/", ""),
        ]
        for secret in secrets:
            assert secret not in said.out + said.err
            assert secret not in written
