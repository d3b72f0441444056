"""A sealed file as records, never whole in memory."""

import csv
import io
from collections.abc import Callable, Iterator
from typing import Any

from maillage_campaigns.imports.sniffing import codec_of, declared_delimiter, detect_delimiter

_HEAD_LINES = 20
_BUFFER = 256 * 1024
FetchChunk = Callable[[int], bytes | None]


class UnreadableFile(ValueError):
    """The file as a whole is no list; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class ChunkStream(io.RawIOBase):
    """Bytes of the chunks in order; `fetch(number)` gives one, None after the last."""

    def __init__(self, fetch: FetchChunk) -> None:
        self._fetch = fetch
        self._number = 0
        self._rest = memoryview(b"")
        self.bytes_read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            chunk = self._fetch(self._number)
            if chunk is None:
                return 0
            self._number += 1
            self._rest = memoryview(chunk)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        self.bytes_read += count
        return count


class ListFile:
    """Records with their spreadsheet rows: the header is row 1, a quoted line break stays in one
    row, a blank line is a row. Raises `UnreadableFile`.
    """

    def __init__(self, fetch: FetchChunk, *, encoding: str) -> None:
        self.stream = ChunkStream(fetch)
        # newline="" leaves line breaks inside quotes as they are (csv's documentation).
        self._text = io.TextIOWrapper(
            io.BufferedReader(self.stream, _BUFFER), encoding=codec_of(encoding), newline=""
        )
        head = self._head()
        declared = declared_delimiter(head)
        self.delimiter = declared or detect_delimiter(head)
        lines = self._lines(head[1:] if declared else head)
        self._records = csv.reader(lines, delimiter=self.delimiter, strict=False)

    def header(self) -> list[str]:
        """The first row that is not blank is expected in row 1."""
        found = self._next()
        if found is None:
            raise UnreadableFile("empty-file")
        return found

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """(spreadsheet row, cells) of every row that is not blank, from row 2 on."""
        row_number = 1
        while (record := self._next()) is not None:
            row_number += 1
            if any(cell.strip() for cell in record):
                yield row_number, record

    def _next(self) -> list[str] | None:
        try:
            return next(self._records, None)
        except csv.Error:
            raise UnreadableFile("malformed-csv") from None
        except UnicodeError:
            raise UnreadableFile("encoding-error") from None

    def _head(self) -> list[str]:
        try:
            return [line for _, line in zip(range(_HEAD_LINES), self._text, strict=False)]
        except UnicodeError:
            raise UnreadableFile("encoding-error") from None

    def _lines(self, head: list[str]) -> Iterator[str]:
        yield from head
        yield from self._text
