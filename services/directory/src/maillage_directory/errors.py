"""What the directory refuses, and why."""

from collections.abc import Iterable

from maillage_common.errors import Conflict, FieldError, Forbidden, NotFound, Unprocessable


class ServiceNotFound(NotFound):
    code, title = "service_not_found", "No such service, or none that you may see"


class OrganizationNotFound(NotFound):
    code, title = "organization_not_found", "No such organization, or none that you may see"


class TerritoryNotFound(NotFound):
    code, title = "territory_not_found", "No territory has this code"


class ProgramNotFound(NotFound):
    code, title = "program_not_found", "No program has this code"


class PostcodeNotFound(NotFound):
    code, title = "postcode_not_found", "This postcode is not in the region"


class NotYourOrganization(Forbidden):
    code, title = "not_your_organization", "You may only change what belongs to your organization"


class AlreadyExists(Conflict):
    code, title = "already_exists", "There is already a record with this id"

class PointNotCovered(NotFound):
    code, title = "point_not_covered", "No outline of a territory holds this point"


class OutlineNotFound(NotFound):
    code, title = "outline_not_found", "This territory has no outline"



class StillOffersServices(Conflict):
    code, title = "still_offers_services", "Services still belong to this organization"


class UnknownCode(Unprocessable):
    """A code that no reference table has; `suggestions` are the nearest that exist."""

    what = "code"

    def __init__(
        self,
        *,
        parameter: str | None = None,
        pointer: str | None = None,
        suggestions: Iterable[str] = (),
    ) -> None:
        near = list(suggestions)
        advice = (
            f"Did you mean {', '.join(near)}?" if near else f"See the list of every {self.what}."
        )
        super().__init__(
            advice,
            errors=[
                FieldError(code=self.code, detail=advice, parameter=parameter, pointer=pointer)
            ],
            members={"suggestions": near},
        )


class UnknownNeed(UnknownCode):
    code, title = "unknown_need", "No need has this code"
    what = "need"


class UnknownTerritory(UnknownCode):
    code, title = "unknown_territory", "No territory has this code"
    what = "territory"


class UnknownProgram(UnknownCode):
    code, title = "unknown_program", "No program has this code"
    what = "program"
