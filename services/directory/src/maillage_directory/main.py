"""The directory's application: wiring only."""

from fastapi import FastAPI

from maillage_common.app import create_app
from maillage_directory.agenda.routes import router as agenda
from maillage_directory.capacity.routes import router as capacity
from maillage_directory.cards.kept import KeptCards
from maillage_directory.changes.routes import router as changes
from maillage_directory.collections.routes import router as collections
from maillage_directory.delegations.routes import router as delegations
from maillage_directory.diagnostics.routes import router as diagnostics
from maillage_directory.duplicates.routes import router as duplicates
from maillage_directory.enquiries.routes import router as enquiries
from maillage_directory.exports.routes import router as exports
from maillage_directory.history.routes import router as history
from maillage_directory.hsds.routes import router as hsds
from maillage_directory.imports.routes import router as imports
from maillage_directory.locations.routes import router as locations
from maillage_directory.needs.routes import router as needs
from maillage_directory.observations.routes import router as observations
from maillage_directory.organizations.routes import router as organizations
from maillage_directory.programs.routes import router as programs
from maillage_directory.reports.routes import router as reports
from maillage_directory.rotas.routes import router as rotas
from maillage_directory.saved_searches.routes import router as saved_searches
from maillage_directory.search.routes import quick as quick_search
from maillage_directory.search.routes import router as search
from maillage_directory.services.routes import reading as services_reading
from maillage_directory.services.routes import router as services
from maillage_directory.services.unchanged import Unchanged
from maillage_directory.settings import Settings
from maillage_directory.sheets.routes import router as sheets
from maillage_directory.suggestions.routes import router as suggestions
from maillage_directory.territories.routes import router as territories
from maillage_directory.verifications.routes import router as verifications
from maillage_directory.vocabulary import Vocabulary
from maillage_directory.webhooks.routes import router as webhooks
from maillage_directory.worklist.routes import router as worklist

ROUTERS = (
    # The most asked come first: a path is compared with each before its own.
    services_reading,
    quick_search,
    search,
    services,
    capacity,
    organizations,
    verifications,
    history,
    changes,
    duplicates,
    suggestions,
    delegations,
    worklist,
    reports,
    webhooks,
    saved_searches,
    needs,
    territories,
    programs,
    observations,
    locations,
    rotas,
    agenda,
    diagnostics,
    collections,
    enquiries,
    sheets,
    hsds,
    exports,
    imports,
)


def create() -> FastAPI:
    settings = Settings()
    app = create_app("directory", settings, ROUTERS, title="Maillage directory")
    app.state.unchanged = Unchanged()
    app.state.kept_cards = KeptCards()
    app.state.vocabulary = Vocabulary(seconds=settings.vocabulary_seconds)
    return app
