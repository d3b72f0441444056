"""Attacks with signatures and the forms of tokens, over bare sockets against a running gateway.

Each test is a row of the table of attacks that gateways have fallen to. Nothing reaches a service,
nobody is called, and the good caller's token still works afterwards.
"""

import asyncio
import json
import time
from base64 import urlsafe_b64encode

from attacker import ES, INVALID, RS, Target, claims, headed, token
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from forged_tokens import P256_ORDER, Forge, b64, ec_key, rsa_key, text


class TestSignatures:
    async def test_row_1_no_algorithm_and_no_signature(self, target):
        for alg in ("none", "None", "NONE", "nOnE"):
            signed = headed(alg=alg)
            head, body, _ = signed.split(".")
            await target.refuse(signed, f"{head}.{body}.", f"{head}.{body}")
        head, body, _ = token().split(".")
        await target.refuse(f"{head}.{body}.", f"{head}.{body}.AA")

    async def test_row_2_a_public_key_as_the_secret_of_an_hmac(self, target):
        public = rsa_key().public_key()
        secrets = [
            public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
            public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
            json.dumps(RS.jwk()).encode(),
            public.public_numbers().n.to_bytes(256, "big"),
            b"",
        ]
        for secret in secrets:
            for alg in ("HS256", "RS256"):
                head = f"{b64(text(RS.header(alg=alg)))}.{b64(text(claims()))}"
                mac = hmac.HMAC(secret, hashes.SHA256())
                mac.update(head.encode())
                await target.refuse(f"{head}.{b64(mac.finalize())}")

    async def test_row_3_an_algorithm_that_is_not_the_issuers_or_not_the_keys(self, target):
        await target.refuse(
            *(headed(alg=alg) for alg in ("RS256", "ES384", "PS256", "EdDSA", "es256", 1, None)),
            RS.token(claims(), RS.header(alg="RS384")),
            RS.token(claims(), RS.header(alg="ES256")),
            Forge(rsa_key(), "RS384", "rsa").token(claims()),
        )

    async def test_row_4_a_key_brought_along(self, target):
        thief = Forge(ec_key(name="thief"), "ES256", "ec")
        await target.refuse(
            thief.token(claims()),
            thief.token(claims(), thief.header(jwk=thief.jwk())),
            thief.token(claims(), thief.header(x5c=["MIIB"])),
            headed(jwk=ES.jwk()),
        )

    async def test_row_5_an_address_of_a_key_is_never_called(self, target):
        # The source notes whatever it has no document for.
        del target.source.documents["/jwks.json"]
        for member in ("jku", "x5u"):
            for path in ("/jwks.json", "/elsewhere"):
                await target.refuse(headed(**{member: target.source.url + path}))
        assert not target.source.seen

    async def test_row_18_ecdsa_numbers_and_forms(self, target):
        head, body, _ = token().split(".")
        raw = ES.signature(f"{head}.{body}".encode())
        r, s = int.from_bytes(raw[:32]), int.from_bytes(raw[32:])
        odd = [
            (a.to_bytes(32) + b.to_bytes(32))
            for a, b in [(0, 0), (0, 1), (1, 0), (P256_ORDER, 1), (1, P256_ORDER), (r, 0)]
        ]
        other = [encode_dss_signature(r, s), raw[:-1], raw + b"\0", raw[32:] + raw[:32], b""]
        await target.refuse(*(f"{head}.{body}.{b64(one)}" for one in odd + other))

    async def test_row_19_rsa_paddings(self, target):
        head, body, _ = RS.token(claims()).split(".")
        message = f"{head}.{body}".encode()
        raw = RS.signature(message)
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        modulus = rsa_key().public_key().public_numbers().n
        forged = [
            rsa_key().sign(message, pss, hashes.SHA256()),
            rsa_key().sign(message, padding.PKCS1v15(), hashes.SHA1()),
            *(b"\0" + raw, raw + raw, raw[:-1], bytes(256), (1).to_bytes(256), (2).to_bytes(256)),
            modulus.to_bytes(256),
            (int.from_bytes(raw) + modulus).to_bytes(257),
        ]
        await target.refuse(*(f"{head}.{body}.{b64(one)}" for one in forged))
        await target.refuse(RS.token(claims(), RS.header(alg="PS256")))


