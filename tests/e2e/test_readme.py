"""What the documents say is so: commands run, links lead somewhere, lists are complete.

The commands of the README run against the shared stack. A command block is fenced as `console`;
`$ ` begins a command, `> ` goes on with it, every other line is its answer, in which `…` stands for
anything.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.e2e.running import RunningStack

from maillage_campaigns.settings import Settings
from maillage_common.webhooks import sign

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
GUIDES = ROOT / "services/gateway/src/maillage_gateway/pages/guides"
LOCAL_GATEWAY = "http://127.0.0.1:8000"
# Commands that are run elsewhere, and where.
ELSEWHERE = {
    "make up": "temporary_stack starts what it starts",
    "make test": "it is what runs here",
}
DOCUMENTS = sorted(
    path
    for pattern in (
        "*.md",
        "docs/**/*.md",
        "deploy/*.md",
        "services/*/README.md",
        "libs/*/README.md",
    )
    for path in ROOT.glob(pattern)
)


@dataclass
class Step:
    """A command and the answer the README shows for it ("" = none is shown)."""

    command: str
    answer: list[str] = field(default_factory=list)

    @property
    def pattern(self) -> re.Pattern[str]:
        parts = "\n".join(self.answer).split("…")
        return re.compile(".*".join(map(re.escape, parts)), re.DOTALL)


def steps(text: str) -> Iterator[Step]:
    """The commands of all `console` blocks, in order."""
    for block in re.findall(r"^```console\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        step: Step | None = None
        for line in block.splitlines():
            if line.startswith("$ "):
                if step is not None:
                    yield step
                step = Step(line.removeprefix("$ "))
            elif step is not None and line.startswith("> ") and not step.answer:
                step.command += "\n" + line.removeprefix("> ")
            elif step is not None:
                step.answer.append(line)
        if step is not None:
            yield step


def here(command: str, *, gateway_url: str, data_dir: Path) -> str:
    """`command` for this stack and this interpreter, in place of the reader's own."""
    tools = Path(sys.executable).parent
    command = command.replace(LOCAL_GATEWAY, gateway_url).replace(".venv/bin", str(tools))
    return re.sub(r"(maillage token [\w-]+)", rf"\1 --data-dir '{data_dir}'", command)


def test_the_commands_of_the_readme_give_the_answers_it_shows(
    stack: RunningStack, tmp_path: Path
) -> None:
    shown = [step for step in steps(README.read_text("utf-8")) if step.command not in ELSEWHERE]
    assert len(shown) > 10
    script = "set -u\n" + "\n".join(
        # A group is no subshell: what one command sets, the next ones see.
        f"{{ {here(step.command, gateway_url=stack.gateway_url, data_dir=stack.folder.path)}\n"
        f"}} > {tmp_path}/{number} 2>&1\necho $? > {tmp_path}/{number}.status"
        for number, step in enumerate(shown)
    )
    subprocess.run(["bash", "-c", script], cwd=ROOT, timeout=120, check=True)
    for number, step in enumerate(shown):
        answer = (tmp_path / str(number)).read_text("utf-8").rstrip("\n")
        assert (tmp_path / f"{number}.status").read_text() == "0\n", f"$ {step.command}\n{answer}"
        assert step.pattern.fullmatch(answer), f"$ {step.command}\n{answer}"


def test_commands_that_run_elsewhere_are_targets_of_the_makefile() -> None:
    named = {step.command for step in steps(README.read_text("utf-8"))}
    assert set(ELSEWHERE) <= named
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for command in (one for one in named if one.startswith("make")):
        target = command.split()[1]
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), command


def test_the_readme_fits_on_a_few_pages() -> None:
    assert len(README.read_text("utf-8").splitlines()) <= 200


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    text = re.sub(r"```.*?```", "", document.read_text("utf-8"), flags=re.DOTALL)
    targets = [target for target in re.findall(r"\]\(([^)#\s]+)", text) if "://" not in target]
    assert [target for target in targets if not (document.parent / target).exists()] == []


def test_every_decision_is_in_the_list_under_its_own_title() -> None:
    folder = ROOT / "docs" / "adr"
    listed = re.findall(
        r"^\| \[(\d{4})\]\((\S+)\) \| (.+) \|$", (folder / "README.md").read_text("utf-8"), re.M
    )
    found = []
    for path in sorted(folder.glob("0*.md")):
        number, _, title = (
            path.read_text("utf-8").split("\n", 1)[0].removeprefix("# ").partition(". ")
        )
        found.append((f"{int(number):04}", path.name, title))
    assert listed == found


def test_the_example_receiver_of_webhooks_verifies_what_we_sign() -> None:
    text = (ROOT / "docs" / "api-conventions.md").read_text("utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    names: dict[str, object] = {}
    exec(compile(example, "api-conventions.md", "exec"), names)
    receive = names["receive"]
    assert callable(receive)
    secret = str(names["SECRET"])
    body = '{"type":"referral.updated","timestamp":"2026-11-22T10:00:00+00:00","data":{}}'
    headers = sign(body, "msg_1", secret)
    assert receive(body.encode(), headers) == 204
    assert receive(body.encode() + b" ", headers) == 401
    assert receive(body.encode(), {}) == 401


def test_every_common_code_is_in_the_api_conventions() -> None:
    text = (ROOT / "docs" / "api-conventions.md").read_text("utf-8")
    sources = ROOT.glob("libs/common/src/maillage_common/*.py")
    codes = {
        code
        for path in [*sources, ROOT / "services/gateway/src/maillage_gateway/errors.py"]
        for code in re.findall(
            r'^    (?:status, )?code(?:, title)? = (?:\d+, )?\(?"?(\w+)"',
            path.read_text("utf-8"),
            re.M,
        )
    }
    assert len(codes) > 20
    assert sorted(code for code in codes if f"`{code}`" not in text) == []


@pytest.mark.parametrize(
    "page", sorted(GUIDES.glob("back-office.*.html")), ids=lambda page: page.name
)
def test_the_portal_tells_the_largest_call_list_that_is_taken(page: Path) -> None:
    most = Settings.model_fields["max_import_bytes"].default >> 20
    assert re.search(rf"\b{most} M[Bo]\b", page.read_text("utf-8"))
