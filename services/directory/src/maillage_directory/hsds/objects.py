"""The objects of HSDS 3.1 and what the profile HSDS-BRU adds, as one description.

What must agree is derived from it: JSON Schemas, the profile's merge patches, the tabular package.
A member is `name:type`; `!` after the type: required. Types: those of JSON, `uuid`, `uri`, `email`,
`date`, `datetime`, `time`, `a|b` (closed list), `strings`, `[x]` (list of objects x), `{x}` (one
object x). `core` are HSDS's members, `ours` the profile's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

VERSION = "3.1"
PROFILE_VERSION = "1.0.0"


@dataclass(frozen=True)
class Member:
    name: str
    kind: str
    is_required: bool
    is_ours: bool

    @property
    def listed(self) -> str | None:
        """The object that this member lists."""
        return self.kind[1:-1] if self.kind.startswith("[") else None

    @property
    def held(self) -> str | None:
        """The one object that this member holds."""
        return self.kind[1:-1] if self.kind.startswith("{") else None


@dataclass(frozen=True)
class Object:
    """One HSDS object. `table` is its file in a tabular package; `core`, `ours` its members."""

    name: str
    table: str
    core: str
    ours: str = ""

    @cached_property
    def members(self) -> Mapping[str, Member]:
        found = {}
        for text, is_ours in ((self.core, False), (self.ours, True)):
            for word in text.split():
                name, _, kind = word.partition(":")
                found[name] = Member(name, kind.rstrip("!"), kind.endswith("!"), is_ours)
        return found


_WEEKDAYS = "MO|TU|WE|TH|FR|SA|SU"
_PLACES = "physical|postal|virtual"
_MORE = """
attributes:[attribute] metadata:[metadata]
"""
_TEXTS = "texts:object "
_RECORD = """
texts:object text_origins:object source:string source_date:date external_id:string
licence:string visibility:public|professional|network|own network:string
field_visibility:object
"""

_LISTED = (
    Object(
        "organization",
        "organizations",
        """
id:uuid! name:string! alternate_name:string description:string! email:email website:uri
additional_websites:[url] tax_status:string tax_id:string year_incorporated:number
legal_status:string logo:string uri:uri parent_organization_id:uuid funding:[funding]
contacts:[contact] phones:[phone] locations:[location] programs:[program]
organization_identifiers:[organization_identifier]
"""
        + _MORE,
        _RECORD
        + """
kind:string agreed_on:date last_modified:datetime services:[service]
""",
    ),
    Object(
        "program",
        "programs",
        """
id:uuid! organization_id:uuid name:string! alternate_name:string description:string!
"""
        + _MORE,
        _TEXTS,
    ),
    Object(
        "service",
        "services",
        """
id:uuid! organization_id:uuid program_id:uuid name:string! alternate_name:string
description:string url:uri additional_urls:[url] email:email
status:active|inactive|defunct|temporarily_closed! interpretation_services:string
application_process:string fees_description:string wait_time:string fees:string
accreditations:string eligibility_description:string minimum_age:number maximum_age:number
assured_date:date assurer_email:email licenses:string alert:string last_modified:datetime
phones:[phone] schedules:[schedule] service_areas:[service_area]
service_at_locations:[service_at_location] languages:[language] organization:{organization}
funding:[funding] cost_options:[cost_option] program:{program}
required_documents:[required_document] contacts:[contact] capacities:[service_capacity]
"""
        + _MORE,
        _RECORD
        + """
kind:string access:strings conditions:object cost:free|paid|unknown accessible:yes|no|unknown
interpreter:boolean closures:array programs:strings capacity:object verified_at:datetime
agreed_on:date
""",
    ),
    Object(
        "service_at_location",
        "service_at_location",
        """
id:uuid! service_id:uuid location_id:uuid description:string service_areas:[service_area]
contacts:[contact] phones:[phone] schedules:[schedule] location:{location}
"""
        + _MORE,
        _TEXTS + "last_modified:datetime",
    ),
    Object(
        "location",
        "locations",
        f"""
id:uuid! location_type:{_PLACES}! url:uri organization_id:uuid name:string
alternate_name:string description:string transportation:string latitude:number longitude:number
external_identifier:string external_identifier_type:string languages:[language]
addresses:[address] contacts:[contact] accessibility:[accessibility] phones:[phone]
schedules:[schedule]
"""
        + _MORE,
        _TEXTS + "confidential:boolean commune_nis:string",
    ),
    Object(
        "address",
        "addresses",
        f"""
id:uuid! location_id:uuid attention:string address_1:string! address_2:string city:string!
region:string state_province:string! postal_code:string! country:string!
address_type:{_PLACES}!
"""
        + _MORE,
        _TEXTS,
    ),
    Object(
        "contact",
        "contacts",
        """
id:uuid! organization_id:uuid service_id:uuid service_at_location_id:uuid location_id:uuid
name:string title:string department:string email:email phones:[phone]
"""
        + _MORE,
        "visibility:public|professional|own",
    ),
    Object(
        "phone",
        "phones",
        """
id:uuid! location_id:uuid service_id:uuid organization_id:uuid contact_id:uuid
service_at_location_id:uuid number:string! extension:number type:string description:string
languages:[language]
"""
        + _MORE,
        _TEXTS + "extension_digits:string visibility:public|professional|network|own",
    ),
    Object(
        "schedule",
        "schedules",
        f"""
