"""The codes of the directory (needs, territories, programs), kept in memory for a few seconds.

Reference data is small and changes rarely, and every search needs it to validate codes and to climb
territories. A code that memory does not know is looked up afresh before it is refused, so new codes
work at once; other changes are seen after `vocabulary_seconds`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from time import monotonic
from typing import Any

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common.codes import UnknownCode, nearest
from maillage_common.errors import FieldError
from maillage_directory.errors import (
    UnknownCommune,
    UnknownNeed,
    UnknownNetwork,
    UnknownProgram,
    UnknownTerritory,
)
from maillage_directory.models.columns import Texts
from maillage_directory.words import folded_words

_LOAD = text(
    "SELECT 'need' AS what, code, parent_code AS parent, name, NULL::jsonb AS above, keywords"
    "  FROM need"
    " UNION ALL SELECT 'program', code, NULL, name, NULL, NULL FROM program"
    " UNION ALL SELECT 'territory', t.code, t.kind, t.name,"
    "  (SELECT jsonb_object_agg(a.above, a.is_certain) FROM territory_above a"
    "  WHERE a.code = t.code), NULL"
    " FROM territory t"
    " UNION ALL SELECT 'services', GREATEST(reltuples, 0)::bigint::text, NULL, '{}', NULL, NULL"
    "  FROM pg_class WHERE oid = 'service_search'::regclass"
    " UNION ALL SELECT 'share', s.attname, NULL, NULL, jsonb_object_agg(value, share), NULL"
    "  FROM pg_class c"
    "  JOIN pg_stats s ON s.schemaname = 'public' AND s.tablename = 'service_search'"
    "  CROSS JOIN unnest(s.most_common_elems::text::text[], s.most_common_elem_freqs)"
    "  AS known(value, share)"
    "  WHERE c.oid = 'service_search'::regclass AND c.reltuples > :large"
    "  AND s.attname IN ('document', 'needs', 'languages', 'places')"
    "  AND value NOT LIKE '%|%'"
    "  GROUP BY s.attname"
    " UNION ALL SELECT 'share', 'open', NULL, NULL, public.open_shares(), NULL"
    "  FROM pg_class WHERE oid = 'service_search'::regclass AND reltuples > :large"
    " ORDER BY 1, 2"
)
# With fewer services than this, to look at all of them costs less than to look twice.
LARGE = 20_000
# More than a basin holds, fewer than a country.
_WIDE = 200


@dataclass(frozen=True)
class Terms:
    """One reading of the reference tables.

    `territory_above[code]` maps every territory above `code` (itself included) to whether that is
    certain; `territory_kind` maps codes to kinds; names are texts by language; `need_words` maps
    everyday words to the need they find; `service_count` is about how many services there are.
    `shares[column]` maps the most common values of a column of `service_search` (words, needs,
    languages, places) to the share of services that have them, `shares["open"]` the half hours of a
    week to the share that plain weekly rules open then; of a large directory only.
    """

    needs: Mapping[str, Texts]
    need_parents: Mapping[str, str | None]
    need_words: Mapping[str, str]
    programs: Mapping[str, Texts]
    territories: Mapping[str, Texts]
    territory_kind: Mapping[str, str]
    territory_above: Mapping[str, Mapping[str, bool]]
    service_count: int = 0
    shares: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def is_large(self) -> bool:
        return self.service_count > LARGE

    def holds(self, what: type[UnknownCode], code: str) -> bool:
        return code in self.of(what)

    def of(self, what: type[UnknownCode]) -> Mapping[str, Texts]:
        return self._by_error[what]

    @cached_property
    def _by_error(self) -> Mapping[type[UnknownCode], Mapping[str, Texts]]:
        return {
            UnknownNeed: self.needs,
            UnknownProgram: self.programs,
            UnknownTerritory: self.territories,
            UnknownCommune: {
                code: name
                for code, name in self.territories.items()
                if self.territory_kind[code] == "commune"
            },
            # Those who cover a territory or a program may be the ones who see a record.
            UnknownNetwork: {**self.territories, **self.programs},
        }

    def communes_of(self, postcode: str) -> dict[str, bool]:
        """The communes that it lies in, or may lie in, and whether that is certain."""
        above = self.territory_above.get(postcode, {})
        return {code: above[code] for code in above if self.territory_kind[code] == "commune"}

    def inside(self, code: str) -> list[str]:
        """The codes of all territories that certainly lie in `code`, itself included."""
        return sorted(held for held, above in self.territory_above.items() if above.get(code))

    @cached_property
    def _sizes(self) -> Counter[str]:
        return Counter(above for chain in self.territory_above.values() for above in chain)

    def is_wide(self, code: str) -> bool:
        """Whether so many territories lie in it that what lies in it may be far apart."""
        return self._sizes[code] > _WIDE

    @cached_property
    def phrases(self) -> set[frozenset[str]]:
        """The words of each of `need_words` that has several."""
        worded = {frozenset(folded_words(said)) for said in self.need_words}
        return {words for words in worded if len(words) > 1}

    @cached_property
    def need_branches(self) -> Mapping[str, set[str]]:
        """Every need with all its descendants, itself included."""
        branches = {code: {code} for code in self.needs}
        for code in self.needs:
            above = self.need_parents[code]
            while above is not None:
                branches[above].add(code)
                above = self.need_parents[above]
        return branches

    def need_branch(self, code: str) -> set[str]:
        """The need and all its descendants."""
        return self.need_branches[code]


class Vocabulary:
    """Gives the present `Terms`; one on each application (`app.state.vocabulary`)."""

    def __init__(self, *, seconds: float) -> None:
        self._seconds = seconds
        self._terms: Terms | None = None
        self._read_at = 0.0

    async def terms(self, session: AsyncSession, *, afresh: bool = False) -> Terms:
        if afresh or self._terms is None or monotonic() - self._read_at > self._seconds:
            self._terms = await load_terms(session)
            self._read_at = monotonic()
        return self._terms

    def known(self, wanted: Sequence[tuple[type[UnknownCode], str, str]]) -> Terms | None:
        """The terms in memory when they are fresh and hold every code: nothing is to be read."""
        if self._terms is None or monotonic() - self._read_at > self._seconds:
            return None
        held = all(self._terms.holds(what, code) for what, _, code in wanted)
        return self._terms if held else None

    async def check(
        self, session: AsyncSession, wanted: Sequence[tuple[type[UnknownCode], str, str]]
    ) -> Terms:
        """The terms, once every (error, place, code) is known; else raises the first one's error,
        which tells them all. A place is as `UnknownCode.fault` takes it."""
        terms = await self.terms(session)
        if not all(terms.holds(what, code) for what, _, code in wanted):
            terms = await self.terms(session, afresh=True)
        unknown = [one for one in wanted if not terms.holds(one[0], one[2])]
        if unknown:
            raise unknown[0][0]([unknown_code(what, terms, *place) for what, *place in unknown])
        return terms


def unknown_code(what: type[UnknownCode], terms: Terms, place: str, code: str) -> FieldError:
    """What is wrong at `place`, with the codes that `code` resembles."""
    words = terms.need_words if what is UnknownNeed else None
    meant = list(terms.communes_of(code)) if what is UnknownCommune else []
    return what.fault(place, meant or nearest(code, terms.of(what), words))


async def load_terms(session: AsyncSession) -> Terms:
    connection = await session.connection()
    rows = (await connection.execute(_LOAD, {"large": LARGE})).all()
    return make_terms(rows)


def make_terms(rows: Iterable[Any]) -> Terms:
    listed = list(rows)
    needs = [row for row in listed if row.what == "need"]
    territories = [row for row in listed if row.what == "territory"]
    return Terms(
        needs={row.code: row.name for row in needs},
        need_parents={row.code: row.parent for row in needs},
        need_words={
            word.lower(): row.code
            for row in needs
            for said in (row.keywords or {}).values()
            for word in said.split("; ")
        },
        programs={row.code: row.name for row in listed if row.what == "program"},
        territories={row.code: row.name for row in territories},
        territory_kind={row.code: row.parent for row in territories},
        territory_above={row.code: row.above or {} for row in territories},
        service_count=sum(int(row.code) for row in listed if row.what == "services"),
        shares={row.code: row.above or {} for row in listed if row.what == "share"},
    )
