"""What the services found can be counted by: for each facet, an array of codes of the row.

Only what the search itself filters by: a confidential place is in none of these columns.
"""

from collections.abc import Mapping

from maillage_directory.search.schemas import Facet


def _known(name: str, *, yes: str, no: str) -> str:
    return (
        f"ARRAY[CASE WHEN '{name}' = ANY (s.answers_yes) THEN '{yes}'"
        f" WHEN '{name}' = ANY (s.answers_no) THEN '{no}' ELSE 'unknown' END]"
    )


FACETS: Mapping[Facet, str] = {
    Facet.NEED: "s.needs",
    # Below a region are a thousand codes: what serves all of it would be counted in each of them.
    Facet.TERRITORY: "s.within",
    Facet.SPOKEN: "array_replace(s.languages, '?', 'unknown')",
    Facet.ACCESS: "s.access",
    Facet.KIND: "ARRAY[s.kind]",
    Facet.PROGRAM: "s.programs",
    Facet.CAPACITY: (
        "ARRAY[CASE WHEN s.capacity_valid_until > :now THEN s.capacity_status ELSE 'unknown' END]"
    ),
    Facet.COST: _known("cost_free", yes="free", no="paid"),
    Facet.ACCESSIBLE: _known("accessible", yes="yes", no="no"),
    Facet.CONDITION: "array_remove(array_remove(s.answers_yes, 'cost_free'), 'accessible')",
}
