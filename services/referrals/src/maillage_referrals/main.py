"""Wiring of the referrals service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from maillage_common.app import create_app
from maillage_common.code_copies import KnownCodes
from maillage_common.tokens import TokenSigner
from maillage_referrals.access.routes import router as access_router
from maillage_referrals.cards.routes import router as cards_router
from maillage_referrals.care_links.routes import router as care_links_router
from maillage_referrals.clients import HttpDirectory
from maillage_referrals.consents.routes import router as consents_router
from maillage_referrals.errors import UnknownNeed
from maillage_referrals.exclusions.routes import router as exclusions_router
from maillage_referrals.exports.routes import router as exports_router
from maillage_referrals.keys import Keys
from maillage_referrals.orientations.routes import router as orientations_router
from maillage_referrals.pointers.routes import router as pointers_router
from maillage_referrals.referrals.routes import router as referrals_router
from maillage_referrals.settings import Settings
from maillage_referrals.subjects.routes import router as subjects_router

ROUTERS = (
    cards_router,
    subjects_router,
    access_router,
    exports_router,
    consents_router,
    exclusions_router,
    care_links_router,
    pointers_router,
    orientations_router,
    referrals_router,
)


def create() -> FastAPI:
    settings = Settings()
    pem = settings.signing_key_file.read_bytes()
    directory = HttpDirectory.connect(settings.directory_url, pem)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.needs = KnownCodes(UnknownNeed, directory.list_needs, app.state.database)
        yield
        await directory.close()

    app = create_app(
        "referrals",
        settings,
        ROUTERS,
        title="Maillage referrals",
        lifespan=lifespan,
        # The gateway verifies card sessions with these keys before anyone is signed in.
        public_paths=frozenset({"/referrals/v1/jwks.json"}),
    )
    app.state.keys = Keys(settings.secret)
    app.state.directory = directory
    app.state.card_signer = TokenSigner(pem, f"{settings.public_url}/referrals")
    return app
