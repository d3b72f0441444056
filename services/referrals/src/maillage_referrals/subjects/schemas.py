from typing import Annotated, Self

from pydantic import Field, model_validator

from maillage_common.schemas import Answer, Payload
from maillage_referrals.cards.schemas import NewCardPublic, Secret

Handle = Annotated[str, Field(min_length=1, max_length=128)]


class NewSubjectRequest(Payload):
    """Nothing about the person: an anonymous subject starts from a card."""


class NewSubjectPublic(Answer):
    handle: str
    card: NewCardPublic


class ResolveRequest(Payload):
    """A card's QR, or the code printed under it."""

    card_secret: Secret | None = None
    card_code: Annotated[str | None, Field(max_length=32)] = None

    @model_validator(mode="after")
    def exactly_one(self) -> Self:
        if (self.card_secret is None) == (self.card_code is None):
            raise ValueError("give either card_secret or card_code")
        return self


class ResolvedPublic(Answer):
    """Always an answer, whoever is meant and whether they exist or not."""

    handle: str
