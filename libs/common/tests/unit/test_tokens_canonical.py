"""One reading or none."""

import contextlib
import json
from base64 import urlsafe_b64encode

import pytest
from forged_tokens import steady
from hypothesis import given
from hypothesis import strategies as st

from maillage_common.canonical import (
    MAX_DEPTH,
    NotCanonical,
    decode_base64url,
    encode_base64url,
    load_object,
)


@steady
@given(st.binary(max_size=80))
def test_base64url_comes_back(data: bytes) -> None:
    assert decode_base64url(encode_base64url(data)) == data


@steady
@given(st.text(alphabet="AQgw_-+/=\n .é", max_size=12))
def test_base64url_octets_have_one_text(text: str) -> None:
    try:
        data = decode_base64url(text)
    except NotCanonical:
        return
    assert urlsafe_b64encode(data).rstrip(b"=").decode() == text


@pytest.mark.parametrize(
    "text",
    ["YQ==", "YQ=", "YR", "YWJ=", "YWK", "a", "YWJjZ", "+/+/", "YW Jj", "YWJj\n", "YW.Jj", "YWé"],
)
def test_refuses_lenient_base64url(text: str) -> None:
    with pytest.raises(NotCanonical):
        decode_base64url(text)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"[]",
        b'"{}"',
        b"{} {}",
        b"{",
        b"\xef\xbb\xbf{}",
        b'{"a":1,}',
        b"{'a':1}",
        b"{a:1}",
        b'{"a":1,"a":1}',
        b'{"a":{"b":1,"b":2}}',
        b'{"a":1,"\\u0061":2}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":-Infinity}',
        b'{"a":1e999}',
        b'{"a":01}',
        b'{"a":' + b"9" * 25 + b"}",
        b'{"a":0.' + b"1" * 25 + b"}",
        b'{"a":"\xff"}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":"\xc0\xaf"}',
        b'{"a":"\\ud800"}',
        b'{"a":"\\uDfff"}',
        b'{"\\ud800":1}',
        b'{"a":"\n"}',
        b'{"a":"\\x41"}',
        b"// no\n{}",
        '{"a":1}'.encode("utf-16"),
        b'{"a":' + b"[" * 100_000,
        b'{"a":' + b"[" * 900 + b"]" * 900 + b"}",
    ],
)
def test_refuses_json_with_no_reading_or_two(text: bytes) -> None:
    with pytest.raises(NotCanonical):
        load_object(text)


def test_reads_ordinary_json() -> None:
    text = ' {"a": [1, -2.5, true, null, "é\\ud83d\\ude00"], "b": {"c": {}}} '
    assert load_object(text.encode()) == {"a": [1, -2.5, True, None, "é😀"], "b": {"c": {}}}


@pytest.mark.parametrize("brackets", ["[]", '{"a":}'])
def test_nesting_has_a_limit(brackets: str) -> None:
    opening, closing = brackets[:-1], brackets[-1]
    levels = MAX_DEPTH - 1
    deep = '{"a":' + opening * levels + "1" + closing * levels + "}"
    assert load_object(deep.encode())
    with pytest.raises(NotCanonical):
        load_object(f'{{"a":{deep}}}'.encode())


def test_brackets_in_strings_are_not_nesting() -> None:
    assert load_object(json.dumps({"a": "[" * 50, "b": [[]] * 9}).encode())


@steady
@given(st.binary(max_size=60) | st.text(alphabet='{}[]",:\\ud8a1eN ', max_size=40).map(str.encode))
def test_never_fails_otherwise(text: bytes) -> None:
    with contextlib.suppress(NotCanonical):
        assert isinstance(load_object(text), dict)
