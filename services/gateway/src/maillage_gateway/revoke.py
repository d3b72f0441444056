"""`python -m maillage_gateway revoke …`: what operations write the list of revocations with.

It needs the list and its private key, and nothing of a running gateway. The list is replaced whole,
so that a gateway never reads half of one.
"""

import argparse
import fcntl
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from maillage_common.claims import NAME_FORM
from maillage_common.keys import TokenSigner, load_jwks
from maillage_gateway.revocation import (
    LIST_ISSUER,
    MAX_LIST_BYTES,
    InvalidList,
    Kind,
    Revocation,
    RevocationList,
    following,
    load_list,
    named,
)

# By then every token that an entry names by its id or its age has ended: no issuer may make longer
# ones.
KEPT_SECONDS = 30 * 86_400
_KINDS = {
    "token": Kind.TOKEN,
    "client": Kind.CLIENT,
    "organization": Kind.ORGANIZATION,
    "subject": Kind.SUBJECT,
}


def main(arguments: Sequence[str]) -> int:
    """Do what the command line asks; 0, or 1 after saying why not."""
    chosen = _parser().parse_args(arguments)
    try:
        signer = TokenSigner(chosen.key_file.read_bytes(), LIST_ISSUER)
        if chosen.action == "keys":
            _say(json.dumps(signer.jwks()))
            return 0
        with _held(chosen.list):
            known = _read(chosen.list, signer)
            if chosen.action == "show":
                _show(known)
                return 0
            _publish(chosen, known, signer)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"Nothing was published: {error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m maillage_gateway revoke",
        description="Take tokens back; gateways that poll the list follow within five seconds.",
    )
    parser.add_argument("--list", type=Path, required=True, help="the signed list, a file")
    parser.add_argument(
        "--key-file", type=Path, required=True, help="PEM (PKCS 8) P-256 key that signs the list"
    )
    parser.add_argument("--days", type=int, default=7, help="until the list ends (7)")
    actions = parser.add_subparsers(dest="action", required=True)
    for name in _KINDS:
        action = actions.add_parser(name, help=f"revoke the tokens of a {name}")
        _add_name(action)
        action.add_argument(
            "--issued-before",
            type=_second,
            help="`now`, or an instant with its offset: spare tokens issued later",
        )
    lift = actions.add_parser("lift", help="take a revocation back")
    lift.add_argument("kind", choices=_KINDS)
    _add_name(lift)
    actions.add_parser("renew", help="sign the same list anew, for as many days again")
    actions.add_parser("show", help="print what is revoked")
    actions.add_parser("keys", help="print the public keys that gateways need")
    return parser


def _add_name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("value", help="jti, client_id, org or sub; - reads it from standard input")
    parser.add_argument("--issuer", help="only tokens of this issuer (otherwise of any)")


def _second(text: str) -> int:
    if text == "now":
        return int(time.time())
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise argparse.ArgumentTypeError("an instant needs its offset: 2026-11-22T08:00:00+01:00")
    return int(instant.timestamp())


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """One command at a time, or the later one would forget what the earlier one revoked."""
    with path.with_name(path.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _read(path: Path, signer: TokenSigner) -> RevocationList | None:
    if not path.exists():
        return None
    keys = load_jwks(signer.jwks(), issuer=LIST_ISSUER, algorithms={"ES256"})
    # An ended list is still what the next one follows.
    return load_list(path.read_bytes(), keys, now=time.time(), ended=True)


def _publish(chosen: argparse.Namespace, known: RevocationList | None, signer: TokenSigner) -> None:
    now = int(time.time())
    entries = [entry for entry in known.revoked if _serves(entry, now)] if known else []
    if chosen.action != "renew":
        kind = _KINDS[chosen.kind if chosen.action == "lift" else chosen.action]
        value = sys.stdin.readline().strip() if chosen.value == "-" else chosen.value
        place = (kind, chosen.issuer, named(kind, _borne(kind, value)))
        kept = [e for e in entries if (e.kind, e.issuer, e.value) != place]
        if chosen.action == "lift":
            if len(kept) == len(entries):
                raise ValueError("it was not revoked")
        else:
            kept.append(
                Revocation(
                    kind=kind,
                    issuer=chosen.issuer,
                    value=place[2],
                    issued_before=chosen.issued_before,
                    revoked_at=now,
                )
            )
        entries = kept
    listing = following(known, entries, now=now, seconds=chosen.days * 86_400)
    text = listing.sign(signer)
    if len(text) > MAX_LIST_BYTES:
        raise InvalidList("too_large")
    _replace(chosen.list, text)
    ends = datetime.fromtimestamp(listing.exp, UTC).isoformat()
    _say(f"List {listing.seq}: {len(entries)} revoked, ends {ends}")


def _borne(kind: Kind, value: str) -> str:
    """The value as a token bears it. ValueError when none can: the entry would keep nobody out."""
    if kind is Kind.ORGANIZATION:
        try:
            return str(UUID(value))
        except ValueError:
            raise ValueError(
                "an organization is named by its id in the directory, a UUID"
            ) from None
    if NAME_FORM.fullmatch(value) is None:
        raise ValueError(f"{kind} is 1 to 255 characters of ASCII, without a space at either end")
    return value


def _serves(entry: Revocation, now: int) -> bool:
    """Whether a token can still exist that the entry keeps out."""
    if entry.kind is Kind.TOKEN or entry.issued_before is not None:
        return max(entry.revoked_at, entry.issued_before or 0) + KEPT_SECONDS > now
    return True


def _replace(path: Path, text: bytes) -> None:
    new = path.with_name(path.name + ".new")
    with new.open("wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    if path.exists():
        # Gateways run as somebody else: who could read the last one can read this one.
        shutil.copymode(path, new)
    new.replace(path)


def _show(known: RevocationList | None) -> None:
    for entry in known.revoked if known else ():
        _say(json.dumps(entry.model_dump(mode="json", exclude_none=True)))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
