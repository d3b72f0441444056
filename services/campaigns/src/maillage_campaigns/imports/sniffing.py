"""What a file says about itself without a declaration: its encoding and its delimiter."""

import codecs
import csv
from collections.abc import Sequence

from typing_extensions import Buffer

DELIMITERS = (";", ",", "\t", "|")
_HEAD_BYTES = 4096
# XLSX and ODS (ZIP), XLS (OLE 2), gzip, PDF.
_OTHER_FORMATS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"\x1f\x8b", b"%PDF-")


class EncodingSniffer:
    """Fed every byte as it arrives; a list may be ASCII for ninety thousand rows.

    Verdicts are Python codec names: utf-8-sig, utf-16, utf-16-le, utf-16-be, utf-8, windows-1252,
    iso-8859-1.
    """

    def __init__(self) -> None:
        self._head = b""
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._is_utf8 = True
        self._has_c1 = False

    def feed(self, data: bytes) -> None:
        if len(self._head) < _HEAD_BYTES:
            self._head += data[: _HEAD_BYTES - len(self._head)]
        if self._is_utf8:
            self._is_utf8 = self._decodes(data)
        if not self._has_c1:
            # ISO 8859-1 has only control characters here; Windows-1252 has the euro and quotes.
            self._has_c1 = any(map(data.__contains__, range(0x80, 0xA0)))

    @property
    def is_other_format(self) -> bool:
        """Whether the file is a workbook, an archive or a document, and no text at all."""
        return self._head.startswith(_OTHER_FORMATS)

    def verdict(self) -> str:
        if self._head.startswith(codecs.BOM_UTF8):
            return "utf-8-sig"
        if self._head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        even, odd = self._head[0::2].count(0), self._head[1::2].count(0)
        if odd > len(self._head) // 4 and not even:
            return "utf-16-le"
        if even > len(self._head) // 4 and not odd:
            return "utf-16-be"
        if self._is_utf8 and self._decodes(b"", final=True):
            return "utf-8"
        return "windows-1252" if self._has_c1 else "iso-8859-1"

    def _decodes(self, data: bytes, *, final: bool = False) -> bool:
        try:
            self._utf8.decode(data, final)
        except UnicodeDecodeError:
            return False
        return True


def codec_of(encoding: str) -> str:
    """The decoder for a verdict. What Windows-1252 leaves undefined becomes C1 controls."""
    return "windows-1252-with-controls" if encoding == "windows-1252" else encoding


def _decode_1252(data: Buffer, errors: str = "strict", /) -> tuple[str, int]:
    return codecs.charmap_decode(data, errors, _TABLE_1252)


_TABLE_1252 = "".join(
    bytes([byte]).decode("windows-1252", "ignore") or chr(byte) for byte in range(256)
)


class _Decoder1252(codecs.IncrementalDecoder):
    def decode(self, data: Buffer, final: bool = False) -> str:  # noqa: ARG002 (its protocol)
        return _decode_1252(data)[0]


def _find_codec(name: str) -> codecs.CodecInfo | None:
    if name != "windows_1252_with_controls":
        return None
    return codecs.CodecInfo(
        codecs.lookup("windows-1252").encode, _decode_1252, incrementaldecoder=_Decoder1252
    )


codecs.register(_find_codec)


def declared_delimiter(lines: Sequence[str]) -> str | None:
    """What a first line `sep=;`, as Excel writes it, says; None when there is no such line."""
    if lines and lines[0].lower().startswith("sep=") and lines[0][4:5] in DELIMITERS:
        return lines[0][4]
    return None


def detect_delimiter(lines: Sequence[str]) -> str:
    """The delimiter that splits the first lines, with their ends, into the most, and most even,
    columns."""
    return max(DELIMITERS, key=lambda delimiter: _evenness(lines, delimiter))


def _evenness(lines: Sequence[str], delimiter: str) -> tuple[int, int]:
    try:
        widths = [len(record) for record in csv.reader(lines, delimiter=delimiter) if record]
    except csv.Error:
        return (0, 0)
    if not widths or widths[0] < 2:
        return (0, 0)
    return (sum(width == widths[0] for width in widths), widths[0])
