"""A pointer names members of the body, whatever union stood in between."""

import pytest

from maillage_common.errors import _members


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        (["subject", "KnownSubject", "handle"], {"subject": {}}, ["subject", "handle"]),
        (["hand_over", "contact", "phone"], {"hand_over": {"phone": 1}}, ["hand_over", "phone"]),
        (["obstacles", 1, "code"], {"obstacles": [{}, {"code": 1}]}, ["obstacles", 1, "code"]),
        (["words"], {}, ["words"]),
        ([], None, []),
    ],
)
def test_union_tags_are_left_out(path, body, pointer):
    assert list(_members(path, body)) == pointer
