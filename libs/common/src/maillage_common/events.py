"""Log events: each has a stable code, a level and a message in one catalogue per service.

    class Event(LogEvent):
        IMPORT_DONE = ("CAM101", INFO, "import merged")

    log(Event.IMPORT_DONE, import_id=..., rows=...)

Facts are ids of our own, counts, codes and durations. Never a name, number, handle, address, text
typed by someone, or a message of an exception; but for one that stops a start, before anybody has
asked for anything.
"""

import json
import logging
from datetime import UTC, datetime
from enum import Enum
from logging import ERROR, INFO, WARNING
from traceback import walk_tb

from opentelemetry import trace

LOGGER_NAME = "maillage"
Fact = str | int | float | bool | None


class LogEvent(Enum):
    """Base of the catalogues: members are `(code, level, message)`."""

    @property
    def code(self) -> str:
        return str(self.value[0])

    @property
    def level(self) -> int:
        return int(self.value[1])

    @property
    def message(self) -> str:
        return str(self.value[2])


class CommonEvent(LogEvent):
    REQUEST = ("COM001", INFO, "request answered")
    UNHANDLED = ("COM002", ERROR, "unexpected error")
    STARTED = ("COM003", INFO, "started")
    STOPPED = ("COM004", INFO, "stopped")
    PEER_DOWN = ("COM005", WARNING, "a service we call did not answer")
    JOB_FAILED = ("COM006", WARNING, "job failed, will run again")
    JOB_DEAD = ("COM007", ERROR, "job failed for good: dead letter")
    JOB_STALLED = ("COM008", WARNING, "stalled job put back")
    WEBHOOK_REFUSED = ("COM009", WARNING, "webhook endpoint refused a delivery")
    DATABASE_DOWN = ("COM010", ERROR, "database did not answer")
    START_FAILED = ("COM011", ERROR, "could not start")
    SETTING_UNREAD = ("COM012", WARNING, "a variable that no setting reads")


def describe(error: BaseException) -> dict[str, Fact]:
    """What an error is and where it came from; never its message, which may quote a person.

    `raised_at` is the innermost place, `called_at` the innermost one of ours, both `module:line`;
    `cause_type` is what the error was raised from, such as the driver's error within SQLAlchemy's.
    """
    places = [
        f"{frame.f_globals.get('__name__')}:{line}" for frame, line in walk_tb(error.__traceback__)
    ]
    ours = [place for place in places if place.startswith("maillage")]
    facts: dict[str, Fact] = {"error_type": type(error).__name__}
    if error.__cause__ is not None:
        facts["cause_type"] = type(error.__cause__).__name__
    if places:
        facts["raised_at"] = places[-1]
    if ours:
        facts["called_at"] = ours[-1]
    return facts


def log(event: LogEvent, **facts: Fact) -> None:
    """Write one event as one JSON line, tied to the current trace."""
    logging.getLogger(LOGGER_NAME).log(
        event.level, event.message, extra={"event_code": event.code, "facts": facts}
    )


class JsonFormatter(logging.Formatter):
    """One JSON object a line. Of other libraries' records: who, where and the error's type.

    Their messages are left out: f-strings, tracebacks and quoted rows are all messages there.
    """

    def __init__(self, service: str) -> None:
        super().__init__()
        self.service = service

    def format(self, record: logging.LogRecord) -> str:
        # uvicorn's message is an OSError when it cannot listen, and then only.
        cannot_listen = record.name == "uvicorn.error" and isinstance(record.msg, OSError)
        is_told = record.name == LOGGER_NAME or cannot_listen
        context = trace.get_current_span().get_span_context()
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "service": self.service,
            "event": getattr(record, "event_code", record.name),
            "message": str(record.msg)
            if is_told
            else f"logged at {record.filename}:{record.lineno}",
        }
        if context.is_valid:
            line["trace_id"] = f"{context.trace_id:032x}"
            line["span_id"] = f"{context.span_id:016x}"
        if record.exc_info and record.exc_info[0]:
            line["error_type"] = record.exc_info[0].__name__
        return json.dumps(line | getattr(record, "facts", {}), ensure_ascii=False)
