"""Everything CI runs: `make test`.

    python -m maillage_local.checks [--verbose] [NAME…]

Style, types, each package's tests and the end-to-end tests, four at a time, on one embedded
PostgreSQL. Nothing stops the run early; a summary and one line close it:
`N passed, N failed` (tests; a check that is not a suite, or a suite that ran no test, counts as
one failure).
"""

import argparse
import asyncio
import os
import re
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from maillage_local.bytecode import bytecode_environment
from maillage_local.postgres import Postgres, launched
from maillage_local.scratch import scratch_folder

# Twice the cores of CI: suites wait for clocks, sockets and starting processes half their time.
AT_ONCE = 4
TAIL_LINES = 80
STILL_RUNNING_SECONDS = 30.0
STOP_SECONDS = 15.0
SERVER_VARIABLE = "MAILLAGE_TEST_DATABASE_URL"
END_TO_END = "tests/e2e"
# On stacks and installations of their own: beside the other end-to-end tests, not among them.
APART = ("tests/e2e/test_crashes.py", "tests/e2e/test_install_alone.py")
# The longest first, so that no lane idles at the end.
SUITES = (
    END_TO_END,
    "services/directory",
    "tests/e2e/test_crashes.py",
    "services/gateway",
    "services/campaigns",
    "services/referrals",
    "tests/e2e/test_install_alone.py",
    "libs/common",
    "libs/local",
    "libs/client",
)
_COUNT = re.compile(r"(\d+) (passed|failed|errors?|skipped|xfailed|xpassed|deselected)\b")
_CLOSING = re.compile(r"^=*\s*\d+ \w+.* in [\d.]+s")


@dataclass(frozen=True)
class Check:
    """One command. `is_suite`: pytest, whose closing line is read."""

    name: str
    command: tuple[str, ...]
    is_suite: bool = False


@dataclass(frozen=True)
class Result:
    """How a check ended. `passed` and `failed` are tests; `output` is everything it wrote."""

    check: Check
    status: int
    seconds: float
    output: str
    passed: int = 0
    failed: int = 0

    @property
    def succeeded(self) -> bool:
        return self.status == 0 and self.failed == 0


def checks(root: Path) -> tuple[Check, ...]:
    """The checks of the tree at `root`, in the order in which they start."""
    tools = Path(sys.executable).parent
    sources = sorted(str(path.relative_to(root)) for path in root.glob("*/*/src"))
    types = Check("types", (sys.executable, "-m", "mypy", *sources))
    style = (
        Check("format", (str(tools / "ruff"), "format", "--check", ".")),
        Check("lint", (str(tools / "ruff"), "check", ".")),
        Check("layers", (str(tools / "lint-imports"),)),
    )
    longest, others = SUITES[:3], SUITES[3:]
    return (*style, *map(_suite, longest), types, *map(_suite, others))


def _suite(path: str) -> Check:
    ignored = [f"--ignore={apart}" for apart in APART if path == END_TO_END]
    command = (sys.executable, "-m", "pytest", "--color=no", path, *ignored)
    return Check(path, command, is_suite=True)


def count_tests(output: str) -> tuple[int, int]:
    """Tests passed and failed (errors included) by pytest's closing line; (0, 0) without one."""
    closing = [line for line in output.splitlines() if _CLOSING.match(line)]
    if not closing:
        return 0, 0
    counts = {kind.rstrip("s"): int(number) for number, kind in _COUNT.findall(closing[-1])}
    return counts.get("passed", 0), counts.get("failed", 0) + counts.get("error", 0)


def judge(check: Check, status: int, seconds: float, output: str) -> Result:
    """Turn an exit status and an output into counts. What failed counts at least once."""
    passed, failed = count_tests(output) if check.is_suite else (0, 0)
    ran_nothing = check.is_suite and passed + failed == 0
    if (status != 0 or ran_nothing) and failed == 0:
        failed = 1
    return Result(check, status, seconds, output, passed, failed)


