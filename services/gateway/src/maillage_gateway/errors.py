"""What the gateway itself refuses, each with its stable code."""

from maillage_common.errors import (
    BadRequest,
    DependencyUnavailable,
    Forbidden,
    MaillageError,
    NotFound,
    TooLarge,
    TooManyRequests,
    Unauthenticated,
)


class BadPath(BadRequest):
    code, title = "bad_path", "The path is not in its normal form"


class BadHeaders(BadRequest):
    code, title = "bad_headers", "The headers contradict each other or cannot be read"


class TokenInQuery(BadRequest):
    code, title = "token_in_query", "A token in an address ends up in logs: send it as a header"


class UnknownRoute(NotFound):
    code, title = "unknown_route", "No service answers at this address"


class TokenMissing(Unauthenticated):
    code, title = "token_missing", "This route needs an access token"

    def __init__(self) -> None:
        # RFC 6750 section 3.1: a request without credentials is told the scheme and no error.
        super().__init__(headers={"WWW-Authenticate": 'Bearer realm="maillage"'})


class SenderConstrained(Unauthenticated):
    code, title = "sender_constrained_token", "Tokens that are bound to a key are not accepted yet"

    def __init__(self) -> None:
        # RFC 6750 has no error of its own for it; RFC 9449 section 7.1 says `invalid_token` too.
        super().__init__(
            "Ask the issuer for a bearer token: proofs of DPoP or mutual TLS are not checked here.",
            headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
        )


class MachinesRefused(Forbidden):
    code, title = "machines_refused", "This route is for people who signed in, not for machines"


class BodyTooLarge(TooLarge):
    code, title = "body_too_large", "The body is larger than this route accepts"


class BodyTooSlow(MaillageError):
    status, code, title = 408, "body_too_slow", "The body did not arrive in time"


class AddressTooLong(MaillageError):
    status, code, title = 414, "address_too_long", "The request's address is too long"


class QuotaExceeded(TooManyRequests):
    code, title = "quota_exceeded", "Too many requests: wait before the next"


class ServiceUnavailable(DependencyUnavailable):
    code, title = "service_unavailable", "The service behind this route cannot be reached"


class ServiceBroke(MaillageError):
    status, code, title = 502, "service_broke", "The service behind this route broke off"


class ServiceTooSlow(MaillageError):
    status, code, title = (
        504,
        "service_too_slow",
        "The service behind this route did not answer",
    )


class KeysUnavailable(DependencyUnavailable):
    code, title = "keys_unavailable", "The keys of this token's issuer are not known at the moment"


class RevocationsUnavailable(DependencyUnavailable):
    code, title = "revocations_unavailable", "Which tokens are revoked is not known at the moment"
