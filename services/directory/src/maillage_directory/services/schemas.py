"""What editors send about one service."""

from uuid import UUID

from maillage_directory.records.schemas import ServiceContent


class NewService(ServiceContent):
    """A service of the caller's organization; `id` may be chosen by the caller."""

    id: UUID | None = None
