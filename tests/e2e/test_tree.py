"""The tree is the house that the project describes: names, sizes, pins, nothing of one machine."""

import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = ("directory", "referrals", "campaigns", "gateway")
WITH_DATABASE = SERVICES[:3]
LARGEST_MODULE = 400
SAYS_NOTHING = {"util", "utils", "helper", "helpers", "core", "base", "manager", "handler"}
HOUSE = (
    *("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "LICENSE", "Makefile"),
    *("pyproject.toml", "docker-compose.yml", ".pre-commit-config.yaml", ".ci/run", ".gitignore"),
    *("docs/adr/README.md", "docs/states.md", "docs/api-conventions.md", "docs/operations.md"),
    *("docs/data-protection.md", "deploy/Dockerfile", "deploy/README.md", "bench/README.md"),
    *("requirements/bootstrap.txt", "requirements/dev.txt"),
    *(f"requirements/{service}.txt" for service in SERVICES),
)
OF_EVERY_SERVICE = ("README.md", "pyproject.toml")
OF_EVERY_PACKAGE = (
    *("__init__.py", "__main__.py", "main.py", "settings.py", "errors.py", "events.py", "py.typed"),
)
# Folders where a checkout, its tools and its users live; a project names none of them. Written so
# that the pattern does not match itself.
MACHINE_PATH = re.compile(r"(?<![\w.}])/(?:work|root|home|Users)/[\w.]|(?<![\w.}])/tmp/[a-z]")
# An address to install from makes a file true on one network only.
INSTALL_ADDRESS = re.compile(
    r"--(?:extra-)?index-url|--find-links|--default-index|pythonhosted\.|py(?:pi)\.org/simple"
)


MADE = {".venv", ".local", "__pycache__", "node_modules", ".hypothesis", "uv.lock"}


def in_git() -> list[Path]:
    """The files that are in version control, or will be with the next commit.

    In an unpacked archive, which has no history, every file that no tool made.
    """
    if not (ROOT / ".git").exists():
        caches = MADE | {".pytest_cache", ".mypy_cache", ".ruff_cache", ".import_linter_cache"}
        found = (path for path in ROOT.rglob("*") if path.is_file())
        return sorted(path for path in found if not caches & set(path.relative_to(ROOT).parts))
    # An owner other than the user who runs this (a container's volume) is no reason to refuse.
    listing = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "-co", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=60,
    ).stdout.decode()
    paths = (ROOT / name for name in listing.split("\0") if name)
    return sorted(path for path in paths if path.is_file())


FILES = in_git()
PYTHON = [path for path in FILES if path.suffix == ".py"]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def text_of(path: Path) -> str:
    """Its text; nothing for a picture."""
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        return ""


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    own = Path(__file__).resolve()
    return [
        f"{name_of(path)}:{number}: {line.strip()[:100]}"
        for path in FILES
        if path != own
        for number, line in enumerate(text_of(path).splitlines(), start=1)
        if pattern.search(line)
    ]


