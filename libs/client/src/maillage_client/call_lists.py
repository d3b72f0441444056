"""Call lists: push a file, follow it, read its row report, decide."""

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import quote
from uuid import UUID

from maillage_client.models import ImportStage, ListImport, Page, RowIssue
from maillage_client.problems import ImportStopped
from maillage_client.transport import Transport

CHUNK_BYTES = 256 * 1024
MEDIA_TYPES = {".csv": "text/csv", ".txt": "text/csv", ".tsv": "text/csv"}
MEDIA_TYPES[".xlsx"] = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

OnSent = Callable[[int], None]
OnProgress = Callable[[ListImport], None]


class CallLists:
    """`Maillage(…).lists`, for a token of a mutuality's back office."""

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

    def push(
        self,
        campaign_id: UUID | str,
        file: Path | str,
        *,
        on_sent: OnSent | None = None,
        on_progress: OnProgress | None = None,
    ) -> ListImport:
        """Upload a list and wait until it rests: it then awaits a decision, or is done.

        The file is streamed, never held in memory. `on_sent` gets the bytes sent so far,
        `on_progress` the import each time it was looked at. Pushing the same file again gives
        the same import. Raises `ImportStopped` if the file could not be read at all.
        """
        pushed = self.upload(campaign_id, file, on_sent=on_sent)
        return self.wait(pushed.id, on_progress=on_progress)

    def upload(
        self, campaign_id: UUID | str, file: Path | str, *, on_sent: OnSent | None = None
    ) -> ListImport:
        """Upload a list without waiting for it to be read."""
        path = Path(file)
        headers = {
            "Content-Type": MEDIA_TYPES.get(path.suffix.lower(), "text/csv"),
            "Content-Disposition": _disposition(path.name),
            "Content-Length": str(path.stat().st_size),
        }
        made = self._transport.upload(
            f"/campaigns/v1/campaigns/{UUID(str(campaign_id))}/imports",
            lambda: _chunks(path, on_sent),
            headers=headers,
        )
        return ListImport.model_validate(made)

    def get(self, import_id: UUID | str) -> ListImport:
        """Where an import is."""
        found = self._transport.get(_path(import_id))
        return ListImport.model_validate(found)

    def wait(self, import_id: UUID | str, *, on_progress: OnProgress | None = None) -> ListImport:
        """Look until the import rests; see `ImportStage.is_at_rest`."""
        while True:
            seen = self.get(import_id)
            if on_progress is not None:
                on_progress(seen)
            if seen.stage is ImportStage.FAILED:
                raise ImportStopped(
                    str(seen.id), seen.failure_code, missing_columns=seen.missing_columns
                )
            if seen.stage.is_at_rest:
                return seen
            self._sleep(self._poll_seconds)

    def rows(
        self, import_id: UUID | str, *, severity: Literal["error", "warning", "info"] | None = None
    ) -> Iterator[RowIssue]:
        """The whole row report, in the order of the file."""
        params: dict[str, str | int] = {"limit": 100}
        if severity is not None:
            params["severity"] = severity
        while True:
            page = Page[RowIssue].model_validate(
                self._transport.get(f"{_path(import_id)}/rows", params=params)
            )
            yield from page.items
            if page.next_cursor is None:
                return
            params["cursor"] = page.next_cursor

    def decide(
        self,
        import_id: UUID | str,
        decision: Literal["approve", "cancel"],
        *,
        confirm_bad_rows: bool = False,
    ) -> ListImport:
        """Let the good rows in, or drop the list. Many bad rows need `confirm_bad_rows`."""
        decided = self._transport.create(
            f"{_path(import_id)}/decision",
            {"decision": decision, "confirm_bad_rows": confirm_bad_rows},
        )
        return ListImport.model_validate(decided)


def _path(import_id: UUID | str) -> str:
    return f"/campaigns/v1/imports/{UUID(str(import_id))}"


def _disposition(name: str) -> str:
    """RFC 6266: the name in any script, and a plain one for readers that know no better. Neither
    can break out of the header."""
    plain = "".join(
        letter if letter.isascii() and letter.isprintable() and letter not in '"\\' else "_"
        for letter in name
    )
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _chunks(path: Path, on_sent: OnSent | None) -> Iterable[bytes]:
    sent = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
            sent += len(chunk)
            if on_sent is not None:
                on_sent(sent)
