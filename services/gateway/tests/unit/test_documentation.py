"""The README names every setting and no other."""

import re
from pathlib import Path

from maillage_gateway.settings import IssuerSettings, Settings

README = Path(__file__).parents[2] / "README.md"
SOURCES = README.parent / "src" / "maillage_gateway"


class TestReadme:
    def test_every_setting_is_documented_and_no_other(self):
        documented = set(re.findall(r"`GATEWAY_([A-Z_]+)`", README.read_text("utf-8")))
        assert documented == {name.upper() for name in Settings.model_fields}

    def test_defaults_are_told_as_they_are(self):
        rows = dict(
            re.findall(r"^\| `GATEWAY_([A-Z_]+)` \| ([^|]*) \|", README.read_text("utf-8"), re.M)
        )
        for name, field in Settings.model_fields.items():
            told = rows[name.upper()].strip()
            if field.is_required():
                assert told == "needed", name
            elif isinstance(field.default, (int, float)):
                assert float(told) == field.default, name

    def test_members_of_an_issuer_are_documented(self):
        text = README.read_text("utf-8")
        for name in IssuerSettings.model_fields:
            assert f"`{name}`" in text, name

    def test_every_metric_is_documented_and_no_other(self):
        sources = "".join(path.read_text("utf-8") for path in SOURCES.glob("*.py"))
        made = set(re.findall(r'create_(?:observable_\w+|histogram)\(\s*"([a-z._]+)"', sources))
        table = README.read_text("utf-8").partition("## Metrics")[2].partition("## Codes")[0]
        assert set(re.findall(r"^\| `([a-z._]+)` \|", table, re.M)) == made
