"""Sending requests: the token, the patience, the idempotency keys."""

import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import httpx

from maillage_client.problems import Unreachable, problem_from, retry_after

Token = str | Callable[[], str]
Body = Callable[[], Iterable[bytes]]
WORTH_RETRYING = frozenset({429, 503})


class Transport:
    """One connection pool to one gateway.

    429 and 503 are retried after `Retry-After` (or 0.5, 1, 2 … seconds), as are broken
    connections. No request here has a second effect when sent twice: reads, searches, and creations
    under an Idempotency-Key. A server that asks for more than `max_wait` seconds is not waited for:
    the problem is raised with its `retry_after`.
    """

    def __init__(
        self,
        base_url: str,
        token: Token | None,
        *,
        language: str | None = None,
        timeout: float = 30.0,
        retries: int = 4,
        max_wait: float = 60.0,
        sleep: Callable[[float], None] = time.sleep,
        http: httpx.Client | None = None,
    ) -> None:
        # Redirects stay unfollowed: a token is for this gateway, not for where it points.
        self._http = http or httpx.Client(timeout=timeout, follow_redirects=False)
        self._base_url = base_url.rstrip("/")
        self._token = token
        self._language = language
        self._retries = retries
        self._max_wait = max_wait
        self._sleep = sleep

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, *, params: Mapping[str, Any] | None = None) -> Any:
        """The JSON of a read."""
        return self._send("GET", path, params=params).json()

    def search(self, path: str, wanted: Mapping[str, Any]) -> Any:
        """A POST that only reads, so that terms stay out of URLs and logs."""
        return self._send("POST", path, json=dict(wanted)).json()

    def create(self, path: str, content: Mapping[str, Any]) -> Any:
        """A POST that makes something once, however often it must be sent."""
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        return self._send("POST", path, json=dict(content), headers=headers).json()

    def upload(self, path: str, body: Body, *, headers: Mapping[str, str]) -> Any:
        """As `create`, with a streamed body; `body` is asked for it again on every sending."""
        keyed = {**headers, "Idempotency-Key": str(uuid.uuid4())}
        return self._send("POST", path, body=body, headers=keyed).json()

    def download(self, path: str, *, params: Mapping[str, Any]) -> Iterator[bytes]:
        """The bytes of a file, as they come. Asked for again only before the first of them."""
        for attempt in range(self._retries + 1):
            is_last = attempt == self._retries
            try:
                with self._http.stream(
                    "GET",
                    f"{self._base_url}{path}",
                    params=dict(params),
                    headers={**self._own_headers(), "Accept": "*/*"},
                ) as response:
                    if response.is_success:
                        yield from response.iter_bytes()
                        return
                    response.read()
            except httpx.TransportError as broken:
                raise Unreachable(f"{self._base_url} broke off: {broken}") from broken
            wait = retry_after(response)
            wait = _backoff(attempt) if wait is None else wait
            if is_last or response.status_code not in WORTH_RETRYING or wait > self._max_wait:
                raise problem_from(response)
            self._sleep(wait)

    def _send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        body: Body | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        for attempt in range(self._retries + 1):
            is_last = attempt == self._retries
            try:
                response = self._http.request(
                    method,
                    f"{self._base_url}{path}",
                    params=dict(params) if params else None,
                    json=json,
                    content=body() if body else None,
                    headers={**self._own_headers(), **(headers or {})},
                )
            except httpx.TransportError as broken:
                if is_last:
                    raise Unreachable(f"no answer from {self._base_url}: {broken}") from broken
                self._sleep(_backoff(attempt))
                continue
            if response.is_success:
                return response
            wait = retry_after(response)
            wait = _backoff(attempt) if wait is None else wait
            if is_last or response.status_code not in WORTH_RETRYING or wait > self._max_wait:
                raise problem_from(response)
            self._sleep(wait)
        raise AssertionError("the last attempt answers or raises")

    def _own_headers(self) -> dict[str, str]:
        headers = {"Accept": "application/json", "User-Agent": "maillage-client"}
        if self._language:
            headers["Accept-Language"] = self._language
        if self._token is not None:
            token = self._token() if callable(self._token) else self._token
            headers["Authorization"] = f"Bearer {token}"
        return headers


def _backoff(attempt: int) -> float:
    return float(0.5 * 2**attempt)
