"""What a file as a whole must be: readable, and no larger unpacked than it may be."""

from collections.abc import Mapping
from typing import IO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile

# A directory's sheets pack about ten to one; a bomb a thousand to one.
_MOST_PARTS = 500
_MOST_BYTES = 4 << 30
_MOST_RATIO = 200
_SMALL = 32 << 20
# What every program that writes sheets or packages uses.
_PACKINGS = frozenset({ZIP_STORED, ZIP_DEFLATED})


class UnreadableFile(Exception):
    """Nothing of the file can be read; `code` is stable."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def check_archive(file: IO[bytes], *, largest: Mapping[str, int] | None = None) -> list[str]:
    """The names in a zip file; raises UnreadableFile for a bomb. Sizes are those declared: zipfile
    reads no further, and fails when there is more."""
    try:
        with ZipFile(file) as archive:
            parts = archive.infolist()
    # zipfile's own answer to an archive of a later version of the format is NotImplementedError.
    except (BadZipFile, ValueError, NotImplementedError) as error:
        raise UnreadableFile("not_a_zip_file") from error
    total = sum(part.file_size for part in parts)
    packed = sum(part.compress_size for part in parts)
    if (
        len(parts) > _MOST_PARTS
        or total > _MOST_BYTES
        or (total > _SMALL and total > packed * _MOST_RATIO)
        or any(part.file_size > (largest or {}).get(part.filename, _MOST_BYTES) for part in parts)
    ):
        raise UnreadableFile("archive_too_large")
    if any(part.compress_type not in _PACKINGS for part in parts):
        raise UnreadableFile("not_a_zip_file")
    if any(part.flag_bits & 0x1 for part in parts):
        raise UnreadableFile("archive_encrypted")
    return [part.filename for part in parts]
