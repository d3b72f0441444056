import re
from pathlib import Path

from maillage_campaigns.settings import Settings

README = Path(__file__).parents[2] / "README.md"


def test_the_readme_lists_every_setting_and_no_other() -> None:
    documented = set(re.findall(r"^\| `(CAMPAIGNS_\w+)`", README.read_text(), flags=re.MULTILINE))
    assert documented == {f"CAMPAIGNS_{name.upper()}" for name in Settings.model_fields}
