"""Equal names at two issuers are two persons."""

import pytest

from maillage_common.tokens import Claims, InvalidToken
from maillage_gateway.issuers import Names
from maillage_gateway.settings import IssuerSettings

CARDS = "http://127.0.0.1:8000/referrals"


@pytest.fixture
def names(settings):
    def make(**prefixes):
        issuers = tuple(
            IssuerSettings(
                issuer=f"https://{name}.example" if name != "cards" else CARDS,
                algorithms=frozenset({"ES256"}),
                prefix=prefix,
            )
            for name, prefix in prefixes.items()
        )
        return Names(settings.model_copy(update={"issuers": issuers}))

    return make


def claims(issuer, subject="7", client_id="app", acting=()):
    return Claims(
        issuer=issuer,
        subject=subject,
        client_id=client_id,
        scopes=frozenset(),
        organization=None,
        tenant=None,
        function=None,
        acting=acting,
        issued_at=None,
        expires_at=None,
        jti="1",
    )


class TestNames:
    def test_every_issuers_but_the_primarys_are_told_with_its_prefix(self, names):
        tell = names(first=None, second="mc", cards=None).tell
        assert tell(claims("https://first.example")).subject == "7"
        assert tell(claims(CARDS, client_id="card")).client_id == "card"
        told = tell(claims("https://second.example", acting=("8", "9")))
        assert (told.subject, told.client_id, told.acting) == ("mc:7", "mc:app", ("mc:8", "mc:9"))

    def test_a_machine_stays_a_machine(self, names):
        told = names(first="mc").tell(claims("https://first.example", "app", "app"))
        assert told.subject == told.client_id

    @pytest.mark.parametrize(
        "borrowed", [{"subject": "mc:7"}, {"client_id": "mc:app"}, {"acting": ("mc:7",)}]
    )
    def test_the_primary_issuer_borrows_no_prefix(self, names, borrowed):
        tell = names(first=None, second="mc", cards=None).tell
        for issuer in ("https://first.example", CARDS):
            with pytest.raises(InvalidToken, match="reserved_name"):
                tell(claims(issuer, **borrowed))
        assert tell(claims("https://first.example", subject="md:7")).subject == "md:7"

    def test_a_name_that_grows_too_long_is_refused(self, names):
        with pytest.raises(InvalidToken):
            names(first="mc").tell(claims("https://first.example", subject="x" * 253))

    @pytest.mark.parametrize(
        "prefixes",
        [
            {"first": None, "second": None},
            {"first": "mc", "second": "mc"},
            {"first": None, "cards": "card"},
        ],
    )
    def test_two_issuers_that_could_give_one_name_are_refused_at_start(self, names, prefixes):
        with pytest.raises(ValueError, match="prefix"):
            names(**prefixes)
