"""The file of a multipart/form-data body, as it arrives.

Starlette's own form parsing would spool the list in clear to a temporary file.
"""

from collections import deque
from collections.abc import AsyncIterator

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from maillage_campaigns.errors import FileMissing, MalformedMultipart

_MAX_HEADER = 4096


class FilePart:
    """Finds the first part that has a file name; `name` is known once its bytes begin."""

    def __init__(self, boundary: bytes) -> None:
        self.name: str | None = None
        self.is_found = False
        self._is_inside = False
        self._field = b""
        self._value = b""
        self._disposition = b""
        self._data: deque[bytes] = deque()
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_part_data": self._take,
                "on_part_end": self._end,
                "on_header_field": self._header_field,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
            },
        )

    async def stream(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The part's bytes; raises MalformedMultipart, FileMissing."""
        try:
            async for data in body:
                self._parser.write(data)
                while self._data:
                    yield self._data.popleft()
            self._parser.finalize()
        except FormParserError:
            raise MalformedMultipart("Check the boundary and the end of the body.") from None
        if not self.is_found:
            raise FileMissing('Name the part\'s file: filename="list.csv".')

    def _begin(self) -> None:
        self._field = self._value = self._disposition = b""

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]
        self._check_header()

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        self._check_header()

    def _header_end(self) -> None:
        if self._field.lower() == b"content-disposition":
            self._disposition = self._value
        self._field = self._value = b""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        if b"filename" in options and not self.is_found:
            self.is_found = self._is_inside = True
            self.name = options[b"filename"].decode("utf-8", "replace")

    def _take(self, data: bytes, start: int, end: int) -> None:
        if self._is_inside:
            self._data.append(data[start:end])

    def _end(self) -> None:
        self._is_inside = False

    def _check_header(self) -> None:
        if len(self._field) + len(self._value) > _MAX_HEADER:
            raise MalformedMultipart("A part's header is too long.")