id:uuid! service_id:uuid location_id:uuid service_at_location_id:uuid valid_from:date
valid_to:date dtstart:date timezone:number until:date count:number wkst:{_WEEKDAYS}
freq:WEEKLY|MONTHLY interval:number byday:string byweekno:string bymonthday:string
byyearday:string description:string opens_at:time closes_at:time schedule_link:uri
attending_type:string notes:string
"""
        + _MORE,
        _TEXTS + "time_zone:string on_holidays:open|closed",
    ),
    Object(
        "service_area",
        "service_areas",
        """
id:uuid! service_id:uuid service_at_location_id:uuid name:string description:string
extent:string extent_type:string uri:string
"""
        + _MORE,
        "territory:string",
    ),
    Object(
        "language",
        "languages",
        """
id:uuid! service_id:uuid location_id:uuid phone_id:uuid name:string code:string note:string
"""
        + _MORE,
        _TEXTS,
    ),
    Object(
        "accessibility",
        "accessibility",
        """
id:uuid! location_id:uuid description:string details:string url:uri
"""
        + _MORE,
        _TEXTS,
    ),
    Object(
        "funding",
        "funding",
        """
id:uuid! organization_id:uuid service_id:uuid source:string
"""
        + _MORE,
        _TEXTS,
    ),
    Object(
        "cost_option",
        "cost_options",
        """
id:uuid! service_id:uuid valid_from:date valid_to:date option:string currency:string
amount:number amount_description:string
"""
        + _MORE,
        _TEXTS,
    ),
    Object(
        "required_document",
        "required_documents",
        """
id:uuid! service_id:uuid document:string uri:uri
"""
        + _MORE,
        _TEXTS,
    ),
    Object(
        "url",
        "url",
        """
id:uuid! label:string url:uri! organization_id:uuid service_id:uuid
"""
        + _MORE,
        _TEXTS,
    ),
    Object(
        "organization_identifier",
        "organization_identifiers",
        """
id:uuid! organization_id:uuid identifier_scheme:string identifier_type:string!
identifier:string!
"""
        + _MORE,
    ),
    Object(
        "service_capacity",
        "service_capacity",
        """
id:uuid! service_id:uuid unit:{unit}! unit_id:uuid available:number! maximum:number
description:string updated:datetime!
"""
        + _MORE,
    ),
    Object(
        "unit",
        "units",
        """
id:uuid! name:string! scheme:string identifier:string uri:uri
"""
        + _MORE,
    ),
    Object(
        "attribute",
        "attributes",
        """
id:uuid! link_id:uuid taxonomy_term_id:uuid link_type:string link_entity:string value:string
taxonomy_term:{taxonomy_term} metadata:[metadata] label:string
""",
    ),
    Object(
        "taxonomy",
        "taxonomies",
        """
id:uuid! name:string! description:string! uri:uri version:string metadata:[metadata]
""",
        _TEXTS,
    ),
    Object(
        "taxonomy_term",
        "taxonomy_terms",
        """
id:uuid! code:string name:string! description:string! parent_id:uuid taxonomy:string
taxonomy_detail:{taxonomy} language:string taxonomy_id:uuid term_uri:uri metadata:[metadata]
""",
        _TEXTS + "pictogram:string",
    ),
    Object(
        "metadata",
        "metadata",
        """
id:uuid! resource_id:uuid resource_type:string last_action_date:date! last_action_type:string!
field_name:string! previous_value:string! replacement_value:string! updated_by:string!
""",
    ),
)
OBJECTS: Mapping[str, Object] = {described.name: described for described in _LISTED}

# What our members mean, for the profile's readers.
MEANINGS: Mapping[str, str] = {
    "texts": "The object's text members in every language: {member: {ISO 639 code: words}}."
    " The member itself carries the language that was asked for, or the nearest.",
    "text_origins": "How a text came to be when its owner did not write it:"
    " {member: {language: {origin: authored | translated | machine, on: date}}}.",
    "source": "The code of the source that the record comes from.",
    "source_date": "The date of that source.",
    "external_id": "The record's identifier in that source.",
    "licence": "The terms under which the source gives the record.",
    "visibility": "Who may see this: public, professional, network or own.",
    "network": "The territory or program whose members see a record of visibility network.",
    "field_visibility": "Members that fewer people see than the record.",
    "kind": "What sort of actor stands behind: public_institution, association, independent,"
    " informal_network, self_help, initiative, support_service or mutuality_service.",
    "agreed_on": "When an informal network or a person agreed to be listed in public.",
    "last_modified": "When the record last changed.",
    "services": "The organization's services: in full with full_service, else id, name and status.",
    "access": "How to come: walk_in, appointment, home_visit, phone, online, mobile_round,"
    " interpreter_on_request.",
    "conditions": "For whom it is, by condition: yes, no or unknown. Absent is unknown.",
    "cost": "Whether it is free.",
    "accessible": "Whether a wheelchair user can get in.",
    "interpreter": "Whether an interpreter is offered.",
    "closures": "Days on which nothing opens: [{from, to, reason}], both days included.",
    "programs": "Codes of the programs that the service belongs to.",
    "capacity": "The last capacity report that still holds: {status, places, unit, waiting_days,"
    " observed_at, valid_until, confidence, source}; HL7 SDOH Clinical Care codes. Absent: not"
    " known.",
    "verified_at": "When someone last checked the whole record.",
    "confidential": "The place is not told to anyone; nothing else of it is given.",
    "commune_nis": "NIS code of the commune.",
    "extension_digits": "The extension as it is dialled, leading zeros kept.",
    "time_zone": "IANA name of the zone that the times are told in.",
    "on_holidays": "What the schedule does on Belgian public holidays.",
    "territory": "Code of the territory.",
    "pictogram": "Code of the need's pictogram.",
}

# The same object under two names would give two truths: HSDS spells this status with a space.
SPELLED = {"temporarily_closed": "temporarily closed"}
