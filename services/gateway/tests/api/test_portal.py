"""The gateway's own pages."""

import re
from importlib import resources

import pytest

from maillage_gateway import portal
from maillage_gateway.policy import Policy

DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "x", "version": "1"},
    "paths": {
        "/directory/v1/needs": {
            "get": {
                "operationId": "list_needs",
                "responses": {
                    "200": {
                        "content": {
                            "application/json": {"schema": {"$ref": "#/components/schemas/Page"}}
                        }
                    }
                },
                "security": [{"internal": []}],
            },
            "put": {"operationId": "replace_needs"},
        },
        "/directory/v1/services/{service_id}": {
            "get": {"operationId": "read_service"},
            "patch": {"operationId": "change_service"},
        },
        "/directory/v1/secret": {"get": {"operationId": "secret"}},
        "/health/ready": {"get": {"operationId": "ready"}},
    },
    "components": {
        "schemas": {"Page": {"type": "object"}},
        "securitySchemes": {"internal": {"type": "http", "scheme": "bearer"}},
    },
}


class TestHealth:
    async def test_live_asks_nobody(self, start_gateway, settings):
        nowhere = settings.model_copy(update={"directory_url": "http://127.0.0.1:1"})
        async with start_gateway(nowhere) as gateway:
            assert (await gateway.client.get("/health/live")).status_code == 200
            answer = await gateway.client.get("/health/ready")
        assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
        assert answer.json()["services"] == {
            "directory": False,
            "referrals": True,
            "campaigns": True,
        }

    async def test_a_refused_probe_tells_the_id_that_its_headers_tell(
        self, start_gateway, settings
    ):
        nowhere = settings.model_copy(update={"directory_url": "http://127.0.0.1:1"})
        async with start_gateway(nowhere) as gateway:
            for method, path in (("POST", "/health/live"), ("GET", "/health/ready")):
                answer = await gateway.client.request(method, path)
                trace_id = answer.json()["trace_id"]
                assert trace_id == answer.headers["X-Request-Id"] != "0" * 32

    async def test_ready_when_every_service_is(self, gateway, issuer):
        await gateway.client.get("/directory/v1/needs", headers=issuer.bearer())
        answer = await gateway.client.get("/health/ready")
        assert answer.status_code == 200
        assert answer.json()["keys"] is True


class TestDocument:
    async def test_holds_what_the_policy_lets_through_under_the_services_names(
        self, start_gateway, settings, echo
    ):
        echo.documents["/openapi.json"] = DOCUMENT
        async with start_gateway(settings) as gateway:
            answer = await gateway.client.get("/openapi.json")
        document = answer.json()
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert set(document["paths"]) == {
            "/directory/v1/needs",
            "/directory/v1/services/{service_id}",
        }
        needs = document["paths"]["/directory/v1/needs"]
        assert set(needs) == {"get"}
        assert needs["get"]["operationId"] == "directory_list_needs"
        schema = needs["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/directory.Page"}
        assert document["components"]["schemas"]["directory.Page"]["title"] == "directory.Page"
        assert set(document["components"]["securitySchemes"]) == {"access_token"}
        assert needs["get"]["security"] == [{}, {"access_token": []}]
        change = document["paths"]["/directory/v1/services/{service_id}"]["patch"]
        assert {"access_token": ["directory:write"]} in change["security"]

    async def test_any_web_page_may_ask_before_it_reads(self, gateway):
        answer = await gateway.client.options("/openapi.json")
        assert (answer.status_code, answer.headers["Allow"]) == (204, "GET, HEAD, OPTIONS")
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["Access-Control-Allow-Methods"] == "GET, HEAD"
        assert "traceparent" in answer.headers["Access-Control-Allow-Headers"]


class TestDeprecation:
    async def test_a_route_that_ends_says_so_in_answers_and_in_the_document(
        self, start_gateway, settings, echo, tmp_path
    ):
        packaged = resources.files("maillage_gateway").joinpath("policy.toml").read_text("utf-8")
        row = 'path = "/directory/v1/needs/**"\n'
        path = tmp_path / "policy.toml"
        path.write_text(
            packaged.replace(row, row + "deprecated = 2026-01-01\nsunset = 2027-07-01\n")
        )
        echo.documents["/openapi.json"] = DOCUMENT
        async with start_gateway(settings.model_copy(update={"policy_file": path})) as gateway:
            answer = await gateway.client.get("/directory/v1/needs")
            assert answer.headers["Deprecation"] == "@1767225600"
            assert answer.headers["Sunset"] == "Thu, 01 Jul 2027 00:00:00 GMT"
            other = await gateway.client.get("/directory/v1/services")
            assert "Deprecation" not in other.headers
            document = (await gateway.client.get("/openapi.json")).json()
        assert document["paths"]["/directory/v1/needs"]["get"]["deprecated"] is True


