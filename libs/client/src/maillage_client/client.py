"""The client itself."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from maillage_client.call_lists import CallLists
from maillage_client.directory import Directory
from maillage_client.directory_files import DirectoryFiles
from maillage_client.transport import Token, Transport

LOCAL_GATEWAY = "http://127.0.0.1:8000"


class Maillage:
    """A gateway, as seen with one token.

        with Maillage("https://maillage.example", token) as maillage:
            for service in maillage.directory.search_all(need="housing", spoken="ar"):
                print(service.name["fr"], service.match.reasons)

    `token` is an access token, or a function that gives a fresh one for each request; None reads
    the public layer of the directory. `language` (fr, nl, en) is that of labels and messages.
    Requests that met 429, 503 or a broken connection are sent again `retries` times.
    Refusals are raised as `Problem`, a server that cannot be reached as `Unreachable`.
    """

    def __init__(
        self,
        base_url: str = LOCAL_GATEWAY,
        token: Token | None = None,
        *,
        language: str | None = None,
        timeout: float = 30.0,
        retries: int = 4,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._transport = Transport(
            base_url, token, language=language, timeout=timeout, retries=retries, sleep=sleep
        )
        self.directory = Directory(self._transport)
        self.files = DirectoryFiles(self._transport, sleep=sleep)
        self.lists = CallLists(self._transport, sleep=sleep)

    def close(self) -> None:
        """Give the connections back; `with` does it by itself."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
