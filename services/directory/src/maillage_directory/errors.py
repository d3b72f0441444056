"""What the directory refuses, and why."""

from maillage_common.codes import UnknownCode
from maillage_common.errors import (
    Conflict,
    Forbidden,
    Gone,
    MaillageError,
    NotFound,
    TooLarge,
    Unprocessable,
)


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


class OrganizationNotNamed(Unprocessable):
    code, title = "organization_not_named", "Say which organization it belongs to"


class LocationNotFound(NotFound):
    code, title = "location_not_found", "No such location, or none that you may see"


class ServiceAtLocationNotFound(NotFound):
    code, title = "service_at_location_not_found", "No such service at a location that you may see"


class RotaNotFound(NotFound):
    code, title = "rota_not_found", "No such rota, or none that you may see"


class EventNotFound(NotFound):
    code, title = "event_not_found", "No such event, or none that you may see"


class NotHeldThen(Unprocessable):
    code, title = "not_held_then", "The event was not held on that day"


class TooManyOccurrences(Unprocessable):
    code, title = "too_many_occurrences", "More occurrences than one calendar file holds"


class ObservationNotFound(NotFound):
    code, title = "observation_not_found", "No such observation, or none that you may see"


class ImpossibleTransition(Conflict):
    code, title = "impossible_transition", "Its state does not allow this"


class NotAtWorkThere(Forbidden):
    code, title = "not_at_work_there", "Your organization does not cover this territory"


class DiagnosticNotFound(NotFound):
    code, title = "diagnostic_not_found", "No such diagnostic, or none that you may see"


class CollectionNotFound(NotFound):
    code, title = "collection_not_found", "No such collection, or none that you may see"


class EnquiryNotFound(NotFound):
    code, title = "enquiry_not_found", "No such enquiry, or none that you may see"


class NotYourEnquiry(Forbidden):
    code, title = "not_your_enquiry", "Only the desk that was asked may answer"


class EnquiryClosed(Conflict):
    code, title = "enquiry_closed", "This enquiry is answered or withdrawn"


class PointNotCovered(NotFound):
    code, title = "point_not_covered", "No outline of a territory holds this point"


class OutlineNotFound(NotFound):
    code, title = "outline_not_found", "This territory has no outline"


class NotYourOrganization(Forbidden):
    code, title = "not_your_organization", "You may only change what belongs to your organization"


class FeedMoved(Gone):
    code, title = "feed_moved", "This cursor belongs to another copy of the directory"


class DelegationNotFound(NotFound):
    code, title = "delegation_not_found", "There is no such delegation"


class AlreadyDelegated(Conflict):
    code, title = "already_delegated", "This organization curates this territory from that day on"


class DuplicateNotFound(NotFound):
    code, title = "duplicate_not_found", "No such pair, or none that you may decide on"


class SuggestionNotFound(NotFound):
    code, title = "suggestion_not_found", "No such suggestion, or none that you may decide on"


class WebhookNotFound(NotFound):
    code, title = "webhook_not_found", "Your application has no such webhook"


class SavedSearchNotFound(NotFound):
    code, title = "saved_search_not_found", "Your application has no such saved search"


class AlreadyDecided(Conflict):
    code, title = "already_decided", "This was decided before"


class NotOneOfThem(Unprocessable):
    code, title = "not_one_of_them", "A merge keeps one of the two"


class RecordGone(Gone):
    code, title = "record_gone", "This record was deleted"


class RecordMerged(MaillageError):
    status, code, title = 308, "record_merged", "This record was merged into another"


class Delisted(Conflict):
    code, title = "delisted", "This organization is delisted: take that back first"


class AlreadyExists(Conflict):
    code, title = "already_exists", "There is already a record with this id"


class StillOffersServices(Conflict):
    code, title = "still_offers_services", "Services still belong to this organization"


class FileTooLarge(TooLarge):
    code, title = "file_too_large", "The file is larger than accepted"


class EmptyFile(Unprocessable):
    code, title = "empty_file", "The file holds no bytes"


class ImportNotWaiting(Conflict):
    code, title = "import_not_waiting", "This import waits for no decision"


class UnknownNeed(UnknownCode):
    code, title = "unknown_need", "No need has this code"
    what = "need"


class UnknownTerritory(UnknownCode):
    code, title = "unknown_territory", "No territory has this code"
    what = "territory"


class UnknownCommune(UnknownCode):
    code, title = "unknown_commune", "No commune has this NIS code"
    what = "commune"


class UnknownProgram(UnknownCode):
    code, title = "unknown_program", "No program has this code"
    what = "program"


class UnknownNetwork(UnknownCode):
    code, title = "unknown_network", "No territory and no program has this code"
    what = "territory and program"
