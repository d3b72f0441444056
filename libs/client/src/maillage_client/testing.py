"""For tests of applications that use this client: a tiny real HTTP server.

It gives scripted answers and records what was asked.

    with recording_server() as server, Maillage(server.url, "token") as maillage:
        server.answer(problem(409, "conflict"))
"""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Recorded:
    """A request that came. Header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Answer:
    """What to say next. `drop` hangs up instead."""

    content: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    media_type: str = "application/json"
    drop: bool = False

    @property
    def body(self) -> bytes:
        is_text = isinstance(self.content, str)
        return str(self.content).encode() if is_text else json.dumps(self.content).encode()


class RecordingServer:
    """Answers requests with the queued answers, in order; the last one repeats."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.requests: list[Recorded] = []
        self._answers: list[Answer] = []

    def answer(self, *answers: Answer) -> None:
        self._answers = list(answers)

    def next_answer(self) -> Answer:
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def problem(status: int, code: str, **members: Any) -> Answer:
    """An RFC 9457 answer; `headers` are its headers, other keywords its members."""
    headers = members.pop("headers", {})
    document: dict[str, Any] = {
        "type": f"https://maillage.brussels/problems/{code}",
        "title": code.title(),
    }
    document |= {"status": status, "code": code, **members}
    return Answer(document, status, headers, "application/problem+json")


@contextmanager
def recording_server() -> Iterator[RecordingServer]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            served.requests.append(Recorded(self.command, self.path, headers, body))
            answer = served.next_answer()
            if answer.drop:
                self.close_connection = True
                return
            self.send_response(answer.status)
            headers = {"Content-Type": answer.media_type, **answer.headers}
            for name, value in {**headers, "Content-Length": str(len(answer.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = _handle  # noqa: N815 (http.server looks the method up by this name)
        do_POST = _handle  # noqa: N815

        def log_message(self, *args: Any) -> None:
            """Quiet: the requests are recorded."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served = RecordingServer(server.server_port)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield served
        finally:
            server.shutdown()
            thread.join()
