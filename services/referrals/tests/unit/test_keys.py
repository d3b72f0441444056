"""Handles: one person, another name at every organization."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maillage_common.secrets import Unsealable
from maillage_referrals.keys import Keys

KEYS = Keys("s" * 32)
ids = st.uuids()


@given(subject=ids, organization=ids)
def test_a_handle_comes_back_to_the_same_person(subject: UUID, organization: UUID) -> None:
    handle = KEYS.handle(subject, organization)
    assert len(handle) == 43
    assert handle == KEYS.handle(subject, organization)
    assert KEYS.subject_of_handle(handle, organization) == subject


@given(subject=ids, organizations=st.tuples(ids, ids).filter(lambda pair: pair[0] != pair[1]))
def test_a_handle_means_nobody_elsewhere(subject: UUID, organizations: tuple[UUID, UUID]) -> None:
    one, other = organizations
    handle = KEYS.handle(subject, one)
    assert handle != KEYS.handle(subject, other)
    assert KEYS.subject_of_handle(handle, other) != subject
    assert KEYS.subject_of_own_handle(handle) != subject
    assert Keys("t" * 32).subject_of_handle(handle, one) != subject


@given(text=st.text(max_size=80), organization=ids)
def test_any_text_gives_somebody_always_the_same(text: str, organization: UUID) -> None:
    assert KEYS.subject_of_handle(text, organization) == KEYS.subject_of_handle(text, organization)


@given(subject=ids, card=ids)
def test_a_sessions_subject_holds_the_person_and_the_card(subject: UUID, card: UUID) -> None:
    sub = KEYS.session_subject(subject, card)
    assert KEYS.read_session_subject(sub) == (subject, card)
    assert KEYS.read_session_subject(sub[:-1]) is None
    assert KEYS.read_session_subject(KEYS.own_handle(subject)) is None


@given(receiver=ids, other=ids, referral=ids)
def test_an_envelope_opens_for_its_receiver_and_referral_alone(
    receiver: UUID, other: UUID, referral: UUID
) -> None:
    sealed = KEYS.seal_envelope(b"contents", receiver=receiver, referral=referral)
    assert KEYS.open_envelope(sealed, receiver=receiver, referral=referral) == b"contents"
    for key, context in ((other, referral), (receiver, other)):
        if (key, context) == (receiver, referral):
            continue
        with pytest.raises(Unsealable):
            KEYS.open_envelope(sealed, receiver=key, referral=context)
