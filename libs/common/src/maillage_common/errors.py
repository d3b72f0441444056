"""Errors are facts, raised deep and rendered once at the edge as RFC 9457 problem documents.

A service's `errors.py` subclasses the classes below; the class carries the HTTP status, the stable
`code` that callers may branch on, and a title. `detail` tells the reader what to do next; it never
holds personal data and never repeats what the caller sent.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from fastapi import Request
from fastapi.responses import JSONResponse

if TYPE_CHECKING:
    from maillage_common.audit import AuditEntry

PROBLEM_TYPE = "https://maillage.brussels/problems/"
PROBLEM_MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True)
class FieldError:
    """One thing wrong with the request.

    `pointer` is an RFC 6901 pointer into the body (`/conditions/0/kind`); `parameter` names a
    query, path or header parameter instead. `suggestions`: what may have been meant.
    """

    code: str
    detail: str
    pointer: str | None = None
    parameter: str | None = None
    suggestions: Sequence[str] = ()

    def as_json(self) -> dict[str, Any]:
        members = {
            "pointer": self.pointer,
            "parameter": self.parameter,
            "code": self.code,
            "detail": self.detail,
            "suggestions": list(self.suggestions) or None,
        }
        return {name: value for name, value in members.items() if value is not None}


class MaillageError(Exception):
    """A refusal with a stable code. Subclass it; do not raise it bare.

    `audit` holds records that must survive the rollback this error causes (an access denied is
    audited although nothing else of the request is kept).
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "The server met an unexpected condition"

    def __init__(
        self,
        detail: str | None = None,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, Any] | None = None,
        audit: Sequence["AuditEntry"] = (),
    ) -> None:
        super().__init__(self.code)
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.members = dict(members or {})
        self.audit = tuple(audit)


class BadRequest(MaillageError):
    status, code, title = 400, "bad_request", "The request could not be read"


class MalformedJson(BadRequest):
    code, title = "malformed_json", "The body is not valid JSON"


class DuplicateMember(BadRequest):
    code, title = "duplicate_member", "An object of the body has two members of one name"


class Unauthenticated(MaillageError):
    status, code, title = 401, "invalid_token", "A valid access token is needed"

    def __init__(self, detail: str | None = None, **members: Any) -> None:
        super().__init__(detail, **members)
        # RFC 6750 section 3: a 401 names the scheme.
        self.headers.setdefault("WWW-Authenticate", f'Bearer error="{self.code}"')


class Forbidden(MaillageError):
    status, code, title = 403, "forbidden", "Not allowed"


class InsufficientScope(Forbidden):
    code, title = "insufficient_scope", "The token lacks a scope that this route needs"


class IndividualRequired(Forbidden):
    code, title = "individual_required", "Only a person may do this, not a machine"


class UnreadableRequest(BadRequest):
    code, title = "unreadable_request", "This is not a well-formed HTTP request"


class HeadTooSlow(MaillageError):
    status, code, title = 408, "head_too_slow", "The request's head did not arrive in time"


class HeadersTooLarge(MaillageError):
    status, code, title = 431, "headers_too_large", "The request's headers are too large"


class NotFound(MaillageError):
    status, code, title = 404, "not_found", "There is nothing here that you may see"


class MethodNotAllowed(MaillageError):
    status, code, title = 405, "method_not_allowed", "This method does not exist here"


class Conflict(MaillageError):
    status, code, title = 409, "conflict", "The state of the resource does not allow this"


class Gone(MaillageError):
    status, code, title = 410, "gone", "This no longer exists"


class PreconditionFailed(MaillageError):
    status, code, title = 412, "stale", "Someone changed this since you read it"


class TooLarge(MaillageError):
    status, code, title = 413, "too_large", "The body is larger than this route accepts"


class UnsupportedMediaType(MaillageError):
    status, code, title = 415, "unsupported_media_type", "This content type is not accepted here"


class UnsupportedContentEncoding(UnsupportedMediaType):
    code, title = "unsupported_content_encoding", "The body's coding is not accepted here"

    def __init__(self, detail: str | None = None, **members: Any) -> None:
        super().__init__(detail, **members)
        # RFC 9110 section 12.5.3: so that a 415 of a coding is told from one of a type.
        self.headers.setdefault("Accept-Encoding", "identity")


class Unprocessable(MaillageError):
    status, code, title = 422, "unprocessable", "The request is well-formed but not valid"


class InvalidRequest(Unprocessable):
    code, title = "validation_failed", "Some fields are not valid"


class PreconditionRequired(MaillageError):
    status, code, title = 428, "precondition_required", "Send If-Match with the ETag that you read"


class TooManyRequests(MaillageError):
    status, code, title = 429, "too_many_requests", "Slow down"


class InternalError(MaillageError):
    pass


class DependencyUnavailable(MaillageError):
    status, code, title = 503, "dependency_unavailable", "Something this service needs is down"

    def __init__(self, detail: str | None = None, **members: Any) -> None:
        super().__init__(detail or "Nothing was written. Try again in a few seconds.", **members)
        self.headers.setdefault("Retry-After", "5")


class Stopping(DependencyUnavailable):
    code, title = "stopping", "This process has been asked to stop"


def problem_document(error: MaillageError, *, trace_id: str) -> dict[str, Any]:
    """RFC 9457 members, plus `code`, `trace_id` and `errors`."""
    document: dict[str, Any] = {
        "type": PROBLEM_TYPE + error.code,
        "title": error.title,
        "status": error.status,
        "code": error.code,
        "trace_id": trace_id,
    }
    if error.detail:
        document["detail"] = error.detail
    if error.errors:
        document["errors"] = [fault.as_json() for fault in error.errors]
    return {**document, **error.members}


def problem_response(error: MaillageError, *, trace_id: str) -> JSONResponse:
    return JSONResponse(
        problem_document(error, trace_id=trace_id),
        status_code=error.status,
        headers=error.headers,
        media_type=PROBLEM_MEDIA_TYPE,
    )


async def render_problem(request: Request, error: Exception) -> JSONResponse:
    """The exception handler of every `MaillageError`."""
    from maillage_common.telemetry import current_trace_id

    assert isinstance(error, MaillageError)
    return problem_response(error, trace_id=current_trace_id())


def fault_detail(fault: Mapping[str, Any]) -> str:
    return re.sub(r", unable to .*$", "", str(fault["msg"]))


def fault_suggestions(fault: Mapping[str, Any]) -> tuple[str, ...]:
    """What the validator that raised it said may have been meant (`near` of its context)."""
    return tuple(fault.get("ctx", {}).get("near", ()))


def body_error(fault: Mapping[str, Any], path: Sequence[str | int], body: Any) -> FieldError:
    """A fault that pydantic found at `path` of `body`, without the value that was sent."""
    pointer = "".join(f"/{_escape(part)}" for part in _members(path, body))
    return FieldError(
        code=str(fault["type"]),
        detail=fault_detail(fault),
        pointer=pointer,
        suggestions=fault_suggestions(fault),
    )


def _members(path: Sequence[str | int], body: Any) -> Iterator[str | int]:
    """The path without the tags of unions, which pydantic puts among the members."""
    reached = body
    for index, part in enumerate(path):
        last = index == len(path) - 1
        if isinstance(reached, dict) and part not in reached and not last:
            continue
        yield part
        if isinstance(reached, dict):
            reached = reached.get(part)
        elif isinstance(reached, list) and isinstance(part, int) and part < len(reached):
            reached = reached[part]


def _escape(part: object) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")
