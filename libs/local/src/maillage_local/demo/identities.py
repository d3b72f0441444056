"""Who signs in at the demo identity provider, and the fixed ids of the demo's organizations."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import NAMESPACE_URL, UUID, uuid5

DEMO = uuid5(NAMESPACE_URL, "https://maillage.brussels/demo")
REFERENCE = uuid5(NAMESPACE_URL, "https://maillage.brussels/reference")


def demo_organization(slug: str) -> UUID:
    """The directory id of a demo organization, the same in its record and in tokens."""
    return uuid5(DEMO, f"demo-org:{slug}")


def demo_service(slug: str) -> UUID:
    """The directory id of a demo service."""
    return uuid5(DEMO, f"demo-service:{slug}")


def reference_organization(source: str, external_id: str) -> UUID:
    """The directory id of an organization of the reference data."""
    return uuid5(REFERENCE, f"{source}:{external_id}")


@dataclass(frozen=True)
class Persona:
    """Someone, or a machine, with an account at the demo identity provider.

    A person's `sub` is opaque. A machine signs in by client credentials: `sub` = `client_id`.
    """

    name: str
    client_id: str
    scopes: tuple[str, ...]
    organization: UUID | None = None
    tenant: str | None = None
    function: str | None = None
    is_machine: bool = False

    @property
    def subject(self) -> str:
        return self.client_id if self.is_machine else str(uuid5(DEMO, f"demo-person:{self.name}"))


_SCOPES: Mapping[str, str] = {
    "field": "directory:read directory:write referrals:read referrals:write consents:write",
    "accept": "directory:read directory:write referrals:read referrals:write",
    "desk": "directory:read referrals:read",
    "care": "directory:read referrals:read referrals:write consents:write",
    "doctor": "directory:read referrals:read referrals:write consents:write referrals:break-glass",
    "editor": "directory:read directory:write directory:verify directory:admin",
    "reader": "directory:read",
    "lists": "campaigns:lists",
    "calls": "campaigns:call directory:read directory:write referrals:write",
    "report": "campaigns:manage campaigns:report directory:read",
    "audit": "referrals:oversight",
    "ops": "ops:read",
}

# "-" = the account has none. People sign in through the applications `demo-<application>`.
_TABLE = """
name                 | application | organization        | tenant    | function             | scopes
raq-worker           | field-app   | host-partner        | -         | raq                  | field
chw-worker           | field-app   | intermut            | -         | chw                  | field
cpps-worker          | field-app   | basin-nord          | -         | cpps                 | field
social-worker        | field-app   | casg                | -         | social_worker        | field
target-service       | field-app   | target              | -         | social_worker        | accept
reception            | field-app   | target              | -         | reception            | desk
general-practitioner | field-app   | maison-medicale     | -         | general_practitioner | doctor
psychologist         | field-app   | mental-health       | -         | psychologist         | care
directory-editor     | field-app   | basin-nord          | -         | -                    | editor
partner-app          | partner-app | -                   | -         | -                    | reader
office-mc            | office-app  | mutuality-mc        | mc        | -                    | lists
office-solidaris     | office-app  | mutuality-solidaris | solidaris | -                    | lists
counsellor-mc        | call-app    | mutuality-mc        | mc        | health_counsellor    | calls
counsellor-solidaris | call-app    | mutuality-solidaris | solidaris | health_counsellor    | calls
coordinator          | office-app  | ces-coordination    | -         | -                    | report
dpo                  | office-app  | -                   | -         | -                    | audit
ops                  | office-app  | -                   | -         | -                    | ops
"""


def _persona(row: str) -> Persona:
    cells = [None if cell.strip() == "-" else cell.strip() for cell in row.split("|")]
    name, application, organization, tenant, function, bundle = cells
    assert name is not None
    assert application is not None
    assert bundle is not None
    is_machine = application == name
    return Persona(
        name=name,
        client_id=name if is_machine else f"demo-{application}",
        scopes=tuple(_SCOPES[bundle].split()),
        organization=demo_organization(organization) if organization else None,
        tenant=tenant,
        function=function,
        is_machine=is_machine,
    )


PERSONAS: Mapping[str, Persona] = {
    persona.name: persona for persona in map(_persona, _TABLE.strip().splitlines()[1:])
}
# Not an account: a card session at the referrals service, opened with the demo's card.
BENEFICIARY = "beneficiary"
