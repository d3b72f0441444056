"""The language of an answer: French, Dutch or English, as the caller reads best."""

from functools import lru_cache

LABELS = ("fr", "nl", "en")


@lru_cache(maxsize=256)
def preferred(accept_language: str | None) -> str:
    """The best of fr, nl and en by `Accept-Language` (RFC 9110 section 12.5.4), else French."""
    best, best_weight = "fr", 0.0
    for part in (accept_language or "").split(",")[:20]:
        tag, _, parameters = part.strip().partition(";")
        language = tag.strip().lower().partition("-")[0]
        weight = _weight(parameters)
        if language in LABELS and weight > best_weight:
            best, best_weight = language, weight
    return best


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
