from typing import Annotated

from fastapi import Depends, Header, Request

from maillage_common.app import maillage_router
from maillage_common.audit import Audit
from maillage_common.auth import Caller, CurrentCaller, requires
from maillage_common.code_copies import KnownCodes
from maillage_common.database import WriteSession
from maillage_common.pagination import Cursor, CursorsDep, Limit, Page
from maillage_referrals.access.party import SUBJECT_SCOPE, Party, identify
from maillage_referrals.access.schemas import AccessPublic
from maillage_referrals.access.service import list_accesses
from maillage_referrals.clients import Directory
from maillage_referrals.events import LANGUAGES
from maillage_referrals.keys import Keys
from maillage_referrals.settings import Settings

router = maillage_router(prefix="/referrals/v1", tags=["access"])

Person = Annotated[Caller, requires(SUBJECT_SCOPE, individual=True)]


async def get_keys(request: Request) -> Keys:
    keys: Keys = request.app.state.keys
    return keys


async def get_settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


async def get_directory(request: Request) -> Directory:
    directory: Directory = request.app.state.directory
    return directory


async def get_needs(request: Request) -> KnownCodes:
    needs: KnownCodes = request.app.state.needs
    return needs


KeysDep = Annotated[Keys, Depends(get_keys)]
SettingsDep = Annotated[Settings, Depends(get_settings)]
DirectoryDep = Annotated[Directory, Depends(get_directory)]
NeedsDep = Annotated[KnownCodes, Depends(get_needs)]


async def get_party(session: WriteSession, caller: CurrentCaller, keys: KeysDep) -> Party:
    return await identify(session, caller, keys)


PartyDep = Annotated[Party, Depends(get_party, scope="function")]


async def get_language(accept_language: Annotated[str, Header()] = "fr") -> str:
    """The first of our languages that the header names."""
    wanted = [part.strip()[:2].lower() for part in accept_language.split(",")]
    return next((language for language in wanted if language in LANGUAGES), "fr")


LanguageDep = Annotated[str, Depends(get_language)]


@router.get("/subjects/{handle}/access-log", name="list_accesses")
async def list_accesses_route(
    caller: Person,
    party: PartyDep,
    session: WriteSession,
    audit: Audit,
    handle: str,
    language: LanguageDep,
    cursors: CursorsDep,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Page[AccessPublic]:
    """Who looked, who was denied and why, newest first, in plain words."""
    return await list_accesses(
        session,
        party,
        audit,
        handle=handle,
        limit=limit,
        cursor=cursor,
        cursors=cursors,
        language=language,
    )
