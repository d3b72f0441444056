"""`python -m maillage_X serve | worker | migrate`: the commands that every service has."""

import argparse
import asyncio
import ctypes
import gc
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any, NoReturn, TypeVar

from pydantic import ValidationError
from pydantic_settings import SettingsError

from maillage_common import telemetry
from maillage_common.events import CommonEvent, log
from maillage_common.settings import (
    DatabaseServiceSettings,
    ServiceSettings,
    faults,
    not_json,
    unread,
)

AnySettings = TypeVar("AnySettings", bound=ServiceSettings)
_OPTIONS: Mapping[str, Any] = {
    "loop": "uvloop",
    "http": "maillage_common.protocol:GuardedProtocol",
    "log_config": None,
    "access_log": False,
    "server_header": False,
    # Longer than the gateway keeps an idle connection to us, so that it is never us who close one
    # that it is about to use.
    "timeout_keep_alive": 75,
    # The longest silence that the gateway allows a service, and a little.
    "timeout_graceful_shutdown": 18,
    # Or a caller's X-Forwarded-For would become its address.
    "proxy_headers": False,
}


def run(
    service: str,
    settings_class: type[ServiceSettings],
    *,
    extra: Mapping[str, str] | None = None,
    epilog: str | None = None,
) -> None:
    """Parse the command line and do what it asks.

    `extra` maps further commands to functions, as "module:name", which are imported only then:
    each takes (settings, arguments) and returns an exit code. `epilog` closes the help.
    """
    extra = extra or {}
    has_database = issubclass(settings_class, DatabaseServiceSettings)
    commands = ["serve", *(["worker", "migrate"] if has_database else []), *extra]
    parser = argparse.ArgumentParser(prog=f"python -m maillage_{service}", epilog=epilog)
    parser.add_argument("command", choices=commands)
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    chosen = parser.parse_args()
    settings = read_settings(service, settings_class)
    if chosen.command == "serve":
        serve(service, chosen.arguments)
        return
    try:
        if chosen.command in extra:
            _do_more(service, settings, extra[chosen.command], chosen.arguments)
        assert isinstance(settings, DatabaseServiceSettings)
        if chosen.command == "worker":
            _work(service, settings)
        else:
            _migrate(service, settings)
    except Exception as error:
        reason = _why_without_database(error) if has_database else None
        if reason is None:
            raise
        _give_up(service, error, reason)


def read_settings(service: str, settings_class: type[AnySettings]) -> AnySettings:
    """The settings, or the end of the process after a line that says which of them is wrong.

    A misspelt variable leaves a default in its place: a line tells each.
    """
    prefix = settings_class.model_config.get("env_prefix", "")
    for variable, meant in unread(os.environ, settings_class).items():
        telemetry.log_to_console(service)
        log(CommonEvent.SETTING_UNREAD, variable=variable, meant=meant)
    try:
        return settings_class()
    except ValidationError as error:
        _give_up(service, error, faults(error, prefix=prefix))
    except SettingsError as error:
        _give_up(service, error, not_json(error, prefix=prefix))


def say_why(service: str, error: Exception, reason: str) -> None:
    """The line of a process that cannot start."""
    telemetry.log_to_console(service)
    log(CommonEvent.START_FAILED, error_type=type(error).__name__, reason=reason)


def _give_up(service: str, error: Exception, reason: str) -> NoReturn:
    say_why(service, error, reason)
    sys.exit(1)


def serve(
    service: str,
    arguments: Sequence[str],
    *,
    command: str = "serve",
    factory: str = "main:create",
    port: int = 8000,
) -> None:
    """Run the ASGI application that `factory` of the service's package makes."""
    parser = argparse.ArgumentParser(prog=f"python -m maillage_{service} {command}")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=_port, default=port)
    parser.add_argument("--workers", type=int, default=1)
    chosen = parser.parse_args(arguments)
    # The threads that export telemetry hold a request up for no longer than this (seconds).
    sys.setswitchinterval(0.0005)
    # Imported here: workers and migrations serve nothing.
    import uvicorn

    application = f"maillage_{service}.{factory}"
    options = {
        "factory": True,
        "host": chosen.host,
        "port": chosen.port,
        "workers": chosen.workers,
        "date_header": service != "gateway",
        **_OPTIONS,
    }
    if chosen.workers > 1:
        from maillage_common.serving import serve_in_processes

        sys.exit(0 if serve_in_processes(service, application, **options) else 1)
    _import_at_once(application.partition(":")[0])
    try:
        uvicorn.run(application, **options)
    except (OSError, ValueError) as error:
        # What the factory found in the files that the settings name.
        _give_up(service, error, str(error))


def _port(text: str) -> int:
    # The system would take what is beyond for another port.
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError("a port is a number, at most 65535")
    return int(text)


def _do_more(
    service: str, settings: ServiceSettings, function: str, arguments: Sequence[str]
) -> NoReturn:
    telemetry.configure(service, settings)
    module, _, name = function.partition(":")
    code = getattr(_import_at_once(module), name)(settings, arguments)
    telemetry.flush()
    sys.exit(code)


def _why_without_database(error: Exception) -> str | None:
    # Imported here: the gateway installs no database driver.
    from maillage_common.database import lost_connection

    lost = lost_connection(error)
    return f"The database does not answer: {lost}" if lost else None


def _work(service: str, settings: DatabaseServiceSettings) -> None:
    telemetry.configure(service, settings)
    queue = _import_at_once(f"maillage_{service}.jobs").queue
    asyncio.run(queue.run(settings))
    telemetry.flush()


def _import_at_once(name: str) -> ModuleType:
    """Import what a process is for without looking for garbage meanwhile: a quarter of a start.

    Then once, and what it held (10 MB) goes back to the system, which glibc would not do by itself.
    The rest lives as long as the process, and later collections need not walk it.
    """
    gc.disable()
    try:
        return import_module(name)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()
        # Other C libraries have no such function.
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def _migrate(service: str, settings: DatabaseServiceSettings) -> None:
    from maillage_common.migrations import migrate

    if settings.migration_database_url is None:
        sys.exit(f"Set {service.upper()}_MIGRATION_DATABASE_URL to the owner role's URL.")
    # Alembic imports the models by itself, and the process ends before garbage matters.
    gc.disable()
    migrate(service, settings.migration_database_url)
