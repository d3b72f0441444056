"""A service remembers the internal tokens that it verified; here is what that may not change."""

from datetime import timedelta

import pytest
from forged_tokens import NOW, ec_key, pem
from inner_door import (
    CAMPAIGNS,
    REFERRALS_DOOR,
    TRUSTED,
    entry,
    internal,
    person,
    service,
)

from maillage_common import auth
from maillage_common.auth import SUBJECT_TOKEN_HEADER, InternalAuthentication
from maillage_common.clock import frozen_time
from maillage_common.keys import TokenSigner
from maillage_common.tokens import GATEWAY_ISSUER, InternalTokenVerifier


class Counted:
    """A verifier that counts how often it is asked."""

    def __init__(self, inner):
        self.inner, self.count = inner, 0

    def verify(self, *args, **kwargs):
        self.count += 1
        return self.inner.verify(*args, **kwargs)


class Door:
    """The middleware before an application that notes who called."""

    def __init__(self, inner=REFERRALS_DOOR):
        self.verifier = Counted(inner)
        self.middleware = InternalAuthentication(self.application, verifier=self.verifier)

    async def application(self, scope, receive, send):
        self.seen = scope["state"]["caller"], scope["state"]["caller_token"]

    async def ask(self, token, subject_token=None, *, after=0.0):
        """The caller whom the application saw, and what it may pass on; None for a 401."""
        headers = [(b"authorization", f"Bearer {token}".encode())]
        if subject_token is not None:
            headers.append((SUBJECT_TOKEN_HEADER.lower().encode(), subject_token.encode()))
        statuses = []

        async def send(message):
            statuses.append(message.get("status"))

        self.seen = None
        scope = {"type": "http", "path": "/x", "method": "GET", "headers": headers}
        with frozen_time(NOW + timedelta(seconds=after)):
            await self.middleware(scope, None, send)
        assert (self.seen is None) == (401 in statuses)
        return self.seen


@pytest.fixture
def door():
    return Door()


async def test_a_token_is_verified_once_and_says_the_same_again(door):
    token = person("referrals")
    first = await door.ask(token)
    assert (first[0].subject, first[1]) == ("person-1", token)
    assert await door.ask(token, after=30) == first
    assert door.verifier.count == 1


async def test_it_holds_until_it_ends_and_not_before_it_was_seen(door):
    token = person("referrals")
    assert await door.ask(token, after=59.9)
    assert await door.ask(token, after=60) is None
    # A clock that was set back: verified again, as the token may not have begun.
    await door.ask(token, after=0)
    assert door.verifier.count == 3


async def test_a_refused_token_is_refused_each_time(door):
    for _ in range(2):
        assert await door.ask(internal("gateway", aud="directory")) is None
    assert door.verifier.count == 2
    assert not door.middleware._known


async def test_who_acts_for_whom_is_remembered_together(door):
    own, someone = service(CAMPAIGNS, "referrals", "referrals:write"), person("campaigns")
    other = person("campaigns", subject="person-2")
    callers = [await door.ask(own, subject) for subject in (None, someone, other, None, someone)]
    names = [caller.subject for caller, _ in callers]
    assert names == ["campaigns", "person-1", "person-2", "campaigns", "person-1"]
    # What a service said for somebody is passed on by nobody.
    assert [passed for _, passed in callers] == [None] * 5
    assert door.verifier.count == 3


async def test_a_door_with_other_keys_knows_nothing_of_the_old_ones(door):
    token = person("referrals")
    assert await door.ask(token)
    replaced = TokenSigner(pem(ec_key(name="another")), GATEWAY_ISSUER)
    issuers = [entry(replaced, None), *TRUSTED["issuers"][1:]]
    rotated = Door(InternalTokenVerifier({"issuers": issuers}, audience="referrals"))
    assert await rotated.ask(token) is None


async def test_so_many_and_no_more_are_remembered(door, monkeypatch):
    monkeypatch.setattr(auth, "_KNOWN_TOKENS", 3)
    for number in range(8):
        await door.ask(person("referrals", subject=f"person-{number}"))
        assert 1 <= len(door.middleware._known) <= 3
