"""Entity tags of cards: the version that a change must be based on, and what the reader saw.

A card changes without a new version when a capacity report comes or ends, so its tag is
`"<version>-<digest>"`: the digest makes a 304 true, the version is what `If-Match` is checked for.
"""

import hashlib
import re
from typing import Any

import orjson


def card_tag(version: int, answer: Any) -> str:
    shown = orjson.dumps(answer, default=str, option=orjson.OPT_SORT_KEYS)
    return f'"{version}-{hashlib.sha256(shown).hexdigest()[:12]}"'


def version_tags(if_match: str | None) -> str | None:
    """An `If-Match` header with the digests taken away."""
    return None if if_match is None else re.sub(r'"(\d+)-[0-9a-f]+"', r'"\1"', if_match)
