"""Languages: what the caller reads, texts with a fallback, and the codes and names of all."""

from collections.abc import Mapping
from functools import lru_cache

from babel.core import Locale, get_global

from maillage_common.languages import LABELS as LABELS
from maillage_common.languages import preferred as preferred


def in_language(texts: Mapping[str, str] | None, language: str) -> str | None:
    """The words in `language`, else in another one."""
    if not texts:
        return None
    for choice in (language, *LABELS):
        if choice in texts:
            return texts[choice]
    return next(iter(texts.values()))


@lru_cache(maxsize=1024)
def canonical_language(code: str) -> str | None:
    """The ISO 639-1 code where there is one (`ara` is `ar`, `dut` and `nld` are `nl`), else the
    code of three letters as it is; None for two letters that name no language.

    Not every language of three letters has a name in CLDR: French Belgian sign language is `sfb`.
    """
    other = get_global("language_aliases").get(code)
    if len(code) == 3:
        return other if other is not None and len(other) == 2 else code
    return code if other is not None or code in Locale("en").languages else None


@lru_cache(maxsize=1024)
def language_name(code: str, language: str) -> str:
    """What people who read `language` (fr, nl, en) call it, else its code. Source: CLDR."""
    names = Locale(language).languages
    other = get_global("language_aliases").get(code)
    name: str = names.get(code) or names.get(other) or code
    return name
