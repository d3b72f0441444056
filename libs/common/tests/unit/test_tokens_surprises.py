"""Whatever a token holds, the answer is InvalidToken and says nothing of it."""

import contextlib
from typing import Any

import pytest
from forged_tokens import (
    ISSUER,
    NOW,
    ORGANIZATION,
    SECOND,
    access_claims,
    steady,
)
from hypothesis import given
from hypothesis import strategies as st
from outer_door import ES, accept

from maillage_common.claims import (
    InvalidToken,
)


def test_a_refusal_never_quotes_the_token() -> None:
    secret = "85.07.30-033.28"
    claims = [{"sub": f"{secret}\n"}, {"org": secret}, {"iss": secret}, {"scope": f"{secret}\t"}]
    for change in claims:
        with pytest.raises(InvalidToken) as refusal:
            accept(ES.token(access_claims(**change)))
        assert secret not in str(refusal.value)
        assert refusal.value.__cause__ is None


odd_json = st.recursive(
    st.sampled_from(
        [
            None,
            True,
            False,
            0,
            -1,
            1.5,
            2**63,
            10**22,
            SECOND,
            SECOND + 60,
            "",
            "maillage",
            ISSUER,
            "a",
            "é",
            "\x00",
            "directory:read",
            ORGANIZATION,
            "x" * 300,
        ]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["sub", "act", "cnf", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@steady
@given(
    st.dictionaries(st.sampled_from([*access_claims(), "nbf", "act", "cnf"]), odd_json, max_size=4)
)
def test_signed_odd_claims_never_raise_anything_else(changes: dict[str, Any]) -> None:
    with contextlib.suppress(InvalidToken):
        claims = accept(ES.token(access_claims(**changes)))
        assert claims.expires_at > NOW


@steady
@given(st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "x5t"]), odd_json, max_size=3))
def test_odd_headers_never_raise_anything_else(changes: dict[str, Any]) -> None:
    with contextlib.suppress(InvalidToken):
        accept(ES.token(access_claims(), ES.header(**changes)))


@steady
@given(st.text(alphabet="eyJ0.-_=+ \n\ud800é", max_size=60))
def test_odd_texts_never_raise_anything_else(token: str) -> None:
    with pytest.raises(InvalidToken):
        accept(token)
