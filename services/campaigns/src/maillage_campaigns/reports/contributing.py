"""What one mutuality's own transaction counts for a publication. Counts only leave it."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_campaigns.imports.communes import CODES as COMMUNES
from maillage_campaigns.models import Contribution, OrientationState, PersonAnswer, Publication
from maillage_campaigns.results import MEANINGS, AaporClass, CallResult, Obstacle, most_learnt


@dataclass(frozen=True)
class Table:
    """What is counted, always people; `columns` are all that there can be, None where that varies.

    `once` = each person stands in one column only.
    """

    counts: str
    columns: Collection[str] | None
    once: bool = False


ROWS = COMMUNES | {"unknown"}
TABLES = {
    "listed": Table(
        "people put on the list in the period, by whether they were called by its end",
        ("called", "not_called"),
        once=True,
    ),
    "dispositions": Table(
        "people called in the period, by AAPOR class of the most that was learnt",
        tuple(AaporClass),
        once=True,
    ),
    "needs": Table("people in whose calls of the period the need was found", None),
    "obstacles": Table("people in whose calls of the period the obstacle was met", tuple(Obstacle)),
    "orientations": Table(
        "people oriented in the period, by what became of it",
        (*OrientationState, *(f"answered_{answer}" for answer in PersonAnswer)),
    ),
}
_IN_PERIOD = (
    "a.tenant = :tenant AND a.campaign_id = :campaign_id"
    " AND a.recorded_at >= :from_at AND a.recorded_at < :until_at"
)
_PLACE = (
    "JOIN call_case c ON c.tenant = a.tenant AND c.id = a.case_id"
    " JOIN person p ON p.tenant = c.tenant AND p.id = c.person_id"
)
_TERRITORY = "COALESCE(p.territory, 'unknown')"
# Whoever is called nine times is one person: one row for each case and cell.
_PERSON = f"SELECT DISTINCT a.case_id, {_TERRITORY} AS row_code"
# Whatever an attempt holds, a column is a need that the directory has or had.
_NEED = (
    "CASE WHEN EXISTS (SELECT FROM code_copy k WHERE k.list_name = 'need'"
    " AND jsonb_exists(k.names, need)) THEN need ELSE 'unknown' END"
)
_SELECTS = {
    "listed": (
        f"SELECT {_TERRITORY} AS row_code, CASE WHEN EXISTS (SELECT FROM attempt a"  # noqa: S608
        " WHERE a.tenant = c.tenant AND a.case_id = c.id AND a.recorded_at < :until_at)"
        " THEN 'called' ELSE 'not_called' END AS column_code"
        " FROM call_case c JOIN person p ON p.tenant = c.tenant AND p.id = c.person_id"
        " WHERE c.tenant = :tenant AND c.campaign_id = :campaign_id"
        " AND c.created_at >= :from_at AND c.created_at < :until_at"
    ),
    "needs": (
        f"{_PERSON}, {_NEED} AS column_code FROM attempt a {_PLACE}"
        f" CROSS JOIN LATERAL unnest(a.needs) AS need WHERE {_IN_PERIOD}"
    ),
    "obstacles": (
        f"{_PERSON}, met AS column_code FROM attempt a {_PLACE}"
        f" CROSS JOIN LATERAL unnest(a.obstacles) AS met WHERE {_IN_PERIOD}"
    ),
    "orientations": (
        f"{_PERSON}, COALESCE('answered_' || o.person_answer, o.state) AS column_code"
        f" FROM attempt a {_PLACE}"
        " JOIN orientation o ON o.tenant = a.tenant AND o.attempt_id = a.id"
        f" WHERE {_IN_PERIOD}"
    ),
}
_RESULTS = (
    f"SELECT a.case_id, {_TERRITORY} AS territory, array_agg(a.result) AS results"  # noqa: S608
    f" FROM attempt a {_PLACE} WHERE {_IN_PERIOD} GROUP BY a.case_id, p.territory"
)


async def contribute(session: AsyncSession, publication: Publication, *, tenant: str) -> None:
    """Write the tenant's counts, in its own session. Again, it writes the same."""
    period = {
        "tenant": tenant,
        "campaign_id": publication.campaign_id,
        "from_at": publication.from_at,
        "until_at": publication.until_at,
    }
    connection = await session.connection()
    await connection.execute(
        text("DELETE FROM contribution WHERE publication_id = :id AND tenant = :tenant"),
        {"id": publication.id, "tenant": tenant},
    )
    for name, select in _SELECTS.items():
        rows = (await connection.execute(text(select), period)).all()
        _add(session, publication.id, tenant, name, ((r.row_code, r.column_code) for r in rows))
    called = (await connection.execute(text(_RESULTS), period)).all()
    classes = ((r.territory, class_of(r.results).value) for r in called)
    _add(session, publication.id, tenant, "dispositions", classes)


def class_of(results: Iterable[str]) -> AaporClass:
    """The class of several attempts: of the most that was learnt in them."""
    return MEANINGS[most_learnt(map(CallResult, results))].aapor_class


def _add(
    session: AsyncSession,
    publication_id: UUID,
    tenant: str,
    name: str,
    cells: Iterable[tuple[str, str]],
) -> None:
    for (row, column), count in Counter(cells).items():
        session.add(
            Contribution.model_validate(
                {
                    "publication_id": publication_id,
                    "tenant": tenant,
                    "table_name": name,
                    "row_code": row,
                    "column_code": column,
                    "count": count,
                }
            )
        )
