"""A zip file that leaves as it is made: its end says how long its parts were."""

import csv
import io
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZipFile

_SPOOLED_BYTES = 1 << 16
_CHUNK = 1 << 16


class Sink(io.RawIOBase):
    """Where a zip file writes; it cannot go back, so that what it wrote may leave."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        """What was written since the last time."""
        parts, self._parts = self._parts, []
        return b"".join(parts)


def open_zip(sink: Sink) -> ZipFile:
    return ZipFile(sink, "w", ZIP_DEFLATED, compresslevel=1)


class TableFile:
    """A CSV that grows in a file of its own until its turn in the zip."""

    def __init__(self, columns: Sequence[str], file: IO[bytes]) -> None:
        self._file = file
        self._text = io.TextIOWrapper(self._file, encoding="utf-8", newline="", write_through=True)
        self._writer = csv.DictWriter(self._text, columns, lineterminator="\r\n")
        self._writer.writeheader()

    def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._writer.writerows(rows)

    def chunks(self) -> Iterator[bytes]:
        """All of it; nothing can be added afterwards."""
        self._text.flush()
        self._file.seek(0)
        while chunk := self._file.read(_CHUNK):
            yield chunk


@contextmanager
def tables_aside(columns: Mapping[str, Sequence[str]]) -> Iterator[dict[str, TableFile]]:
    with ExitStack() as files:
        yield {
            name: TableFile(
                named, files.enter_context(tempfile.SpooledTemporaryFile(max_size=_SPOOLED_BYTES))
            )
            for name, named in columns.items()
        }