def configured_hosts() -> set[str]:
    """Hosts and folders that this machine installs from, by its pip and uv settings."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    ).stdout
    wanted = [value for name, value in os.environ.items() if re.match(r"(PIP|UV)_.*INDEX", name)]
    addresses = re.findall(r"\b(?:https?|file)://[^\s'\"]+", " ".join([listed, *wanted]))
    hosts = {urlsplit(found).hostname or urlsplit(found).path for found in addresses}
    return {host for host in hosts if host not in ("localhost", "127.0.0.1")}


class TestNothingOfOneMachine:
    def test_no_file_names_a_path_of_a_machine(self) -> None:
        assert lines_with(MACHINE_PATH) == []

    def test_no_file_names_where_this_checkout_lies(self) -> None:
        assert lines_with(re.compile(re.escape(str(ROOT)) + r"\b")) == []

    def test_no_file_says_from_where_to_install(self) -> None:
        assert lines_with(INSTALL_ADDRESS) == []

    def test_no_file_names_the_registry_of_this_machine(self) -> None:
        hosts = sorted(configured_hosts())
        assert not hosts or lines_with(re.compile("|".join(map(re.escape, hosts)))) == []

    def test_nothing_made_by_tools_is_in_version_control(self) -> None:
        assert [name_of(path) for path in FILES if MADE & set(path.relative_to(ROOT).parts)] == []


class TestModules:
    def test_no_module_outgrows_four_hundred_lines(self) -> None:
        large = {
            name_of(path): length
            for path in PYTHON
            if not {"tests", "migrations"} & set(path.relative_to(ROOT).parts)
            and (length := len(path.read_text("utf-8").splitlines())) > LARGEST_MODULE
        }
        assert large == {}

    def test_no_module_has_a_name_that_says_nothing(self) -> None:
        assert [
            name_of(path)
            for path in PYTHON
            if SAYS_NOTHING & {part.removesuffix(".py") for part in path.relative_to(ROOT).parts}
        ] == []

    @pytest.mark.parametrize("service", SERVICES)
    def test_every_error_and_event_that_a_service_names_happens_somewhere(
        self, service: str
    ) -> None:
        package = ROOT / "services" / service / "src" / f"maillage_{service}"
        sources = "".join(text_of(path) for path in PYTHON if path.is_relative_to(package))
        errors = re.findall(r"^class (\w+)\(", text_of(package / "errors.py"), re.MULTILINE)
        events = re.findall(r"^    ([A-Z_]+) = ", text_of(package / "events.py"), re.MULTILINE)
        assert errors
        assert events
        unused = [name for name in errors if len(re.findall(rf"\b{name}\b", sources)) < 2]
        unused += [name for name in events if not re.search(rf"\.{name}\b", sources)]
        assert unused == []

    def test_nothing_is_left_to_do_later_in_the_sources(self) -> None:
        # In two parts: this line is a source too.
        marks = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|X" + r"XX)\b")
        found = [line for line in lines_with(marks) if line.partition(":")[0].endswith(".py")]
        assert found == []


class TestHouse:
    def test_the_tree_has_the_rooms_that_are_described(self) -> None:
        assert [name for name in HOUSE if not (ROOT / name).is_file()] == []

    @pytest.mark.parametrize("service", SERVICES)
    def test_a_service_has_what_every_service_has(self, service: str) -> None:
        home = ROOT / "services" / service
        package = home / "src" / f"maillage_{service}"
        wanted = [home / name for name in OF_EVERY_SERVICE]
        wanted += [package / name for name in OF_EVERY_PACKAGE]
        assert [name_of(path) for path in wanted if path not in FILES] == []
        assert any(path.is_relative_to(home / "tests") for path in PYTHON)

    @pytest.mark.parametrize("service", WITH_DATABASE)
    def test_a_service_with_a_database_has_its_rooms_too(self, service: str) -> None:
        home = ROOT / "services" / service
        package = home / "src" / f"maillage_{service}"
        wanted = [home / "alembic.ini", home / "migrations" / "env.py", package / "jobs.py"]
        assert [name_of(path) for path in wanted if path not in FILES] == []
        assert (package / "models.py").is_file() or (package / "models" / "__init__.py").is_file()
        versions = [path.stem for path in (home / "migrations" / "versions").glob("*.py")]
        assert versions
        assert [
            name for name in versions if not re.fullmatch(r"\d{8}_\d{4}_[a-z0-9_]+", name)
        ] == []

    def test_the_gateway_has_no_database(self) -> None:
        home = ROOT / "services" / "gateway"
        assert not (home / "migrations").exists()
        assert "maillage-common[db]" not in (home / "pyproject.toml").read_text("utf-8")

    @pytest.mark.parametrize("service", WITH_DATABASE)
    def test_what_answers_requests_of_a_noun_lies_with_the_noun(self, service: str) -> None:
        package = ROOT / "services" / service / "src" / f"maillage_{service}"
        features = [path.parent for path in FILES if path.name == "routes.py"]
        of_service = [folder for folder in features if folder.parent == package]
        assert of_service
        assert [
            name_of(folder) for folder in of_service if not (folder / "schemas.py").is_file()
        ] == []

    def test_the_changelog_says_what_is_not_released_yet(self) -> None:
        assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text("utf-8")

    def test_ci_runs_what_developers_run(self) -> None:
        runner = ROOT / ".ci" / "run"
        assert os.access(runner, os.X_OK)
        assert "make test" in runner.read_text("utf-8")


class TestPins:
    @pytest.mark.parametrize("name", ["bootstrap", "dev", *SERVICES])
    def test_each_requirement_is_one_version_with_its_hashes(self, name: str) -> None:
        text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
        assert "://" not in text
        requirements = text.replace("\\\n", " ").strip().splitlines()
        assert requirements
        form = re.compile(
            r"[a-z0-9.-]+(?:\[[a-z0-9,-]+\])?==\S+(?: ; [^#]+?)?(?: +--hash=sha256:[0-9a-f]{64})+"
        )
        assert [line[:80] for line in requirements if not form.fullmatch(line)] == []

    def test_an_image_runs_the_versions_that_were_tested(self) -> None:
        def pins(name: str) -> set[str]:
            text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
            return set(re.findall(r"^([a-z0-9.-]+==[^\s;]+)", text, re.MULTILINE))

        tested = pins("dev")
        assert {name: pins(name) - tested for name in ("bootstrap", *SERVICES)} == {
            name: set() for name in ("bootstrap", *SERVICES)
        }
