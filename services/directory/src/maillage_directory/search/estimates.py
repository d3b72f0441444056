"""Where a large directory is likely to fill a page, and by what to look it up there, from what
PostgreSQL's statistics know of its services.

An estimate decides only what is looked at first: a wrong one costs time, never a service.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from maillage_directory.search.conditions import Tier
from maillage_directory.search.hours import half_hours
from maillage_directory.search.places import UNPLACED
from maillage_directory.search.schemas import SearchParams, Sort
from maillage_directory.vocabulary import Terms
from maillage_directory.words import folded_words

# An estimate may be too high, and looking twice costs more than looking further at once.
_SURE = 1.5
# In looks at one service (about 1.2 µs): to look up a key, to walk past one service in its list,
# and to merge one from the lists of several keys.
_KEY, _WALK, _MERGE = 10, 0.008, 0.1
# How many letters of a word its stem may lack, and the shortest stem that says something.
_ENDING, _STEM = 4, 3
# What the estimate counts, and what leaves nothing out.
_COUNTED = {
    "q",
    "need",
    "territory",
    "spoken",
    "open_at",
    "near",
    "radius_m",
    "sort",
    "limit",
    "cursor",
}


@dataclass(frozen=True)
class Look:
    """One look at a tier: `later` are the words, and `speaks_later` the language, to be asked of
    each service found, as its index is slower there. `cost` is in looks at one service."""

    cost: float = 0
    fits: float = 0
    later: tuple[str, ...] = ()
    speaks_later: bool = False


@dataclass(frozen=True)
class _Condition:
    """`share` of services meet it, `left` of those that meet the others; `word` or a language."""

    share: float
    left: float
    word: str | None = None


class Outlook:
    """What one search is likely to find where."""

    def __init__(self, params: SearchParams, terms: Terms, now: datetime) -> None:
        self._params, self._terms = params, terms
        self._places = terms.shares.get("places", {})
        languages = terms.shares.get("languages", {})
        words = sorted(_words(params, terms), key=lambda word: (word.left, word.share))
        # Whoever asks for both names the need by its words: the rarer of the two decides.
        self._needs = _any(terms.shares.get("needs", {}), params.need)
        topic = min([self._needs, *(word.left for word in words[:1])])
        self._found = terms.service_count * topic
        self._others = words[1:]
        if params.spoken:
            share = _any(languages, [*params.spoken, "?"])
            self._others.append(_Condition(share, share))
        # Of any other filter half is a guess as good as another.
        self._fit = 0.5 ** len(params.model_fields_set - _COUNTED)
        for word in words[1:]:
            self._fit *= word.left
        if params.spoken:
            self._fit *= _any(languages, params.spoken)
        if params.open_at:
            moments = [now if at == "now" else at for at in params.open_at]
            opening = [half_hour for moment in moments for half_hour in half_hours(moment)]
            self._fit *= _any(terms.shares.get("open", {}), opening)

    def first(self, tiers: Sequence[Tier]) -> int:
        """Which of `tiers`, from the nearest to all, is to be asked first: the nearest that is
        likely to fill the page, or all when that costs less."""
        *nearer, whole = tiers
        everything = self.look(whole)
        needed = _SURE * self._params.limit
        if everything.fits >= needed:
            for number, tier in enumerate(nearer):
                look = self.look(tier)
                if look.fits >= needed:
                    return number if look.cost < everything.cost else len(nearer)
        return len(nearer)

    def look(self, tier: Tier) -> Look:
        """How to look there."""
        count, share = self._terms.service_count, self._share(tier)
        found = self._found * share
        fits = found * self._fit
        if tier.is_everything:
            cost = count * self._needs * _WALK
        else:
            keys = len(tier.cells) * max(1, len(self._params.need))
            cost = keys * _KEY + count * share * self._needs * _MERGE
        later = []
        for condition in self._others:
            walk = count * condition.share * _WALK
            if walk < found * (1 - condition.left):
                cost, found = cost + walk, found * condition.left
            else:
                later.append(condition.word)
        words = tuple(word for word in later if word)
        return Look(cost + found, fits, words, speaks_later=None in later)

    def _share(self, tier: Tier) -> float:
        """The share of services that lie in it."""
        if tier.metres is None:
            return 1.0
        share = sum(self._places.get(cell, 0.0) * part for cell, part in tier.cells.items())
        if self._params.sort is Sort.RELEVANCE:
            share += self._places.get(UNPLACED, 0.0)
        return min(1.0, share)


def _any(shares: Mapping[str, float], values: list[str]) -> float:
    """The share with any of the values, or that of all when none is asked."""
    if not values:
        return 1.0
    return min(1.0, sum(shares.get(value, 0.0) for value in values))


def _words(params: SearchParams, terms: Terms) -> list[_Condition]:
    """The words asked for, as if each came alone; those of one everyday phrase for a need ("abri
    de nuit") come together, and its rarest stands for it."""
    known = terms.shares.get("document", {})
    rare = min(known.values(), default=0.0)
    words = folded_words(params.q or "")
    shares = {word: _word(word, known, rare) for word in words}
    left = dict(shares)
    for phrase in terms.phrases:
        if phrase <= shares.keys():
            rarest = min(phrase, key=shares.__getitem__)
            left |= dict.fromkeys(phrase - {rarest}, 1.0)
    return [_Condition(shares[word], left[word], word) for word in shares]


def _word(word: str, known: Mapping[str, float], rare: float) -> float:
    """The share that has a word, by the most frequent of its beginnings that may be its stem."""
    if len(word) < _STEM:
        # Says little, and is mostly not in the index ("à", "de").
        return 1.0
    shortest = max(_STEM, len(word) - _ENDING)
    stems = (word[:length] for length in range(shortest, len(word) + 1))
    return max((known[stem] for stem in stems if stem in known), default=rare)