GUIDES = [f"/docs/{name}" for name in portal.GUIDES]


class TestPages:
    @pytest.mark.parametrize("path", ["/", *GUIDES])
    async def test_say_in_three_languages_what_they_are_for(self, gateway, path):
        page = (await gateway.client.get(path)).text
        assert set(re.findall('lang="(..)"', page)) == {"fr", "nl", "en"}

    @pytest.mark.parametrize("path", ["/", "/docs", *GUIDES])
    async def test_pages_and_what_they_load_come_from_here(self, gateway, path):
        page = await gateway.client.get(path)
        assert page.status_code == 200
        assert "script-src 'self'" in page.headers["Content-Security-Policy"]
        links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert all(link.startswith("/") and not link.startswith("//") for link in links)
        for asset in (link for link in links if link.startswith("/docs/")):
            answer = await gateway.client.get(asset)
            assert answer.status_code == 200
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert len(answer.content) > 100

    @pytest.mark.parametrize("asset", ["swagger-initializer.js", "x", ""])
    async def test_no_other_file_is_served_and_nobody_led_elsewhere(self, gateway, asset):
        answer = await gateway.client.get(f"/docs/{asset}", headers={"Host": "evil.example"})
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")

    @pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
    @pytest.mark.parametrize(
        ("target", "code"),
        [
            ("/%68ealth/live", "bad_path"),
            ("/docs/../openapi.json", "bad_path"),
            ("/docs/..%2fportal.py", "bad_path"),
            ("/docs//", "bad_path"),
            ("/openapi.json?access_token=x", "token_in_query"),
            ("/?ID_TOKEN=x", "token_in_query"),
        ],
    )
    async def test_their_addresses_obey_the_rules_of_all_others(
        self, gateway, method, target, code
    ):
        raw = await gateway.talk(f"{method} {target} HTTP/1.1\r\nHost: g\r\n\r\n".encode())
        assert raw.startswith(b"HTTP/1.1 400")
        assert method == "HEAD" or f'"{code}"'.encode() in raw


class TestGuides:
    @pytest.mark.parametrize("path", GUIDES)
    async def test_come_in_the_language_of_the_reader_french_first(self, gateway, path):
        async def language(address: str, **headers: str) -> tuple[str, str]:
            answer = await gateway.client.get(address, headers=headers)
            assert answer.headers["Vary"] == "Accept-Language"
            [shown] = re.findall('<html lang="(..)">', answer.text)
            return shown, answer.headers["Content-Language"]

        assert await language(path) == ("fr", "fr")
        assert await language(path, **{"Accept-Language": "nl-BE, fr;q=0.5"}) == ("nl", "nl")
        assert await language(f"{path}?lang=en", **{"Accept-Language": "nl"}) == ("en", "en")

    @pytest.mark.parametrize("path", GUIDES)
    async def test_say_the_same_in_every_language(self, gateway, path):
        said = set()
        for language in ("fr", "nl", "en"):
            page = (await gateway.client.get(f"{path}?lang={language}")).text
            assert not re.search(r"\{(body|title|name|url)\}", page)
            commands = re.findall("<pre>.*?</pre>", page, re.DOTALL)
            operations = re.findall(r"<code>((?:GET|POST) [^<]*)</code>", page)
            said.add((*commands, *operations, page.count("<h2>"), page.count("<p>")))
        assert len(said) == 1

    async def test_show_the_address_that_callers_use(self, start_gateway, settings):
        away = settings.model_copy(update={"public_url": "https://maillage.example/"})
        async with start_gateway(away) as gateway:
            pages = [(await gateway.client.get(path)).text for path in GUIDES]
        assert not any("127.0.0.1" in page for page in pages)
        assert "&#x27;https://maillage.example/directory/v1/services?need" in pages[0]

    @pytest.mark.parametrize("language", ["fr", "nl", "en"])
    async def test_say_where_a_machine_of_a_back_office_is_refused(self, gateway, language):
        policy = Policy.load()
        page = (await gateway.client.get(f"/docs/back-office?lang={language}")).text
        refused = {
            number
            for number, step in enumerate(page.split("<h2>"))
            for method, path in re.findall("<code>(GET|POST) (/[^<]*)</code>", step)
            if not policy.find(method, path).machines
        }
        told = {
            number for number, step in enumerate(page.split("<h2>")) if "machines_refused" in step
        }
        assert refused == told == {4}