class Runner:
    """Runs checks as child processes and tells what happens."""

    def __init__(self, console: Console, environment: Mapping[str, str], *, verbose: bool) -> None:
        self._console = console
        self._environment = environment
        self._verbose = verbose
        self._running: dict[str, float] = {}

    async def run(self, checks: Sequence[Check], at_once: int) -> list[Result]:
        lanes = asyncio.Semaphore(at_once)

        async def in_lane(check: Check) -> Result:
            async with lanes:
                return await self._run(check)

        telling = asyncio.create_task(self._tell_still_running())
        try:
            return list(await asyncio.gather(*map(in_lane, checks)))
        finally:
            telling.cancel()

    async def _run(self, check: Check) -> Result:
        started = self._running[check.name] = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            *launched(check.command, death_signal="KILL"),
            env=dict(self._environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=2**24,
            start_new_session=True,
        )
        lines: list[str] = []
        assert process.stdout is not None
        try:
            async for raw in process.stdout:
                lines.append(raw.decode("utf-8", "replace").rstrip("\n"))
                if self._verbose:
                    self._say(check, lines[-1])
            status = await process.wait()
        except asyncio.CancelledError:
            await _interrupt(process)
            raise
        del self._running[check.name]
        result = judge(check, status, time.monotonic() - started, "\n".join(lines))
        self._report(result, lines)
        return result

    def _report(self, result: Result, lines: Sequence[str]) -> None:
        tests = f", {result.passed} passed" if result.check.is_suite else ""
        if result.succeeded:
            self._say(result.check, f"ok ({result.seconds:.1f} s{tests})", "green")
            return
        if not self._verbose:
            for line in lines[-TAIL_LINES:]:
                self._say(result.check, line)
        self._say(result.check, f"FAILED with {result.status} ({result.seconds:.1f} s)", "red")

    async def _tell_still_running(self) -> None:
        while True:
            await asyncio.sleep(STILL_RUNNING_SECONDS)
            now = time.monotonic()
            busy = ", ".join(f"{name} {now - since:.0f} s" for name, since in self._running.items())
            self._console.print(f"… still running: {busy}", style="dim", highlight=False)

    def _say(self, check: Check, message: str, style: str | None = None) -> None:
        line = f"{check.name:<32}| {message}"
        self._console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)


async def _interrupt(process: asyncio.subprocess.Process) -> None:
    """Let pytest clean up after itself, then insist."""
    process.send_signal(signal.SIGINT)
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()


@contextmanager
def shared_server() -> Iterator[Mapping[str, str]]:
    """The environment of the suites: one PostgreSQL for all, unless one is given."""
    with scratch_folder() as folder:
        environment = os.environ | bytecode_environment(folder / "bytecode")
        if os.environ.get(SERVER_VARIABLE):
            yield environment
            return
        server = Postgres(folder / "postgres", durable=False)
        server.start()
        url = server.admin_url.render_as_string(hide_password=False)
        try:
            yield environment | {SERVER_VARIABLE: url}
        finally:
            server.stop()


async def run_all(root: Path, names: Sequence[str], console: Console, *, verbose: bool) -> int:
    """Run the checks (all, or those named), print the summary; 0 when nothing failed."""
    chosen = [check for check in checks(root) if not names or check.name in names]
    unknown = set(names) - {check.name for check in chosen}
    if unknown:
        console.print(f"no such check: {', '.join(sorted(unknown))}", style="red")
        return 2
    with shared_server() as environment:
        results = await Runner(console, environment, verbose=verbose).run(chosen, AT_ONCE)
    _summarise(results, console)
    return 0 if all(result.succeeded for result in results) else 1


def _summarise(results: Sequence[Result], console: Console) -> None:
    table = Table("check", "seconds", "passed", "failed", "")
    for result in results:
        counts = (str(result.passed), str(result.failed)) if result.check.is_suite else ("", "")
        verdict = "[green]ok[/green]" if result.succeeded else "[red]FAILED[/red]"
        table.add_row(result.check.name, f"{result.seconds:.1f}", *counts, verdict)
    console.print(table)
    passed = sum(result.passed for result in results)
    failed = sum(result.failed for result in results)
    console.print(f"{passed} passed, {failed} failed", highlight=False)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m maillage_local.checks")
    parser.add_argument("names", nargs="*", help="only these checks, e.g. lint services/directory")
    parser.add_argument("--verbose", action="store_true", help="show all output as it comes")
    chosen = parser.parse_args()
    console = Console()
    run = run_all(Path.cwd(), chosen.names, console, verbose=chosen.verbose)
    try:
        sys.exit(asyncio.run(run))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
