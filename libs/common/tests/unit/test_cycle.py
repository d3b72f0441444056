"""The head of an answer, as it goes over the wire."""

import pytest

from maillage_common.cycle import write_head


def test_a_head_is_written_line_by_line():
    head = write_head(200, [(b"Content-Type", b"text/plain"), (b"x-tab", b"a\tb \xc3\xa9")])
    assert head == b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nx-tab: a\tb \xc3\xa9\r\n\r\n"


@pytest.mark.parametrize("value", [b"a\r\nset-cookie: b", b"a\n", b"a\r", b"\x00", b"\x7f"])
def test_no_value_becomes_a_line_of_its_own(value):
    with pytest.raises(RuntimeError):
        write_head(200, [(b"location", value)])


@pytest.mark.parametrize("name", [b"a b", b"a:", b"a\r\nb", b"\x00"])
def test_a_name_is_a_token(name):
    with pytest.raises(RuntimeError):
        write_head(200, [(name, b"x")])
