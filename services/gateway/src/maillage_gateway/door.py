"""The decision on a request: path, route, headers, caller, meter, scope, in this order.

The data path and the check endpoint both ask here, so that a proxy in front decides as we do. A
door is made for one policy and never changes; a reload puts another in its place, and a request
that began at the old one ends there.
"""

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address
from urllib.parse import unquote_to_bytes

from maillage_common.errors import InsufficientScope, MaillageError, MethodNotAllowed
from maillage_common.tokens import InvalidToken
from maillage_gateway.admission import Admission, Admissions
from maillage_gateway.errors import (
    AddressTooLong,
    BadPath,
    MachinesRefused,
    QuotaExceeded,
    TokenInQuery,
    TokenMissing,
    UnknownRoute,
)
from maillage_gateway.exchange import Exchange
from maillage_gateway.headers import HeaderRules, RawHeaders, RequestHead
from maillage_gateway.issuers import KeyRing
from maillage_gateway.meter import Meters, Reading, Store
from maillage_gateway.paths import MAX_PATH_BYTES, PathTree, is_normal
from maillage_gateway.policy import REFUSED_METER, Policy, Route

MAX_QUERY_BYTES = 8192
_TOKEN_PARAMETERS = frozenset({b"access_token", b"id_token", b"bearer_token", b"authorization"})


class Door:
    """One policy, and the tokens, keys and meters it is applied with."""

    def __init__(
        self,
        policy: Policy,
        admissions: Admissions,
        keys: KeyRing,
        *,
        templates: Mapping[str, PathTree[str]],
        trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = (),
        max_header_bytes: int = 32 * 1024,
        store: Store | None = None,
        salt: bytes | None = None,
    ) -> None:
        """`templates` maps a method to the paths that the services document, once known.

        `store` and `salt` are the meters'.
        """
        self.policy = policy
        self.admissions = admissions
        self._keys = keys
        self._templates = templates
        self._meters = Meters(policy.meters, policy.organizations, store=store, salt=salt)
        self._rules = HeaderRules(policy.forwarded_names, max_bytes=max_header_bytes)
        self._trusted_proxies = trusted_proxies

    def options(self, path: str) -> tuple[list[str], list[str]]:
        """The path's methods, and those of them that any web page may use. Raises UnknownRoute."""
        methods = list(self.policy.methods(path))
        if not methods:
            raise UnknownRoute()
        found = ((name, self.policy.find(name, path)) for name in methods)
        return methods, [name for name, route in found if route and route.cors]

    def find(self, exchange: Exchange, path: str, headers: RawHeaders) -> tuple[Route, RequestHead]:
        """The route and the request's head. Raises UnknownRoute, MethodNotAllowed, BadHeaders."""
        method = exchange.method
        route = self.policy.find(method, path)
        if route is None:
            raise self._unknown(path)
        exchange.route = route
        tree = self._templates.get(method)
        # The documented form of the path, or the policy's: bounded, and never with an id in it.
        exchange.template = (tree.find(path) if tree else None) or route.path
        return route, self._rules.read(headers)

    def _unknown(self, path: str) -> MaillageError:
        methods = list(self.policy.methods(path))
        return (
            MethodNotAllowed(headers={"Allow": ", ".join(methods)}) if methods else UnknownRoute()
        )

    async def admit(
        self, exchange: Exchange, route: Route, head: RequestHead, address: str
    ) -> Admission:
        """Who asks, counted and allowed here. `address` is whose connection it is."""
        authorization = _shown(route, head)
        if authorization is None:
            admission = self.admissions.anonymous
            stranger = self._origin(address, head)
            reading = await self._meters.count_stranger(route.meter, stranger)
        else:
            try:
                admission = await self.admissions.admit(authorization, self._keys)
            except MaillageError as refusal:
                stranger = self._origin(address, head)
                guesses = await self._meters.count_stranger(REFUSED_METER, stranger)
                raise _refused(exchange, refusal, guesses) from None
            reading = await self._meters.count_client(
                route.meter, admission.client_id, admission.organization
            )
        return _allowed(exchange, route, admission, reading)

    def admit_at_once(
        self, exchange: Exchange, route: Route, head: RequestHead, address: str
    ) -> Admission | None:
        """As `admit`; None, and nothing counted, when that would have to wait.

        For nearly every request it has not: the meters are in memory, and the issuer was asked for
        its keys before.
        """
        authorization = _shown(route, head)
        if self._meters.is_shared:
            return None
        if authorization is None:
            admission = self.admissions.anonymous
            stranger = self._origin(address, head)
            reading = self._meters.count_stranger_here(route.meter, stranger)
        else:
            try:
                found = self.admissions.admit_at_once(authorization, self._keys)
            except MaillageError as refusal:
                stranger = self._origin(address, head)
                guesses = self._meters.count_stranger_here(REFUSED_METER, stranger)
                raise _refused(exchange, refusal, guesses) from None
            if found is None:
                return None
            admission = found
            reading = self._meters.count_client_here(
                route.meter, admission.client_id, admission.organization
            )
        return _allowed(exchange, route, admission, reading)

    def _origin(self, address: str, head: RequestHead) -> str:
        """The caller's address; that of a trusted proxy is replaced by what the proxy tells."""
        forwarded = head.own.get(b"x-forwarded-for")
        if forwarded is None or not self._trusted_proxies:
            return address
        hops = [hop.strip() for hop in forwarded.decode("latin-1").split(",")]
        while hops and is_within(address, self._trusted_proxies):
            address = hops.pop()
        return address


def is_within(address: str, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)


def read_path(raw_path: bytes, query: bytes) -> str:
    """The path, which must be in its normal form. Raises BadPath, AddressTooLong, TokenInQuery."""
    if len(raw_path) > MAX_PATH_BYTES or len(query) > MAX_QUERY_BYTES:
        raise AddressTooLong()
    if not is_normal(raw_path):
        raise BadPath("Write the path without //, dot segments, ;, \\ or needless % escapes.")
    if query and _has_token(query):
        raise TokenInQuery()
    return raw_path.decode("ascii")


def _has_token(query: bytes) -> bool:
    names = (pair.partition(b"=")[0] for pair in query.split(b"&"))
    return any(unquote_to_bytes(name).lower() in _TOKEN_PARAMETERS for name in names)


def _shown(route: Route, head: RequestHead) -> bytes | None:
    """The `Authorization` that was sent. TokenMissing when the route needs one."""
    authorization = head.own.get(b"authorization")
    if authorization is None and not route.anonymous:
        raise TokenMissing()
    return authorization


def _refused(exchange: Exchange, refusal: MaillageError, guesses: Reading) -> MaillageError:
    """What is told of a token that was refused and counted: why, or that it was one too many."""
    if isinstance(refusal.__cause__, InvalidToken):
        exchange.reason = str(refusal.__cause__)
    exchange.reading = guesses
    return refusal if guesses.retry_after is None else QuotaExceeded()


def _allowed(exchange: Exchange, route: Route, admission: Admission, reading: Reading) -> Admission:
    exchange.reading = reading
    if reading.retry_after is not None:
        raise QuotaExceeded()
    exchange.client_id = admission.client_id
    if admission.is_machine and not route.machines:
        raise MachinesRefused()
    if not route.anonymous and route.scopes.isdisjoint(admission.scopes):
        wanted = " ".join(sorted(route.scopes))
        raise InsufficientScope(
            f"Ask for a token with one of these scopes: {wanted}.",
            headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{wanted}"'},
        )
    return admission
