"""The table, and the faults in it that stop the gateway from starting."""

import re
import tomllib
from datetime import date
from importlib import resources

import pytest

from maillage_gateway.policy import SCOPES, Policy

OPEN_WRITES = {
    ("POST", "/hsds/v3/**"),
    ("POST", "/directory/v1/services/search"),
    ("POST", "/directory/v1/suggestions/notes"),
    ("POST", "/directory/v1/territories/resolve"),
    ("POST", "/referrals/v1/card-sessions"),
}


@pytest.fixture
def document():
    text = resources.files("maillage_gateway").joinpath("policy.toml").read_text("utf-8")
    return tomllib.loads(text)


class TestPackagedPolicy:
    def test_only_named_writes_are_open(self):
        open_writes = {
            (method, route.path)
            for route in Policy.load().routes
            for method in route.methods
            if route.anonymous and method != "GET"
        }
        assert open_writes == OPEN_WRITES

    def test_nothing_about_persons_is_open_or_for_machines(self):
        for route in Policy.load().routes:
            if route.service == "directory" or route.path.endswith(("/status", "/jwks.json")):
                continue
            assert not route.anonymous or route.path == "/referrals/v1/card-sessions", route.path
            assert not route.machines or "/imports" in route.path, route.path

    def test_every_service_is_reached_under_its_own_prefix(self):
        for route in Policy.load().routes:
            # HSDS names its own paths; they are the directory's.
            prefixes = {"directory": ("/directory/v1/", "/hsds/v3/")}
            own = prefixes.get(route.service, (f"/{route.service}/v1/",))
            assert route.path.startswith(own), route.path

    def test_every_scope_opens_something(self):
        opened = {scope for route in Policy.load().routes for scope in route.scopes}
        # Break-glass comes on top of referrals:read.
        assert SCOPES - opened == {"referrals:break-glass"}

    @pytest.mark.parametrize(
        ("method", "path", "service"),
        [
            ("GET", "/directory/v1/services/1", "directory"),
            ("POST", "/directory/v1/services/search", "directory"),
            ("GET", "/directory/v1/services/1/history", "directory"),
            ("GET", "/hsds/v3", "directory"),
            ("GET", "/hsds/v3/", "directory"),
            ("GET", "/referrals/v1/subjects/h/access-log", "referrals"),
            ("POST", "/campaigns/v1/leases/1/attempts", "campaigns"),
            ("POST", "/referrals/v1/jwks.json", None),
            ("POST", "/campaigns/v1/referral-events", None),
            ("TRACE", "/directory/v1/services", None),
        ],
    )
    def test_routes_lead_to_their_service(self, method, path, service):
        route = Policy.load().find(method, path)
        assert (route.service if route else None) == service


class TestFaults:
    @pytest.mark.parametrize(
        ("fault", "message"),
        [
            ({"scopes": []}, "name scopes"),
            ({"scopes": ["campaigns:calls"]}, "unknown scopes"),
            ({"cors": True}, "CORS"),
            ({"service": "billing"}, "service"),
            ({"methods": ["TRACE"]}, "methods"),
            ({"methods": []}, "methods"),
            ({"meter": "lavish"}, "meters that no table"),
            ({"silence": 0}, "silence"),
            ({"body": -1}, "body"),
            ({"path": "campaigns"}, "pattern"),
            ({"colour": "red"}, "colour"),
        ],
    )
    def test_a_faulty_row_is_told(self, document, fault, message):
        row = {"path": "/x", "service": "campaigns", "scopes": ["campaigns:call"]}
        document["routes"] = [row | fault]
        with pytest.raises(ValueError, match=message):
            Policy(document)

    @pytest.mark.parametrize("fault", [{"colour": "red"}, {"silence": 0}, {"scopes": ["x"]}])
    def test_the_row_is_named(self, document, fault):
        row = document["routes"][3]
        row |= fault
        with pytest.raises(ValueError, match=f"^{re.escape(row['path'])}: "):
            Policy(document)

    def test_a_path_and_method_may_be_there_only_once(self, document):
        document["routes"].append(document["routes"][0])
        with pytest.raises(ValueError, match="twice"):
            Policy(document)

    @pytest.mark.parametrize(
        "name", ["authorization", "cookie", "traceparent", "host", "X-Y", "a_b"]
    )
    def test_headers_of_the_gateways_own_cannot_be_let_through(self, document, name):
        document["headers"]["forwarded"].append(name)
        with pytest.raises(ValueError, match=r"gateway writes itself|pattern"):
            Policy(document)


class TestDeprecation:
    def test_becomes_the_headers_of_rfc_9745_and_rfc_8594(self, document):
        document["routes"][0] |= {"deprecated": date(2027, 1, 1), "sunset": date(2027, 7, 1)}
        assert Policy(document).routes[0].notices == (
            (b"deprecation", b"@1798761600"),
            (b"sunset", b"Thu, 01 Jul 2027 00:00:00 GMT"),
        )

    @pytest.mark.parametrize(
        "days",
        [
            {"sunset": date(2027, 7, 1)},
            {"deprecated": date(2027, 7, 2), "sunset": date(2027, 7, 1)},
        ],
    )
    def test_comes_before_the_sunset(self, document, days):
        document["routes"][0] |= days
        with pytest.raises(ValueError, match="deprecated"):
            Policy(document)