class TestHeaders:
    async def test_row_6_key_ids_that_are_something_else(
        self, target, start_gateway, settings, caplog, capsys
    ):
        def by_kid(kid):
            return headed(kid=kid)

        hostile = ["../../../dev/null", "' OR 1=1 --", "k\x00", "k\n", "k" * 5000, "é", "", "EC"]
        await target.refuse(*map(by_kid, [*hostile, 1, True, None, ["ec"], {}, ...]))
        # The lines of a gateway that has stopped are all written.
        async with start_gateway(settings) as gateway:
            other = Target(gateway, target.source, target.echo)
            await other.refuse(*map(by_kid, hostile))
        logged = capsys.readouterr().out
        assert '"reason": "key_id"' in logged
        logged += " ".join(str(vars(record)) for record in caplog.records)
        assert not any(kid in logged for kid in hostile[:5])

    async def test_row_7_a_flood_of_unknown_keys_is_one_fetch_a_cooldown(
        self, start_gateway, target, settings
    ):
        fetched = []

        async def count(request, reader, writer):
            fetched.append(time.monotonic())
            writer.write(b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n")

        # From now on the key set is "empty": the cooldown must hold all the same.
        target.source.documents.pop("/jwks.json")
        target.source.behaviours["/jwks.json"] = count
        started = time.monotonic()
        floods = [target.bear(headed(kid=f"k{n}")) for n in range(100)]
        floods += [target.bear(headed(kid="same")) for _ in range(50)]
        assert set(await asyncio.gather(*floods)) == {INVALID}
        cooldowns = (time.monotonic() - started) / settings.keys_cooldown_seconds
        assert len(fetched) <= cooldowns + 1

    async def test_row_10_a_token_of_another_kind(self, target):
        kinds = ("JWT", "jwt", "AT+JWT", "dpop+jwt", "logout+jwt", "id_token", "", None, 1, ...)
        await target.refuse(*(headed(typ=typ) for typ in kinds))
        await target.refuse(headed(typ="maillage-internal+jwt"), headed(typ="at+jwt "))

    async def test_row_15_critical_extensions(self, target):
        await target.refuse(
            *(headed(crit=crit) for crit in ([], ["exp"], ["b64"], ["x"], None, "exp")),
            headed(b64=False, crit=["b64"]),
            headed(b64=False),
        )

    async def test_row_21_encrypted_compressed_and_expensive(self, target):
        bomb = {"zip": "DEF", "enc": "A256GCM", "alg": "dir"}
        costly = {"alg": "PBES2-HS256+A128KW", "p2c": 2**31, "p2s": "eA", "enc": "A128GCM"}
        started = time.perf_counter()
        for header in (bomb, costly, {"alg": "RSA-OAEP", "enc": "A256GCM"}):
            five = f"{b64(json.dumps(header).encode())}.AA.AA.{b64(bytes(4000))}.AA"
            await target.refuse(five, headed(**header))
        assert time.perf_counter() - started < 2


class TestForms:
    async def test_row_16_json_with_two_readings(self, target):
        good = text(claims())
        changes = [
            (b'"sub":', b'"sub": "admin", "sub":'),
            (b'"sub":', b'"\\u0073ub": "admin", "sub":'),
            (b'"jti":', b'"x": NaN, "jti":'),
            (b'"jti":', b'"x": 1e999, "jti":'),
            (b'"person-1"', b'"person\xff"'),
            (b'"person-1"', b'"\\udc00"'),
            (b"{", b"\xef\xbb\xbf{"),
            (b'"jti":', b'"x": ' + b"[" * 2000 + b"]" * 2000 + b', "jti":'),
            (b'"jti":', b'"x": ' + b"9" * 4000 + b', "jti":'),
        ]
        await target.refuse(*(ES.token(good.replace(old, new, 1)) for old, new in changes))
        twice = text(ES.header()).replace(b"{", b'{"alg": "none", ', 1)
        await target.refuse(ES.token(claims(), twice))
        await target.refuse(*(ES.token(other) for other in (b"null", b"[]", b'"x"', b"{}x", b"1")))

    async def test_row_17_another_text_for_the_same_token(self, target):
        good = token()
        head, body, signature = good.split(".")
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        stray = signature[:-1] + alphabet[alphabet.index(signature[-1]) + 1]
        padded = urlsafe_b64encode(text(claims())).decode()
        await target.refuse(
            *(f"{good}=", f"{good}==", f"{head}.{body}.{stray}", f"{head}=.{body}.{signature}"),
            *(good.replace(".", ". ", 1), f"{head}.{padded}=.{signature}", f"{good}%", f"{good},"),
            *(f"{head}.{body}.!{signature}", f"{good}\u00e9", f"{head}.+/{body[2:]}.{signature}"),
        )

    async def test_row_20_other_serialisations_and_counts_of_segments(self, target):
        head, body, signature = token().split(".")
        nested = b64(token().encode())
        flat = {"payload": body, "protected": head, "signature": signature}
        await target.refuse(
            *("a", "a.b", f"{head}.{body}", f"{head}.{body}.{signature}.{signature}", "...", ".."),
            *(f"{head}.{nested}.{signature}", json.dumps(flat, separators=(",", ":"))),
            ES.token(token().encode(), ES.header(cty="JWT")),
            f"{head}.{body}.{body}.{body}.{body}.{signature}",
        )

    async def test_a_token_beyond_8_kib_is_refused_before_it_is_read(self, target):
        await target.refuse(token(note="x" * 9000), "x" * 20_000)
