"""The one normal form of a path, and a tree that finds the most specific pattern for it.

The policy and the service behind it must read a path alike, or a rule is checked on one resource
and another is served (CVE-2021-29492). So a path passes byte for byte when it is in normal form,
and is refused when it is not; nothing is rewritten.
"""

import re
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from urllib.parse import unquote_to_bytes

T = TypeVar("T")

MAX_PATH_BYTES = 2048

# RFC 3986 pchar without ";" (path parameters are read differently everywhere). Percent-encoding is
# refused for controls, "%", "/", ";", "\" and for every character that needs none (section 2.3).
_CHARACTERS = rb"[A-Za-z0-9._~!$&'()*+,=:@-]++"
_ESCAPE = (
    rb"%(?!(?i:[01][0-9a-f]|2[5def]|3[0-9b]|4[1-9a-f]|5[0-9acf]|6[1-9a-f]|7[0-9aef]))"
    rb"[0-9A-Fa-f]{2}"
)
_NORMAL = re.compile(rb"/|(?:/(?!\.\.?(?:/|\Z))(?:" + _CHARACTERS + rb"|" + _ESCAPE + rb")++)++/?")
# Nearly every path there is: told apart in a tenth of the time.
_PLAIN = re.compile(rb"(?:/[A-Za-z0-9_][A-Za-z0-9._-]*+)++")


def is_normal(raw_path: bytes) -> bool:
    """Whether the path has exactly one reading: no `//`, dot segments, `;`, `\\` or hidden ones."""
    if _PLAIN.fullmatch(raw_path) is not None:
        return True
    if _NORMAL.fullmatch(raw_path) is None:
        return False
    if b"%" not in raw_path:
        return True
    try:
        unquote_to_bytes(raw_path).decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


@dataclass(slots=True)
class _Node(Generic[T]):
    literals: "dict[str, _Node[T]]" = field(default_factory=dict)
    variable: "_Node[T] | None" = None
    here: T | None = None
    beneath: T | None = None


class PathTree(Generic[T]):
    """Patterns of literal segments, `{variable}` segments and a closing `/**` (zero or more).

    The most specific pattern wins: literal before variable before `**`. A path that ends in a slash
    matches only a pattern that does: to the services it is another address.
    """

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()
        self._slashed: dict[str, T] = {}

    def add(self, pattern: str, value: T) -> None:
        """ValueError when the pattern is malformed or already there."""
        if pattern.endswith("/"):
            if pattern in self._slashed:
                raise ValueError(f"{pattern} is there twice")
            self._slashed[pattern] = value
            return
        *segments, last = _segments(pattern)
        node = self._root
        for segment in segments if last == "**" else [*segments, last]:
            node = _child(node, segment)
        if (node.beneath if last == "**" else node.here) is not None:
            raise ValueError(f"{pattern} is there twice")
        if last == "**":
            node.beneath = value
        else:
            node.here = value

    def find(self, path: str) -> T | None:
        if path[-1] == "/":
            return self._slashed.get(path)
        return _find(self._root, path.split("/"), 1)


def _segments(pattern: str) -> list[str]:
    first, *segments = pattern.split("/")
    variable = re.compile(r"\{\w+\}|\*\*|[A-Za-z0-9._-]+")
    if first or not segments or not all(variable.fullmatch(segment) for segment in segments):
        raise ValueError(f"{pattern} is not a path pattern")
    if "**" in segments[:-1]:
        raise ValueError(f"{pattern} is not a path pattern: ** comes last")
    return segments


def _child(node: _Node[T], segment: str) -> _Node[T]:
    if segment.startswith("{"):
        node.variable = node.variable or _Node()
        return node.variable
    return node.literals.setdefault(segment, _Node())


def _find(node: _Node[T], segments: list[str], index: int) -> T | None:
    if index == len(segments):
        return node.here if node.here is not None else node.beneath
    literal = node.literals.get(segments[index])
    if literal is not None:
        found = _find(literal, segments, index + 1)
        if found is not None:
            return found
    if node.variable is not None:
        found = _find(node.variable, segments, index + 1)
        if found is not None:
            return found
    return node.beneath
