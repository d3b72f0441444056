import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maillage_campaigns.imports.reading import ListFile, UnreadableFile
from maillage_campaigns.imports.sniffing import EncodingSniffer, detect_delimiter

TEXT = "Nom;Téléphone;Prénom\r\nÉmile;0470;Zoé\r\n"


def verdict(data: bytes, *, pieces: int = 7) -> str:
    sniffer = EncodingSniffer()
    for start in range(0, len(data), pieces):
        sniffer.feed(data[start : start + pieces])
    return sniffer.verdict()


def records(data: bytes, encoding: str, *, pieces: int = 5) -> list[tuple[int, list[str]]]:
    chunks = [data[start : start + pieces] for start in range(0, len(data), pieces)]
    file = ListFile(lambda n: chunks[n] if n < len(chunks) else None, encoding=encoding)
    return [(1, file.header()), *file.records()]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (TEXT.encode(), "utf-8"),
        (TEXT.encode("utf-8-sig"), "utf-8-sig"),
        (TEXT.encode("utf-16"), "utf-16"),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "utf-16"),
        (TEXT.encode("utf-16-le"), "utf-16-le"),
        (TEXT.encode("utf-16-be"), "utf-16-be"),
        (TEXT.encode("iso-8859-1"), "iso-8859-1"),
        ((TEXT + "“€”").encode("windows-1252"), "windows-1252"),
        (b"a;b\n" * 50_000 + "é".encode("windows-1252"), "iso-8859-1"),
    ],
)
def test_names_the_encoding_from_all_bytes(data: bytes, expected: str) -> None:
    assert verdict(data, pieces=4999) == expected


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "iso-8859-1", "windows-1252"]
)
def test_reads_the_same_text_in_every_encoding(encoding: str) -> None:
    data = TEXT.encode(encoding)
    found = records(data, verdict(data))
    assert found == [(1, ["Nom", "Téléphone", "Prénom"]), (2, ["Émile", "0470", "Zoé"])]


def test_keeps_bytes_that_windows_1252_leaves_undefined() -> None:
    data = "Nom;Tel\nZoé".encode("windows-1252") + b"\x81 \x80;1"
    assert records(data, verdict(data))[1] == (2, ["Zoé\x81 €", "1"])


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
def test_finds_the_delimiter(delimiter: str) -> None:
    line = delimiter.join(("Nom", "Prénom, titre" if delimiter != "," else "Prénom", "Tel"))
    assert detect_delimiter([f"{line}\r\n"] * 5) == delimiter


def test_believes_a_sep_line_and_does_not_count_it() -> None:
    assert records(b"sep=|\nNom|Tel\nA|1\n", "utf-8") == [(1, ["Nom", "Tel"]), (2, ["A", "1"])]


def test_counts_rows_as_the_spreadsheet_does() -> None:
    data = b'Nom;Tel\r\n"A\r\nB";1\r\n;\r\n\r\nC;2\r\n'
    assert records(data, "utf-8") == [
        (1, ["Nom", "Tel"]),
        (2, ["A\r\nB", "1"]),
        (5, ["C", "2"]),
    ]


def test_refuses_bytes_that_are_not_the_encoding() -> None:
    with pytest.raises(UnreadableFile) as refused:
        records(codecs.BOM_UTF16_LE + b"\x00\xd8\x00\x00a", "utf-16")
    assert refused.value.code == "encoding-error"


def test_refuses_a_quote_that_never_ends() -> None:
    with pytest.raises(UnreadableFile) as refused:
        records(b'Nom;Tel\n"' + b"x" * 140_000, "utf-8", pieces=4096)
    assert refused.value.code == "malformed-csv"


def test_refuses_a_file_without_rows() -> None:
    with pytest.raises(UnreadableFile) as refused:
        records(b"", "utf-8")
    assert refused.value.code == "empty-file"


@given(st.binary(max_size=300))
def test_any_bytes_give_records_or_one_error(data: bytes) -> None:
    code = None
    try:
        records(data, verdict(data))
    except UnreadableFile as refused:
        code = refused.code
    assert code in {None, "encoding-error", "malformed-csv", "empty-file"}
