"""What can go wrong, as exceptions. Branch on `code`; it is stable, unlike the words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx


class MaillageError(Exception):
    """Anything this client raises."""


class Unreachable(MaillageError):
    """No answer came: no network, no server, or a connection that broke."""


class ImportStopped(MaillageError):
    """An import ended as failed; `code` is the stable reason the service gives.

    `missing_columns`: of a call list, each as the names that would do (`last_name|full_name`).
    """

    def __init__(
        self, import_id: str, code: str | None, *, missing_columns: Sequence[str] = ()
    ) -> None:
        super().__init__(f"import {import_id} failed: {code or 'no reason given'}")
        self.import_id = import_id
        self.code = code
        self.missing_columns = tuple(missing_columns)


@dataclass(frozen=True)
class FieldProblem:
    """One thing wrong with a request: `pointer` into its body, or `parameter` by name."""

    code: str
    detail: str
    pointer: str | None = None
    parameter: str | None = None


class Problem(MaillageError):
    """An answer that is an RFC 9457 problem document.

    `retry_after` is in seconds, where the server said when to come back.
    """

    def __init__(
        self,
        *,
        status: int,
        code: str,
        title: str,
        detail: str | None = None,
        errors: Sequence[FieldProblem] = (),
        trace_id: str | None = None,
        retry_after: float | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {detail or title}")
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.errors = tuple(errors)
        self.trace_id = trace_id
        self.retry_after = retry_after
        self.members = dict(members or {})


class Unauthenticated(Problem):
    """401: no token, or one that is not accepted any more."""


class Forbidden(Problem):
    """403: the token is good and does not allow this."""


class NotFound(Problem):
    """404: nothing that this token may see."""


class Conflict(Problem):
    """409: the state of the thing does not allow this now."""


class Stale(Problem):
    """412, 428: someone changed it since it was read; read it again."""


class Invalid(Problem):
    """400, 422: something in the request is wrong; see `errors`."""


class TooManyRequests(Problem):
    """429: slow down."""


class Unavailable(Problem):
    """503: the service, or something it needs, is down for now."""


_BY_STATUS: dict[int, type[Problem]] = {
    400: Invalid,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    412: Stale,
    422: Invalid,
    428: Stale,
    429: TooManyRequests,
    503: Unavailable,
}
_NAMED = frozenset({"type", "title", "status", "detail", "code", "errors", "trace_id", "instance"})


def problem_from(response: httpx.Response) -> Problem:
    """The problem an unsuccessful response tells of, also when a proxy answered with HTML."""
    document = _document(response)
    return _BY_STATUS.get(response.status_code, Problem)(
        status=response.status_code,
        code=str(document.get("code") or "unexpected_answer"),
        title=str(document.get("title") or response.reason_phrase),
        detail=document.get("detail"),
        errors=[_field_problem(fault) for fault in document.get("errors") or ()],
        trace_id=document.get("trace_id"),
        retry_after=retry_after(response),
        members={name: value for name, value in document.items() if name not in _NAMED},
    )


def retry_after(response: httpx.Response, *, now: datetime | None = None) -> float | None:
    """Seconds until `Retry-After` (RFC 9110 section 10.2.3: seconds, or a date)."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())


def _document(response: httpx.Response) -> dict[str, Any]:
    if "json" not in response.headers.get("Content-Type", ""):
        return {}
    try:
        document = response.json()
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _field_problem(fault: Mapping[str, Any]) -> FieldProblem:
    return FieldProblem(
        code=str(fault.get("code", "")),
        detail=str(fault.get("detail", "")),
        pointer=fault.get("pointer"),
        parameter=fault.get("parameter"),
    )
