from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from maillage_common.dates import Instant
from maillage_common.schemas import Answer, Payload
from maillage_referrals.cards.schemas import Secret
from maillage_referrals.subjects.schemas import Handle
from maillage_referrals.vocabulary import (
    Category,
    ConsentScope,
    ConsentStatus,
    GranteeKind,
    Proof,
    Purpose,
)

LanguageCode = Annotated[
    str, Field(pattern=r"^[a-z]{2,3}$", description="ISO 639 code of a language")
]
FunctionName = Annotated[str, Field(pattern=r"^[a-z][a-z_]{1,39}$")]
Nameable = Category | Literal["ordinary"]


class InformationText(Payload):
    """The text that was read out or shown: its language and its version."""

    language: LanguageCode
    version: Annotated[
        str,
        Field(
            pattern=r"^[0-9]{1,4}([.-][0-9]{1,2}){0,2}$", description="Such as 2, 1.4 or 2026-11-30"
        ),
    ]


class OrganizationGrantee(Payload):
    kind: Literal["organization"]
    organization: UUID


class FunctionGrantee(Payload):
    """Everybody of one function, at whatever organization has a care link."""

    kind: Literal["function"]
    function: FunctionName


class PersonGrantee(Payload):
    """One professional, by the id in their token (`sub`)."""

    kind: Literal["person"]
    person: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:@|-]{1,128}$")]


Grantee = Annotated[
    OrganizationGrantee | FunctionGrantee | PersonGrantee, Field(discriminator="kind")
]


class ProofRequest(Payload):
    """How the person gave it. `card` and `one_time_code` carry what the person showed or said."""

    method: Proof
    card_secret: Secret | None = None
    code: Annotated[str | None, Field(max_length=16)] = None


class ConsentRequest(Payload):
    """`ordinary` among the categories covers every one that is not sensitive."""

    handle: Handle
    grantee: Grantee
    categories: Annotated[list[Nameable], Field(min_length=1, max_length=30)]
    purposes: Annotated[list[Purpose], Field(min_length=1, max_length=4)]
    valid_until: Instant | None = None
    text: InformationText
    with_interpreter: bool = False
    proof: ProofRequest | None = None
    propose: bool = False
    replaces: UUID | None = None


class ActivationRequest(Payload):
    proof: ProofRequest | None = None


class ConsentPublic(Answer):
    """Also the receipt: who may see what, why, until when, and how it was given."""

    id: UUID
    handle: str
    scope: ConsentScope
    status: ConsentStatus
    grantee_kind: GranteeKind
    grantee_organization: UUID | None
    grantee_function: str | None
    grantee_person: str | None
    categories: list[str]
    purposes: list[str]
    valid_from: datetime
    valid_until: datetime
    proof: Proof | None
    text_language: str
    text_version: str
    with_interpreter: bool
    recorded_by_organization: UUID | None
    created_at: datetime
    activated_at: datetime | None
    withdrawn_at: datetime | None
    expired_at: datetime | None
    replaced_by_id: UUID | None
    version: int
