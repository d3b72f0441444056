"""Who is calling, and what a route asks of them.

Authentication is ASGI middleware: a request without a valid internal token answers 401 before any
route, body or database is touched. Authorisation is declared on each route by `requires(...)` or
`open_to_anyone()`; an application with a route that declares neither does not start.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from maillage_common import clock
from maillage_common.errors import (
    IndividualRequired,
    InsufficientScope,
    Unauthenticated,
    problem_response,
)
from maillage_common.telemetry import current_trace_id
from maillage_common.tokens import (
    ANONYMOUS,
    GATEWAY_ISSUER,
    InternalTokenVerifier,
    InvalidToken,
)

SUBJECT_TOKEN_HEADER = "Maillage-Subject-Token"  # noqa: S105 (a header's name)
# The gateway sends the same token again for some seconds, and a signature costs as much as a query.
_KNOWN_TOKENS = 1024
UNAUTHENTICATED_PATHS = frozenset({"/health/live", "/health/ready", "/openapi.json"})


class NoToken(Exception):
    """Not exactly one bearer token (and at most one subject token) came with the request."""


@dataclass(frozen=True)
class Caller:
    """Who makes the request, for whom and from where.

    `subject` is the person, or the client itself when a machine calls (`subject == client_id`).
    `acting` names the applications or services that act for the subject, outermost first.
    """

    subject: str
    client_id: str
    organization: str | None = None
    tenant: str | None = None
    function: str | None = None
    scopes: frozenset[str] = frozenset()
    acting: tuple[str, ...] = ()

    @property
    def is_anonymous(self) -> bool:
        return self.subject == ANONYMOUS

    @property
    def is_machine(self) -> bool:
        return self.subject == self.client_id and not self.is_anonymous

    @property
    def is_individual(self) -> bool:
        return not self.is_anonymous and not self.is_machine

    def has(self, scope: str) -> bool:
        return scope in self.scopes


@dataclass(frozen=True)
class _Known:
    """What a token said when it was verified at `since`; it holds until it expires."""

    caller: Caller
    token: str | None
    since: datetime
    until: datetime


class InternalAuthentication:
    """ASGI middleware: turns the internal token into `request.state.caller`, or answers 401."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        verifier: InternalTokenVerifier,
        public_paths: frozenset[str] = frozenset(),
    ) -> None:
        """`public_paths` are read by anyone who reaches the service, as keys must be."""
        self.app = app
        self.verifier = verifier
        self.public_paths = public_paths
        self._known: dict[tuple[str, str | None], _Known] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in UNAUTHENTICATED_PATHS:
            await self.app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        if scope["path"] in self.public_paths:
            state["caller"], state["caller_token"] = Caller(ANONYMOUS, ANONYMOUS), None
            await self.app(scope, receive, send)
            return
        try:
            caller, token = self._authenticate(Headers(scope=scope))
        except (InvalidToken, NoToken):
            refusal = problem_response(
                Unauthenticated("This service is reached through the gateway."),
                trace_id=current_trace_id(),
            )
            await refusal(scope, receive, send)
            return
        state["caller"], state["caller_token"] = caller, token
        await self.app(scope, receive, send)

    def _authenticate(self, headers: Headers) -> tuple[Caller, str | None]:
        token = _bearer(headers.getlist("authorization"))
        subject_tokens = headers.getlist(SUBJECT_TOKEN_HEADER)
        if len(subject_tokens) > 1:
            raise NoToken
        subject_token = subject_tokens[0] if subject_tokens else None
        now = clock.now()
        known = self._known.get((token, subject_token))
        if known is not None and known.since <= now < known.until:
            return known.caller, known.token
        claims = self.verifier.verify(token, subject_token=subject_token, now=now)
        caller = Caller(
            subject=claims.subject,
            client_id=claims.client_id,
            organization=claims.organization,
            tenant=claims.tenant,
            function=claims.function,
            scopes=claims.scopes,
            acting=claims.acting,
        )
        # Acting for someone is passed on once: another service would refuse a second-hand token.
        first_hand = subject_token is None and claims.issuer == GATEWAY_ISSUER
        if len(self._known) >= _KNOWN_TOKENS:
            self._known.clear()
        made = _Known(caller, token if first_hand else None, since=now, until=claims.expires_at)
        self._known[token, subject_token] = made
        return made.caller, made.token


def _bearer(values: list[str]) -> str:
    if len(values) != 1:
        raise NoToken
    scheme, _, token = values[0].partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise NoToken
    return token


class Authorization:
    """A route's declaration: any one of `scopes`, or open; called by FastAPI as a dependency."""

    def __init__(self, *scopes: str, individual: bool = False) -> None:
        self.scopes = scopes
        self.individual = individual

    async def __call__(self, request: Request) -> Caller:
        caller: Caller = request.state.caller
        if self.scopes and not any(caller.has(scope) for scope in self.scopes):
            raise InsufficientScope(
                f"Ask for a token with the scope {' or '.join(self.scopes)}.",
                headers={"WWW-Authenticate": _scope_challenge(self.scopes)},
            )
        if self.individual and not caller.is_individual:
            raise IndividualRequired("Use the token of a person who is signed in.")
        return caller


def _scope_challenge(scopes: tuple[str, ...]) -> str:
    return f'Bearer error="insufficient_scope", scope="{" ".join(scopes)}"'


def requires(*scopes: str, individual: bool = False) -> Any:
    """`Annotated[Caller, requires("directory:write")]`: one of the scopes, matched exactly.

    `individual=True` refuses bare client credentials: what is about a person is done by a person.
    """
    if not scopes:
        raise ValueError("name a scope, or use open_to_anyone()")
    return Depends(Authorization(*scopes, individual=individual))


def open_to_anyone() -> Any:
    """`Annotated[Caller, open_to_anyone()]`: an anonymous caller may use this route."""
    return Depends(Authorization())


def route_authorizations(route: APIRoute) -> Iterator[Authorization]:
    """Every declaration found in the route's dependency tree."""
    pending = [route.dependant]
    while pending:
        dependant = pending.pop()
        if isinstance(dependant.call, Authorization):
            yield dependant.call
        pending.extend(dependant.dependencies)


async def current_caller(request: Request) -> Caller:
    caller: Caller = request.state.caller
    return caller


async def current_token(request: Request) -> str | None:
    token: str | None = request.state.caller_token
    return token


CurrentCaller = Annotated[Caller, Depends(current_caller)]
CallerToken = Annotated[str | None, Depends(current_token)]
