"""Codes that another service keeps, checked against a copy in one's own database.

The copy serves however old it is: such a list changes rarely, and its owner may be away. A job
brings it up to date by the clock. A code that it lacks is asked for at once, but not twice within
`COOLDOWN`: whoever sends nonsense cannot make us ask at will.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

import pydantic
from sqlalchemy import ARRAY, Text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common import clock, columns
from maillage_common.audit import SystemReason
from maillage_common.codes import UnknownCode, nearest
from maillage_common.database import Database
from maillage_common.peers import Peer, PeerRefused, PeerUnavailable

# As long as `Retry-After` of the 503 tells to wait: the next try then asks.
COOLDOWN = timedelta(seconds=5)


class CodeCopy(SQLModel, table=True):
    """One list. `present` are its codes; `names` also has those that its owner withdrew since."""

    __tablename__ = "code_copy"

    list_name: str = columns.plain_text(primary_key=True)
    tag: str = columns.plain_text()
    present: list[str] = Field(nullable=False, sa_type=ARRAY(Text))
    names: dict[str, dict[str, str]] = columns.jsonb()
    copied_at: datetime = columns.created_at()


@dataclass(frozen=True)
class Codes:
    """The codes of a list with their names by language, and the ETag of the answer they are of."""

    names: Mapping[str, Mapping[str, str]]
    tag: str


Ask = Callable[[str | None], Awaitable[Codes | None]]


class KnownCodes:
    """One list's copy, on each application and in each job that refreshes it.

    `error` is raised for a code that the list lacks. `ask` gets the tag of what is held and gives
    the list, or None when it is still the same; see `ask_for_codes`.
    """

    def __init__(self, error: type[UnknownCode], ask: Ask, database: Database) -> None:
        self._error, self._ask, self._database = error, ask, database
        self._asked_at: datetime | None = None

    async def check(self, session: AsyncSession, wanted: Sequence[tuple[str, str]]) -> None:
        """Each (JSON pointer, code) is of a code in the list.

        Raises the list's error, which tells them all with near matches; PeerUnavailable when there
        never was a copy and the owner is away.
        """
        if not wanted:
            return
        held = await _held(session, self._error.what)
        if held is None or any(code not in held.names for _, code in wanted):
            held = await self._ask_now(held)
        if held is None:
            raise PeerUnavailable
        faults = [
            self._error.fault(pointer, nearest(code, held.names))
            for pointer, code in wanted
            if code not in held.names
        ]
        if faults:
            raise self._error(faults)

    async def refresh(self) -> Codes | None:
        """Ask the owner and keep the answer, in a transaction of its own; what is held then.

        Raises PeerUnavailable.
        """
        async with self._database.read() as session:
            held = await _held(session, self._error.what)
        told = await self._ask(held.tag if held else None)
        if told is None:
            return held
        async with self._database.write(system=SystemReason.REFERENCE_DATA) as session:
            await _keep(session, self._error.what, told)
        return told

    async def _ask_now(self, held: Codes | None) -> Codes | None:
        now = clock.now()
        if self._asked_at is not None and now - self._asked_at < COOLDOWN:
            return held
        # Before the answer is there: others do not wait for it, each with a connection in hand.
        self._asked_at = now
        with suppress(PeerUnavailable):
            return await self.refresh()
        return held


async def _held(session: AsyncSession, list_name: str) -> Codes | None:
    query = select(CodeCopy.tag, CodeCopy.present, CodeCopy.names)
    row = (await session.exec(query.where(CodeCopy.list_name == list_name))).first()
    if row is None:
        return None
    tag, present, names = row
    return Codes({code: names[code] for code in present}, tag)


async def _keep(session: AsyncSession, list_name: str, told: Codes) -> None:
    made = insert(CodeCopy).values(
        list_name=list_name,
        tag=told.tag,
        present=sorted(told.names),
        names=told.names,
        copied_at=clock.now(),
    )
    changed = {
        "tag": made.excluded.tag,
        "present": made.excluded.present,
        "names": col(CodeCopy.names).op("||")(made.excluded.names),
        "copied_at": made.excluded.copied_at,
    }
    await session.exec(made.on_conflict_do_update(index_elements=["list_name"], set_=changed))


class _Item(pydantic.BaseModel):
    code: str
    name: dict[str, str]


class _Answer(pydantic.BaseModel):
    items: Annotated[list[_Item], pydantic.Field(min_length=1)]


async def ask_for_codes(peer: Peer, path: str, *, tag: str | None) -> Codes | None:
    """The whole list at `path` (items with `code` and `name`); None when `tag` is still its ETag.

    Raises PeerUnavailable, also for an answer that is no list or an empty one: an owner without
    a single code has not been filled yet.
    """
    headers = {"If-None-Match": tag} if tag else {}
    try:
        answer = await peer.request("GET", path, caller_token=None, headers=headers)
        if answer.status_code == 304:
            return None
        items = _Answer.model_validate_json(answer.content).items
    except (PeerRefused, pydantic.ValidationError) as error:
        raise PeerUnavailable from error
    return Codes({item.code: item.name for item in items}, answer.headers.get("ETag", ""))
