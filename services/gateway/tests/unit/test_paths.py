"""The normal form of a path, and the most specific pattern for it."""

import posixpath
from urllib.parse import quote, unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maillage_gateway.paths import PathTree, is_normal


class TestNormalForm:
    @pytest.mark.parametrize(
        "path",
        [
            b"/",
            b"/a",
            b"/a/",
            b"/a/b.c",
            b"/.well-known/x",
            b"/a/...",
            b"/a:b@c",
            b"/%C3%A9",
            b"/a%20b",
        ],
    )
    def test_passes_what_has_one_reading(self, path):
        assert is_normal(path)

    @pytest.mark.parametrize(
        "path",
        [
            *(b"", b"a", b"*", b"//", b"/a//b", b"/.", b"/..", b"/./a", b"/a/./b", b"/a/.."),
            *(b"/a;b", b"/a\\b", b"/a b", b"/a\x00", b"/\xc3\xa9", b"/a\n", b"/a?b", b"/a#b"),
            *(b"/%", b"/%2", b"/%zz", b"/%00", b"/%2e%2E", b"/%2F", b"/%5c", b"/%3b", b"/%25"),
            *(b"/%41", b"/%7e", b"/%2d", b"/%5F", b"/%30", b"/%7F", b"/%0a", b"/%ff", b"/%c3"),
        ],
    )
    def test_refuses_what_could_be_read_otherwise(self, path):
        assert not is_normal(path)

    @given(st.binary(max_size=60))
    def test_what_passes_is_left_alone_by_every_normalisation(self, tail):
        path = b"/" + tail
        if not is_normal(path):
            return
        text = path.decode("ascii")
        assert posixpath.normpath(text) == (text.rstrip("/") or "/")
        decoded = unquote_to_bytes(path)
        # Decoding adds no separator and makes nothing that decodes again.
        assert decoded.count(b"/") == path.count(b"/")
        assert unquote_to_bytes(decoded) == decoded
        assert b"\\" not in decoded
        assert b";" not in decoded

    @given(st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=5))
    def test_any_text_quoted_once_passes_unless_it_holds_what_is_refused(self, segments):
        refused = set("%/\\;") | {chr(code) for code in (*range(32), 127)}
        texts = [
            "".join(c for c in text if c not in refused and not "\ud800" <= c <= "\udfff")
            for text in segments
        ]
        texts = [text for text in texts if text.strip(".")]
        path = "".join("/" + quote(text, safe="!$&'()*+,=:@") for text in texts) or "/"
        assert is_normal(path.encode("ascii"))

    def test_is_quick_whatever_the_path(self):
        # Nested repetition without possessive quantifiers would not end.
        assert not is_normal(b"/" + b"a" * 2000 + b";")
        assert not is_normal(b"/" + b"%C3%A9" * 300 + b"%")


class TestPathTree:
    @pytest.fixture
    def tree(self):
        tree = PathTree()
        for pattern in (
            "/a",
            "/a/**",
            "/a/{id}",
            "/a/{id}/b",
            "/a/x",
            "/a/x/**",
            "/c/",
            "/d/{x}/**",
        ):
            tree.add(pattern, pattern)
        return tree

    @pytest.mark.parametrize(
        ("path", "pattern"),
        [
            ("/a", "/a"),
            ("/a/1", "/a/{id}"),
            ("/a/x", "/a/x"),
            ("/a/x/y/z", "/a/x/**"),
            ("/a/1/b", "/a/{id}/b"),
            ("/a/x/b", "/a/x/**"),
            ("/a/1/c", "/a/**"),
            ("/a/1/b/2", "/a/**"),
            ("/c/", "/c/"),
            ("/c", None),
            ("/a/", None),
            ("/d", None),
            ("/d/1", "/d/{x}/**"),
            ("/d/1/2", "/d/{x}/**"),
            ("/A", None),
            ("/", None),
        ],
    )
    def test_the_most_specific_pattern_wins(self, tree, path, pattern):
        assert tree.find(path) == pattern

    def test_a_pattern_beneath_serves_its_own_path_where_no_other_does(self):
        tree = PathTree()
        tree.add("/a/**", "beneath")
        assert tree.find("/a") == "beneath"

    @pytest.mark.parametrize(
        "pattern", ["a", "", "/a/**/b", "/a//b", "/{a-b}", "/a b", "/a", "/c/"]
    )
    def test_malformed_and_repeated_patterns_are_refused(self, tree, pattern):
        with pytest.raises(ValueError, match=r"pattern|twice"):
            tree.add(pattern, pattern)
