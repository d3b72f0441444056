"""The `maillage` command."""

import asyncio
import contextlib
import importlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Coroutine, Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import httpx
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from typer.core import TyperGroup

from maillage_local.console import Output
from maillage_local.data_folder import (
    DEFAULT_FOLDER,
    GATEWAY_PORT,
    DataFolder,
    StackRunning,
    State,
    port_is_free,
)
from maillage_local.demo.card import ensure_demo_card
from maillage_local.demo.narrator import Story, StoryFailed, Told
from maillage_local.demo.story import STEPS, tell
from maillage_local.demo.tour import tour
from maillage_local.environment import KeyRing
from maillage_local.postgres import PostgresFailed
from maillage_local.sign_in import NoToken, token_for
from maillage_local.signing_keys import PUBLISHED_AFTER, PUBLISHED_AHEAD, SigningKeys
from maillage_local.stack import Stack
from maillage_local.supervisor import StackFailed
from maillage_local.temporary_stack import temporary_stack
from maillage_local.traces import choose_trace, read_spans, trace_tree, wait_for_spans

SHOWN_PERSONAS = ("partner-app", "counsellor-mc", "raq-worker")
DOWN_SECONDS = 60.0

# The SDK's own commands, by the modules that hold them.
SDK_COMMANDS = {
    "directory": "maillage_client.directory_command",
    "lists": "maillage_client.lists",
}


class Commands(TyperGroup):
    """Ours, and the SDK's, which is imported when asked for: a fifth of the time of a start."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*super().list_commands(ctx), *SDK_COMMANDS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in SDK_COMMANDS:
            return super().get_command(ctx, cmd_name)
        found = typer.main.get_group(importlib.import_module(SDK_COMMANDS[cmd_name]).app)
        found.name = cmd_name
        return found


app = typer.Typer(
    cls=Commands,
    help="Maillage on one machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
# Rich takes what is no terminal for one of 80 columns: a line of a trace would be two in a pipe.
console = Console(width=None if sys.stdout.isatty() else 10_000)
errors = Console(stderr=True)

DataDir = Annotated[Path, typer.Option(help="Where the stack keeps everything.")]


@app.command()
def up(
    data_dir: DataDir = DEFAULT_FOLDER,
    port: Annotated[int, typer.Option(min=1, max=65535, help="The gateway's port.")] = GATEWAY_PORT,
    demo: Annotated[bool, typer.Option(help="Load fictitious services and observations.")] = True,
) -> None:
    """Start everything and stay until Ctrl-C."""
    folder = DataFolder(data_dir)
    try:
        folder.ensure()
    except OSError as failure:
        _fail(f"{folder.path}: {failure.strerror}; choose another folder with --data-dir")
    try:
        with folder.lock():
            if not port_is_free(port):
                _fail(f"port {port} is taken; choose another with --port")
            output = Output(console, folder.logs)
            stack = Stack(folder, output, gateway_port=port, with_demo=demo)
            asyncio.run(_run(stack, folder, output))
    except (StackRunning, StackFailed, PostgresFailed) as failure:
        _fail(str(failure))


@app.command()
def down(data_dir: DataDir = DEFAULT_FOLDER) -> None:
    """Stop the stack that runs on this data folder."""
    folder = DataFolder(data_dir)
    pid = folder.owner()
    if pid is None:
        console.print("No stack runs here.")
        return
    if pid <= 0:
        # kill(2) would take 0 for our own process group.
        _fail("the stack is only just starting; try again")
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + DOWN_SECONDS
    while folder.is_locked():
        if time.monotonic() > deadline:
            _fail(f"still running after {DOWN_SECONDS:.0f} s (pid {pid})")
        time.sleep(0.1)
    console.print("Stopped.")


@app.command()
def token(
    persona: Annotated[str, typer.Argument(help="raq-worker, counsellor-mc, …, beneficiary")],
    data_dir: DataDir = DEFAULT_FOLDER,
) -> None:
    """Print an access token of a demo persona, and nothing else."""
    folder = DataFolder(data_dir)
    try:
        print(token_for(persona, folder, _state(folder)))
    except (NoToken, httpx.TransportError) as refusal:
        _fail(str(refusal))


@app.command()
def trace(
    trace_id: Annotated[
        str | None, typer.Argument(help="The trace, or how it starts; the latest by default.")
    ] = None,
    data_dir: DataDir = DEFAULT_FOLDER,
) -> None:
    """Show one request's path through the services."""
    spans = list(read_spans(DataFolder(data_dir).telemetry))
    found = choose_trace(spans, trace_id)
    if found is None:
        _fail("no such trace; spans are written within a second of the request")
    console.print(trace_tree(spans, found))


@app.command()
def rotate_keys(data_dir: DataDir = DEFAULT_FOLDER) -> None:
    """Give the demo identity provider a new signing key."""
    path = DataFolder(data_dir).identity_provider_keys
    if not path.exists():
        _fail("no keys yet: start the stack first")
    fresh = SigningKeys(path).rotate()
    console.print(
        f"Key {fresh.kid} is published, and signs in {PUBLISHED_AHEAD.seconds} s;"
        f" the key before it stays published for {PUBLISHED_AFTER.seconds // 60} minutes more.",
        soft_wrap=True,
        highlight=False,
    )


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def revoke(arguments: typer.Context, data_dir: DataDir = DEFAULT_FOLDER) -> None:
    """Take tokens back within seconds: `client partner-app`, `lift client partner-app`, `show`."""
    keys = KeyRing(DataFolder(data_dir).keys)
    if not keys.revocation_list.exists():
        _fail("no list yet; start a stack with `make up`")
    program = [sys.executable, "-m", "maillage_gateway", "revoke", *keys.revocation_options]
    done = subprocess.run([*program, *arguments.args], check=False)
    raise typer.Exit(done.returncode)


