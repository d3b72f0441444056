"""Languages: what the caller reads, texts with a fallback, and the codes and names of all."""

from collections.abc import Mapping
from difflib import get_close_matches
from functools import lru_cache

from babel.core import Locale, get_global

from maillage_common.languages import LABELS as LABELS
from maillage_common.languages import preferred as preferred

_LONGEST_CODE = 3


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
def written_language(code: str) -> str | None:
    """The one code of a language that CLDR names; None for any other."""
    known = canonical_language(code)
    is_named = code in get_global("language_aliases") or known in Locale("en").languages
    return known if is_named else None


@lru_cache(maxsize=1024)
def languages_like(word: str) -> tuple[str, ...]:
    """Codes of the languages that French, Dutch or English call so, or nearly, best first."""
    names = _codes_by_name()
    found = get_close_matches(word.lower()[:80], names, n=5, cutoff=0.8)
    return tuple(dict.fromkeys(names[name] for name in found))


@lru_cache(maxsize=1)
def _codes_by_name() -> Mapping[str, str]:
    """What differs between the three is as the French call it."""
    return {
        name.lower(): code
        for language in reversed(LABELS)
        for code, name in Locale(language).languages.items()
        if len(code) <= _LONGEST_CODE
    }


@lru_cache(maxsize=1024)
def language_name(code: str, language: str) -> str:
    """What people who read `language` (fr, nl, en) call it, else its code. Source: CLDR."""
    names = Locale(language).languages
    other = get_global("language_aliases").get(code)
    name: str = names.get(code) or names.get(other) or code
    return name
