"""The signed list of revocations: who may write it, what it covers, when it no longer serves."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from maillage_common.keys import TokenSigner, load_jwks
from maillage_common.tokens import Claims, InvalidToken
from maillage_gateway import revocation as revocation_module
from maillage_gateway import revoke
from maillage_gateway.errors import RevocationsUnavailable
from maillage_gateway.issuers import FetchFailed
from maillage_gateway.revocation import (
    LIST_ISSUER,
    InvalidList,
    Kind,
    Revocation,
    RevocationList,
    Revocations,
    RevocationWatch,
    load_list,
    named,
)

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
SECOND = int(NOW.timestamp())
ORGANIZATION = "0192f0c1-2345-7abc-8def-0123456789ab"


def claims(**changes):
    standard = {
        "issuer": "https://one.example",
        "subject": "person",
        "client_id": "app",
        "scopes": frozenset(),
        "organization": ORGANIZATION,
        "tenant": None,
        "function": None,
        "acting": ("helper",),
        "issued_at": NOW,
        "expires_at": NOW + timedelta(hours=1),
        "jti": "t1",
    }
    return Claims(**(standard | changes))


def entry(kind, value, issuer=None, issued_before=None):
    return Revocation(
        kind=kind,
        issuer=issuer,
        value=named(kind, value),
        issued_before=issued_before,
        revoked_at=SECOND,
    )


@pytest.fixture
def signer(new_pem):
    return TokenSigner(new_pem(), LIST_ISSUER)


@pytest.fixture
def keys(signer):
    return load_jwks(signer.jwks(), issuer=LIST_ISSUER, algorithms={"ES256"})


class TestCover:
    @pytest.mark.parametrize(
        ("kind", "value"),
        [
            (Kind.TOKEN, "t1"),
            (Kind.CLIENT, "app"),
            (Kind.ORGANIZATION, ORGANIZATION),
            (Kind.SUBJECT, "person"),
            (Kind.SUBJECT, "helper"),
        ],
    )
    def test_each_kind_by_its_exact_value(self, kind, value):
        assert Revocations([entry(kind, value)]).cover(claims())
        assert Revocations([entry(kind, value, "https://one.example")]).cover(claims())
        assert not Revocations([entry(kind, value, "https://two.example")]).cover(claims())
        assert not Revocations([entry(kind, value + "x")]).cover(claims())

    def test_a_name_of_one_kind_is_not_a_name_of_another(self):
        assert not Revocations([entry(Kind.CLIENT, "person")]).cover(claims())
        assert not Revocations([entry(Kind.SUBJECT, "app")]).cover(claims())

    def test_tokens_issued_later_may_be_spared(self):
        revoked = Revocations([entry(Kind.CLIENT, "app", issued_before=SECOND)])
        assert revoked.cover(claims())
        assert not revoked.cover(claims(issued_at=NOW + timedelta(seconds=1)))

    def test_of_two_entries_the_wider_counts(self):
        both = [
            entry(Kind.CLIENT, "app"),
            entry(Kind.CLIENT, "app", issued_before=SECOND - 9),
        ]
        assert Revocations(both).cover(claims())

    def test_nobody_can_read_in_the_list_whom_it_shuts_out(self):
        text = entry(Kind.SUBJECT, "person").model_dump_json()
        assert "person" not in text


class TestLoad:
    def listing(self, **changes):
        standard = {"seq": 7, "iat": SECOND, "exp": SECOND + 600, "revoked": ()}
        return RevocationList(**(standard | changes))

    def test_gives_what_was_signed(self, signer, keys):
        listing = self.listing(revoked=(entry(Kind.CLIENT, "app"),))
        assert load_list(listing.sign(signer) + b"\n", keys, now=SECOND) == listing

    def test_refuses_another_signer_another_type_and_another_issuer(self, signer, keys, new_pem):
        stranger = TokenSigner(new_pem(), LIST_ISSUER)
        claims = self.listing().model_dump(mode="json")
        for text in (
            self.listing().sign(stranger),
            signer.sign(claims, typ="at+jwt").encode(),
            self.listing().sign(signer)[:-4] + b"AAAA",
            self.listing().sign(signer).replace(b".", b".e30.", 1),
        ):
            with pytest.raises(InvalidList):
                load_list(text, keys, now=SECOND)

    @pytest.mark.parametrize(
        "text", [b"", b"..", b"a.b.c", b"\xff.\xff.\xff", b"{}", b"x" * (4 * 2**20 + 1)]
    )
    def test_refuses_what_is_no_list(self, keys, text):
        with pytest.raises(InvalidList):
            load_list(text, keys, now=SECOND)

    def test_refuses_one_that_has_ended_or_comes_from_the_future(self, signer, keys):
        text = self.listing().sign(signer)
        with pytest.raises(InvalidList, match="ended"):
            load_list(text, keys, now=SECOND + 600)
        with pytest.raises(InvalidList):
            load_list(text, keys, now=SECOND - 61)


class Clock:
    """Stands in for the `time` module where the watch reads it."""

    def __init__(self):
        self.now = float(SECOND)

    def time(self):
        return self.now

    monotonic = time


class TestWatch:
    @pytest.fixture
    def clock(self, monkeypatch):
        clock = Clock()
        monkeypatch.setattr(revocation_module, "time", clock)
        return clock

    @pytest.fixture
    def source(self):
        return {"text": None}

    @pytest.fixture
    def watch(self, start):
        return start()

    @pytest.fixture
    def start(self, settings, tmp_path, signer, clock, source):
        """Makes the watch of a gateway that has just started."""
        path = tmp_path / "keys.json"
        path.write_text(json.dumps(signer.jwks()))
        own = settings.model_copy(
            update={"revocation_keys_file": path, "revocation_stale_seconds": 300.0}
        )

        async def read():
            if source["text"] is None:
                raise FetchFailed("status_404")
            return source["text"]

        self.changes = 0

        def changed():
            self.changes += 1

        return lambda: RevocationWatch(own, read, changed)

    def sign(self, signer, seq, *entries, exp=SECOND + 86_400):
        listing = RevocationList(seq=seq, iat=SECOND, exp=exp, revoked=entries)
        return listing.sign(signer)

    async def test_without_any_list_nobody_can_tell(self, watch):
        await watch.look()
        assert not watch.has_begun
        with pytest.raises(RevocationsUnavailable):
            watch.check(claims())

    async def test_a_list_counts_at_the_next_look(self, watch, source, signer):
        source["text"] = self.sign(signer, 1)
        await watch.look()
        watch.check(claims())
        source["text"] = self.sign(signer, 2, entry(Kind.TOKEN, "t1"))
        await watch.look()
        with pytest.raises(InvalidToken, match="revoked"):
            watch.check(claims())
        assert self.changes == 2

    async def test_a_renewed_list_of_the_same_entries_changes_nothing(self, watch, source, signer):
        for number in (1, 2, 3):
            source["text"] = self.sign(signer, number, entry(Kind.TOKEN, "t1"))
            await watch.look()
        assert self.changes == 1

    async def test_an_old_list_cannot_be_put_back(self, watch, source, signer):
        old = self.sign(signer, 1)
        for text in (old, self.sign(signer, 2, entry(Kind.TOKEN, "t1")), old):
            source["text"] = text
            await watch.look()
        with pytest.raises(InvalidToken):
            watch.check(claims())

    async def test_put_back_at_a_restart_it_serves_to_its_end_and_no_longer(
        self, start, source, signer, clock
    ):
        source["text"] = self.sign(signer, 1, exp=SECOND + 10)
        before_its_end, after_its_end = start(), start()
        clock.now += 9
        await before_its_end.look()
        before_its_end.check(claims())
        clock.now += 1
        await after_its_end.look()
        assert not after_its_end.has_begun
        clock.now += 300
        await before_its_end.look()
        with pytest.raises(RevocationsUnavailable):
            before_its_end.check(claims())

    @pytest.mark.parametrize("trouble", ["gone", "forged", "ended"])
    async def test_unconfirmed_it_serves_for_the_stated_time_and_then_nobody_comes_in(
        self, watch, source, signer, clock, new_pem, trouble
    ):
        end = SECOND + 10 if trouble == "ended" else SECOND + 86_400
        source["text"] = self.sign(signer, 1, exp=end)
        await watch.look()
        if trouble == "gone":
            source["text"] = None
        if trouble == "forged":
            source["text"] = self.sign(TokenSigner(new_pem(), LIST_ISSUER), 9)
        clock.now += 299
        await watch.look()
        watch.check(claims())
        clock.now += 2
        await watch.look()
        with pytest.raises(RevocationsUnavailable):
            watch.check(claims())
        assert watch.has_begun
        source["text"] = self.sign(signer, 10)
        await watch.look()
        watch.check(claims())


class TestCommand:
    @pytest.fixture
    def run(self, tmp_path, new_pem, capsys):
        key = tmp_path / "key.pem"
        key.write_bytes(new_pem())

        def run(*arguments, key=key):
            options = ["--list", str(tmp_path / "list.jws"), "--key-file", str(key)]
            code = revoke.main([*options, *arguments])
            return code, capsys.readouterr()

        return run

    @pytest.fixture
    def published(self, run, tmp_path):
        def published():
            keys = load_jwks(run("keys")[1].out.encode(), issuer=LIST_ISSUER, algorithms={"ES256"})
            return load_list((tmp_path / "list.jws").read_bytes(), keys, now=time.time())

        return published

    def test_adds_lifts_and_shows(self, run, published):
        assert run("client", "app")[0] == 0
        assert run("subject", "person", "--issuer", "https://one.example")[0] == 0
        assert run("organization", ORGANIZATION, "--issued-before", "now")[0] == 0
        assert run("token", "t1")[0] == 0
        first = published()
        kinds = [e.kind for e in first.revoked]
        assert kinds == [Kind.CLIENT, Kind.SUBJECT, Kind.ORGANIZATION, Kind.TOKEN]
        assert run("lift", "client", "app")[0] == 0
        assert run("renew")[0] == 0
        second = published()
        assert second.revoked == first.revoked[1:]
        assert second.seq > first.seq
        shown = run("show")[1].out
        assert len(shown.splitlines()) == 3
        assert "person" not in shown

    def test_an_organization_is_named_as_tokens_name_it(self, run, published):
        assert run("organization", ORGANIZATION.upper())[0] == 0
        assert Revocations(published().revoked).cover(claims())
        assert run("lift", "organization", ORGANIZATION.upper())[0] == 0
        assert published().revoked == ()

    @pytest.mark.parametrize(
        ("kind", "value", "expected"),
        [
            ("organization", "not-uuid", "a UUID"),
            ("client", " app", "without a space"),
            ("subject", "zoé", "ASCII"),
            ("token", "", "1 to 255"),
            ("token", "x" * 256, "1 to 255"),
        ],
    )
    def test_what_no_token_can_bear_is_refused(self, run, tmp_path, kind, value, expected):
        for arguments in ((kind, value), ("lift", kind, value)):
            code, said = run(*arguments)
            assert (code, expected in said.err) == (1, True)
        assert not (tmp_path / "list.jws").exists()

    def test_a_list_ends_after_seven_days_unless_said_otherwise(self, run, published):
        run("renew")
        assert published().exp - published().iat == 7 * 86_400
        run("--days", "1", "renew")
        assert published().exp - published().iat == 86_400

    def test_revoking_again_changes_the_entry(self, run, published):
        run("client", "app")
        run("client", "app", "--issued-before", "2026-11-22T09:00:00+01:00")
        (only,) = published().revoked
        assert only.issued_before == SECOND

    def test_a_name_can_be_kept_off_the_command_line(self, run, published, monkeypatch):
        import io

        monkeypatch.setattr("sys.stdin", io.StringIO("person\n"))
        run("subject", "-")
        assert published().revoked[0].value == named(Kind.SUBJECT, "person")

    def test_entries_that_no_token_can_outlive_are_forgotten(self, run, published, monkeypatch):
        run("token", "t1")
        run("client", "app")
        month = time.time() + 31 * 86_400

        class Later:
            time = staticmethod(lambda: month)

        monkeypatch.setattr(revoke, "time", Later)
        run("renew")
        monkeypatch.undo()
        monkeypatch.setattr("time.time", lambda: month)
        assert [e.kind for e in published().revoked] == [Kind.CLIENT]

    def test_nothing_is_published_over_a_list_of_another_key(self, run, tmp_path, new_pem):
        run("client", "app")
        before = (tmp_path / "list.jws").read_bytes()
        other = tmp_path / "other.pem"
        other.write_bytes(new_pem())
        code, said = run("client", "more", key=other)
        assert (code, "not_signed" in said.err) == (1, True)
        assert run("lift", "client", "nobody")[0] == 1
        assert (tmp_path / "list.jws").read_bytes() == before
