"""Files of the directory: take it out whole, bring records in, read what was wrong."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import urlencode
from uuid import UUID

from maillage_client.models import Page, RecordFinding, RecordImport
from maillage_client.problems import ImportStopped, MaillageError
from maillage_client.transport import Transport

Format = Literal["ndjson", "csv", "xlsx", "geojson", "hsds"]
FORMATS: Mapping[str, Format] = {
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".csv": "csv",
    ".xlsx": "xlsx",
    ".geojson": "geojson",
    ".zip": "hsds",
    ".json": "hsds",
}
OnBytes = Callable[[int], None]
OnProgress = Callable[[RecordImport], None]
_CHUNK_BYTES = 256 * 1024
_IMPORTS = "/directory/v1/imports"


def format_of(file: Path | str) -> Format | None:
    """The format that a file's name tells."""
    return FORMATS.get(Path(file).suffix.lower())


class DirectoryFiles:
    """`Maillage(…).files`. Exports are open; imports ask for `directory:write`."""

    def __init__(
        self,
        transport: Transport,
        *,
        sleep: Callable[[float], None] = time.sleep,
        poll_seconds: float = 0.5,
    ) -> None:
        self._transport = transport
        self._sleep = sleep
        self._poll_seconds = poll_seconds

    def export(
        self,
        file: Path | str,
        form: Format,
        *,
        need: Iterable[str] = (),
        territory: Iterable[str] = (),
        program: Iterable[str] = (),
        on_received: OnBytes | None = None,
    ) -> int:
        """Write what this token may see to `file`; the number of bytes.

        The file has its name once it is whole: what breaks off leaves a `.part` behind, what is
        refused leaves nothing.
        """
        path, received = Path(file), 0
        part = path.with_name(f"{path.name}.part")
        filters = {"need": list(need), "territory": list(territory), "program": list(program)}
        try:
            with part.open("wb") as out:
                for data in self._transport.download(
                    f"/directory/v1/exports/{form}",
                    params={name: codes for name, codes in filters.items() if codes},
                ):
                    out.write(data)
                    received += len(data)
                    if on_received is not None:
                        on_received(received)
        except MaillageError:
            if not received:
                part.unlink()
            raise
        part.replace(path)
        return received

    def upload(
        self,
        file: Path | str,
        form: Format,
        *,
        source: str | None = None,
        dry_run: bool = True,
        complete: bool = True,
        on_sent: OnBytes | None = None,
    ) -> RecordImport:
        """Send a file, streamed. `complete`: it is the whole of its source."""
        path = Path(file)
        asked = {"format": form, "dry_run": _yes(dry_run), "complete": _yes(complete)}
        if source is not None:
            asked["source"] = source
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Length": str(path.stat().st_size),
        }
        made = self._transport.upload(
            f"{_IMPORTS}?{urlencode(asked)}", lambda: _chunks(path, on_sent), headers=headers
        )
        return RecordImport.model_validate(made)

    def get(self, import_id: UUID | str) -> RecordImport:
        return RecordImport.model_validate(self._transport.get(_path(import_id)))

    def wait(self, import_id: UUID | str, *, on_progress: OnProgress | None = None) -> RecordImport:
        """Look until it is checked or over. Raises `ImportStopped` for a file nobody can read."""
        while True:
            seen = self.get(import_id)
            if on_progress is not None:
                on_progress(seen)
            if seen.stage == "failed":
                raise ImportStopped(str(seen.id), seen.failure_code)
            if seen.stage in ("checked", "done", "cancelled"):
                return seen
            self._sleep(self._poll_seconds)

    def rows(self, import_id: UUID | str) -> Iterator[RecordFinding]:
        """The whole row report, in the order of the file."""
        params: dict[str, str | int] = {"limit": 100}
        while True:
            found = self._transport.get(f"{_path(import_id)}/rows", params=params)
            page = Page[RecordFinding].model_validate(found)
            yield from page.items
            if page.next_cursor is None:
                return
            params["cursor"] = page.next_cursor

    def decide(self, import_id: UUID | str, decision: Literal["apply", "cancel"]) -> RecordImport:
        """After a dry run: let the good records in, or forget the file."""
        decided = self._transport.create(f"{_path(import_id)}/decision", {"decision": decision})
        return RecordImport.model_validate(decided)


def _path(import_id: UUID | str) -> str:
    return f"{_IMPORTS}/{UUID(str(import_id))}"


def _yes(value: bool) -> str:
    return "true" if value else "false"


def _chunks(path: Path, on_sent: OnBytes | None) -> Iterable[bytes]:
    sent = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
            sent += len(chunk)
            if on_sent is not None:
                on_sent(sent)
