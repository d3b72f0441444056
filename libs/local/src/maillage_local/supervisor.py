"""Child processes that are kept running, and that never outlive the one who keeps them.

Children are started from the main thread through `launch`, so the kernel ends them when the
supervisor ends, even by SIGKILL. They are known by process id alone.
"""

import asyncio
import contextlib
import os
import signal
import time
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from maillage_local.console import Output
from maillage_local.postgres import Postgres, PostgresFailed, launched

STOP_SECONDS = 10.0
LONGEST_LINE = 2**20
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
# A process that ran this long before it ended is not in a crash loop.
SETTLED_SECONDS = 30.0
CRASHES_BEFORE_READY = 3
POSTGRES_LOOK_SECONDS = 0.2


class StackFailed(RuntimeError):
    """The stack cannot start; the message says which process and shows its last lines."""


@dataclass(frozen=True)
class Command:
    """What to run: a unique name, the program with its arguments, and its environment."""

    name: str
    program: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


class Child:
    """One process, started again whenever it ends, until `stop`."""

    def __init__(self, command: Command, output: Output) -> None:
        self.command = command
        self.restarts = 0
        self._output = output
        self._process: Process | None = None
        self._stopping = False

    @property
    def pid(self) -> int | None:
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if running and self._process else None

    async def keep(self) -> None:
        """Run until stopped, with longer and longer pauses between crashes."""
        pause = FIRST_PAUSE
        self._output.rotate(self.command.name)
        while not self._stopping:
            started = time.monotonic()
            status = await self._run_once()
            if self._stopping:
                return
            if time.monotonic() - started > SETTLED_SECONDS:
                pause = FIRST_PAUSE
            self.restarts += 1
            name = self.command.name
            self._output.note(f"{name} ended with {status}; again in {pause:g} s", "yellow")
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def run_to_end(self) -> None:
        """Run once. Raises StackFailed unless it ends with 0."""
        self._output.rotate(self.command.name)
        status = await self._run_once()
        if status != 0:
            name = self.command.name
            raise StackFailed(f"{name} ended with {status}\n{self._output.tail(name)}")

    async def stop(self) -> None:
        """Ask to end, then insist. Returns when the process is gone."""
        self._stopping = True
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            self.kill()
            await process.wait()

    def kill(self) -> None:
        self._stopping = True
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def _run_once(self) -> int:
        self._process = await asyncio.create_subprocess_exec(
            *launched(self.command.program, death_signal="KILL"),
            env={**os.environ, "PYTHONUNBUFFERED": "1", **self.command.environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            limit=LONGEST_LINE,
            # Ctrl-C reaches the supervisor alone, which stops the others in order.
            start_new_session=True,
        )
        assert self._process.stdout is not None
        await self._copy_lines(self._process.stdout)
        return await self._process.wait()

    async def _copy_lines(self, stream: asyncio.StreamReader) -> None:
        while True:
            try:
                line = await stream.readline()
            except ValueError:
                continue  # longer than LONGEST_LINE: dropped by the reader
            if not line:
                return
            self._output.line(self.command.name, line)


class Supervisor:
    """PostgreSQL and the children of one stack."""

    def __init__(self, postgres: Postgres, output: Output) -> None:
        self.postgres = postgres
        self.children: dict[str, Child] = {}
        self.postgres_restarts = 0
        self._output = output
        self._keepers: list[asyncio.Task[None]] = []
        self._stopping = False

    async def start_postgres(self) -> None:
        """Start the server and look after it."""
        await self._start_postgres()
        self._keepers.append(asyncio.create_task(self._keep_postgres()))

    def keep(self, command: Command) -> None:
        """Start a process and keep it running."""
        child = Child(command, self._output)
        self.children[command.name] = child
        self._keepers.append(asyncio.create_task(child.keep()))

    async def run(self, command: Command) -> None:
        """Run a process to its end. Raises StackFailed unless it ends with 0."""
        child = Child(command, self._output)
        self.children[command.name] = child
        try:
            await child.run_to_end()
        finally:
            await child.stop()
            del self.children[command.name]

    def check_crashes(self) -> None:
        """Raise StackFailed if a process keeps crashing before it was ever of use."""
        for name, child in self.children.items():
            if child.restarts >= CRASHES_BEFORE_READY:
                raise StackFailed(f"{name} does not start\n{self._output.tail(name)}")
        self.check_keepers()

    def check_keepers(self) -> None:
        """Raise what ended the looking after a process: a full disk, a fault of ours."""
        for keeper in self._keepers:
            if keeper.done() and not self._stopping:
                keeper.result()

    async def stop(self) -> None:
        """End everything, PostgreSQL last. Harmless when repeated."""
        self._stopping = True
        await asyncio.gather(*(child.stop() for child in list(self.children.values())))
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        self.postgres.stop()

    def kill(self) -> None:
        """End the children at once; `stop` still has to be awaited."""
        for child in self.children.values():
            child.kill()

    async def _start_postgres(self) -> None:
        # Started here, since it ends with the thread that starts it; waited for elsewhere, since
        # recovery may take a while in which signals and logs must pass.
        self.postgres.launch()
        await asyncio.to_thread(self.postgres.wait_until_ready)

    async def _keep_postgres(self) -> None:
        pause = FIRST_PAUSE
        while not self._stopping:
            # poll() also reaps a killed server, without which it could not start again.
            status = self.postgres.poll()
            if status is not None:
                self._output.note(f"postgres ended with {status}; again", "yellow")
                self.postgres_restarts += 1
                try:
                    await self._start_postgres()
                    pause = FIRST_PAUSE
                except PostgresFailed as failure:
                    self._output.note(str(failure), "red")
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, LONGEST_PAUSE)
            await asyncio.sleep(POSTGRES_LOOK_SECONDS)
