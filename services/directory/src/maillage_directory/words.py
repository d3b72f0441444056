"""The words of what people type, as the directory compares them."""

import re
import unicodedata

_MAX_WORDS = 12


def folded_words(asked: str) -> list[str]:
    """The words of a query, without accents and case, at most twelve."""
    plain = unicodedata.normalize("NFKD", asked.lower())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return re.findall(r"[^\W_]+", plain)[:_MAX_WORDS]


def holds_sql(texts: str) -> str:
    """Whether `texts` (SQL) hold `:q`, accents and case aside; none of its letters is a wildcard.

    For short lists, which no index is worth: the search has one of its own.
    """
    return (
        f"lower(public.unaccent({texts})) LIKE"
        " '%' || replace(replace(lower(public.unaccent(:q)), '%', ''), '_', '') || '%'"
    )
