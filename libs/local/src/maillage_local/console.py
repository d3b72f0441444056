"""What the processes of a stack write: a file each, and one console with names and colours."""

import contextlib
import json
from pathlib import Path

from rich.console import Console
from rich.text import Text

LARGEST_LOG = 10 * 2**20
NAME_WIDTH = 18
_COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "bright_cyan", "bright_green")
_LEVELS = {"WARNING": "yellow", "ERROR": "red", "CRITICAL": "bold red"}
# Known to the reader from the prefix, or only useful in the file.
_HIDDEN = frozenset({"time", "level", "service", "event", "message", "trace_id", "span_id"})


class Output:
    """Lines of several processes, prefixed with their names. Files get them unchanged."""

    def __init__(self, console: Console, folder: Path) -> None:
        self.console = console
        self._folder = folder
        self._colours: dict[str, str] = {}

    def note(self, message: str, style: str = "bold") -> None:
        """A line of the stack's own."""
        self._print("maillage", Text(message, style=style))

    def line(self, name: str, raw: bytes) -> None:
        """One line that process `name` wrote."""
        with self._path(name).open("ab") as file:
            file.write(raw.rstrip(b"\n") + b"\n")
        self._print(name, _readable(raw.decode("utf-8", "replace").rstrip()))

    def rotate(self, name: str) -> None:
        """Start a new file when the present one is large; one old file is kept."""
        path = self._path(name)
        if path.exists() and path.stat().st_size > LARGEST_LOG:
            path.replace(path.with_suffix(".log.1"))

    def tail(self, name: str, lines: int = 20) -> str:
        try:
            content = self._path(name).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(content.splitlines()[-lines:])

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def _print(self, name: str, message: Text) -> None:
        colour = self._colours.setdefault(name, _COLOURS[len(self._colours) % len(_COLOURS)])
        prefix = Text(f"{name:<{NAME_WIDTH}}| ", style=colour)
        # A terminal that was closed, or `| head`: the files still get everything.
        with contextlib.suppress(OSError):
            self.console.print(prefix + message, soft_wrap=True, highlight=False)


def _readable(line: str) -> Text:
    """A JSON log line as a sentence with its facts; any other line as it is."""
    try:
        entry = json.loads(line)
    except ValueError:
        return Text(line)
    if not isinstance(entry, dict) or "message" not in entry:
        return Text(line)
    facts = entry.pop("facts", None) or {}
    shown = {name: value for name, value in {**entry, **facts}.items() if name not in _HIDDEN}
    style = _LEVELS.get(str(entry.get("level")), "")
    words = Text(str(entry["message"]), style=style)
    return words + Text("".join(f" {name}={value}" for name, value in shown.items()), style="dim")
