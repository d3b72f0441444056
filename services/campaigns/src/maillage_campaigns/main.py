"""The campaigns service: wiring only."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from maillage_campaigns.calling.routes import router as calling_router
from maillage_campaigns.campaigns.routes import router as campaigns_router
from maillage_campaigns.clients import directory_client, referrals_client
from maillage_campaigns.errors import UnknownNeed
from maillage_campaigns.imports.routes import router as imports_router
from maillage_campaigns.objections.routes import router as objections_router
from maillage_campaigns.orientations.routes import router as orientations_router
from maillage_campaigns.reports.routes import router as reports_router
from maillage_campaigns.settings import Settings
from maillage_common.app import create_app
from maillage_common.code_copies import KnownCodes


def create() -> FastAPI:
    settings = Settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with referrals_client(settings) as referrals, directory_client(settings) as directory:
            app.state.referrals = referrals
            app.state.needs = KnownCodes(UnknownNeed, directory.list_needs, app.state.database)
            yield

    routers = [
        campaigns_router,
        imports_router,
        calling_router,
        orientations_router,
        objections_router,
        reports_router,
    ]
    return create_app("campaigns", settings, routers, title="Maillage campaigns", lifespan=lifespan)