class Shown(StrEnum):
    """What of the demo is shown."""

    ALL = "all"
    STORY = "story"
    DIRECTORY = "directory"


@app.command()
def demo(
    shown: Annotated[Shown, typer.Argument(help="The story, a tour of the directory, or all.")] = (
        Shown.ALL
    ),
    data_dir: DataDir = DEFAULT_FOLDER,
) -> None:
    """Walk the story end to end, then tour the directory, and print what happened; starts a stack
    of its own if none runs."""
    folder = DataFolder(data_dir)
    with contextlib.ExitStack() as stack:
        if folder.read_state() is None:
            console.print("No stack runs here: starting one for the demo…")
            folder = stack.enter_context(temporary_stack())
        state = _state(folder)
        story = Story(state.gateway_url, lambda persona: token_for(persona, folder, state))
        try:
            if shown is not Shown.DIRECTORY:
                _tell(tell(story))
                console.print(f"\n[bold]{len(STEPS) + 1}. One trace shows the whole path[/bold]")
                spans = wait_for_spans(folder.telemetry, story.trace_id, at_least=4)
                console.print(trace_tree(spans, story.trace_id))
            if shown is not Shown.STORY:
                console.print("\n[bold]The directory, in French and in Dutch[/bold]")
                _tell(tour(story))
        except StoryFailed as failure:
            _fail(f"the story stops here: {failure}")


def _tell(steps: Iterable[Told]) -> None:
    for number, told in enumerate(steps, start=1):
        console.print(f"\n[bold]{number}. {escape(told.title)}[/bold]", highlight=False)
        for line in told.lines:
            console.print(f"   {line}", highlight=False, markup=False, soft_wrap=True)


@app.command()
def status(data_dir: DataDir = DEFAULT_FOLDER) -> None:
    """Show the running processes and whether the services are ready."""
    state = _state(DataFolder(data_dir))
    table = Table("process", "pid", "port", "restarts")
    for name, process in state.processes.items():
        pid, restarts = process["pid"], process["restarts"]
        table.add_row(name, str(pid or "-"), str(state.ports.get(name, "-")), str(restarts))
    console.print(table)
    try:
        ready = httpx.get(f"{state.gateway_url}/health/ready", timeout=10, trust_env=False)
    except httpx.TransportError:
        _fail("the gateway does not answer")
    console.print(f"{state.gateway_url}/health/ready: {ready.status_code}", highlight=False)
    if not ready.is_success:
        console.print(f"not ready: {', '.join(_not_ready(ready))}", highlight=False)
        raise typer.Exit(1)


def _not_ready(answer: httpx.Response) -> list[str]:
    """What the gateway waits for, of an answer of its readiness."""
    told = answer.json()
    waiting = [name for name, is_ready in told.get("services", {}).items() if not is_ready]
    return waiting + (["keys"] if told.get("keys") is False else []) or [told["code"]]


async def _run(stack: Stack, folder: DataFolder, output: Output) -> None:
    """Start, say so, and stop in order on the first signal; on the second at once."""
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()

    def on_signal() -> None:
        if stopping.is_set():
            stack.supervisor.kill()
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, on_signal)
    try:
        started = time.monotonic()
        if await _unless(stopping, stack.start()):
            seconds = time.monotonic() - started
            if stack.with_demo:
                await asyncio.to_thread(ensure_demo_card, folder, _state(folder))
            await asyncio.to_thread(_welcome, folder, seconds)
            await _unless(stopping, stack.watch())
    finally:
        output.note("stopping")
        await stack.supervisor.stop()


async def _unless(stopping: asyncio.Event, work: Coroutine[None, None, None]) -> bool:
    """Do `work` until it ends or a stop is asked for; whether it ended."""
    working = asyncio.ensure_future(work)
    asked = asyncio.ensure_future(stopping.wait())
    await asyncio.wait({working, asked}, return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    if working.done():
        working.result()
        return True
    working.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await working
    return False


def _welcome(folder: DataFolder, seconds: float) -> None:
    state = _state(folder)
    gateway = state.gateway_url
    rows = [
        ("API and documentation", f"{gateway}/docs"),
        ("OpenAPI", f"{gateway}/openapi.json"),
        ("Identity provider", state.identity_provider_url),
        ("Logs, traces, data", str(folder.path)),
    ]
    lines = [f"[bold]Ready in {seconds:.1f} s.[/bold] Ctrl-C stops everything.", ""]
    lines += [f"  {name:<22} {escape(value)}" for name, value in rows]
    lines += ["", "Tokens of demo personas, good for an hour (maillage token PERSONA for others):"]
    for persona in SHOWN_PERSONAS:
        variable = persona.upper().replace("-", "_")
        lines.append(f"  export {variable}={token_for(persona, folder, state)}")
    lines += ["", "Services near 1080 where Arabic is spoken, without any token:"]
    query = "spoken=ar&territory=1080&limit=3"
    lines.append(f"  curl -s '{gateway}/directory/v1/services?{query}'")
    console.print("\n".join(["", *lines, ""]), soft_wrap=True, highlight=False)


def _state(folder: DataFolder) -> State:
    state = folder.read_state()
    if state is None:
        _fail(f"no stack runs on {folder.path}; start one with `make up`")
    return state


def _fail(message: str) -> NoReturn:
    errors.print(message, style="red", soft_wrap=True, highlight=False, markup=False)
    raise typer.Exit(1)
