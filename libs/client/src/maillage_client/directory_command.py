"""`maillage directory`: bring a file of records in, take the directory out."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from maillage_client.client import LOCAL_GATEWAY, Maillage
from maillage_client.directory_files import Format, format_of
from maillage_client.models import RecordFinding, RecordImport
from maillage_client.problems import ImportStopped, MaillageError, Problem

REFUSED = 1
UNKNOWN_FORMAT = 2
LINES_LEFT_OUT = 3
SHOWN_ROWS = 200
# What to do about a file that could not be read, by the code it ended with.
ADVICE = {
    "archive_encrypted": "Save it without a password.",
    "archive_too_large": "Unpacked it is larger than any directory: split it.",
    "duplicate_member": "An object has two members of one name: keep one of them.",
    "malformed_json": "This is not JSON all through; --format names another form.",
    "no_known_column": "No heading of the first line is a column of the directory;"
    " `maillage directory export all.csv` writes a file that has them.",
    "not_a_workbook": "Open it in a spreadsheet and save it as .xlsx anew.",
    "not_a_zip_file": "This is no .xlsx and no .zip, or it broke off on its way.",
    "not_an_hsds_package": "An HSDS package has organizations.csv or services.csv, in UTF-8.",
}

app = typer.Typer(no_args_is_help=True, help="Bring records in, take the directory out.")
console = Console()
complaints = Console(stderr=True)


class FileFormat(StrEnum):
    NDJSON = "ndjson"
    CSV = "csv"
    XLSX = "xlsx"
    GEOJSON = "geojson"
    HSDS = "hsds"


class Decision(StrEnum):
    APPLY = "apply"
    CANCEL = "cancel"


Url = Annotated[str, typer.Option("--url", envvar="MAILLAGE_URL", help="The gateway.")]
Token = Annotated[
    str,
    typer.Option(
        "--token",
        envvar="MAILLAGE_TOKEN",
        help="Access token of an editor. Prefer the variable: others can see arguments.",
    ),
]
MaybeToken = Annotated[
    str | None,
    typer.Option("--token", envvar="MAILLAGE_TOKEN", help="Without one: what anybody may see."),
]
FormatOption = Annotated[
    FileFormat | None, typer.Option("--format", help="Else the file's name tells.")
]


@app.callback()
def directory() -> None:
    """Bring records in, take the directory out."""


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)],
    token: Token,
    url: Url = LOCAL_GATEWAY,
    form: FormatOption = None,
    source: Annotated[
        str | None, typer.Option("--source", help="The source of records that name none.")
    ] = None,
    part: Annotated[
        bool, typer.Option("--part", help="The file is a part of its source: flag nothing missing.")
    ] = False,
    apply: Annotated[
        bool, typer.Option("--apply", help="Let the good records in without asking again.")
    ] = False,
) -> None:
    """Check a file and show what is wrong with which line; then let the good records in.

    Ends with 0 when every line is good, 3 when lines were left out, 1 when the file was refused.
    """
    chosen = _format(file, form)
    try:
        with Maillage(url, token) as maillage:
            seen = _send(maillage, file, chosen, source=source, part=part)
            _show_report(list(maillage.files.rows(seen.id)), file)
            if apply and seen.stage == "checked":
                maillage.files.decide(seen.id, "apply")
                seen = _follow(maillage, seen.id, file)
    except MaillageError as error:
        _complain(file.name, error)
        raise typer.Exit(REFUSED) from error
    _show_outcome(seen, file)
    raise typer.Exit(LINES_LEFT_OUT if seen.counts.bad else 0)


@app.command()
def decide(
    import_id: Annotated[UUID, typer.Argument(metavar="IMPORT")],
    decision: Annotated[Decision, typer.Argument()],
    token: Token,
    url: Url = LOCAL_GATEWAY,
) -> None:
    """Apply a file that was checked, or forget it."""
    try:
        with Maillage(url, token) as maillage:
            maillage.files.decide(import_id, decision.value)
            seen = maillage.files.wait(import_id)
    except MaillageError as error:
        _complain(str(import_id), error)
        raise typer.Exit(REFUSED) from error
    _show_outcome(seen, Path(str(import_id)))


@app.command()
def export(
    file: Annotated[Path, typer.Argument(dir_okay=False, writable=True)],
    token: MaybeToken = None,
    url: Url = LOCAL_GATEWAY,
    form: FormatOption = None,
    need: Annotated[list[str] | None, typer.Option(help="Only services for this need.")] = None,
    territory: Annotated[list[str] | None, typer.Option(help="Only services there.")] = None,
    program: Annotated[list[str] | None, typer.Option(help="Only services of it.")] = None,
) -> None:
    """Take out what the token may see: NDJSON, CSV, XLSX, GeoJSON or an HSDS package (.zip)."""
    chosen = _format(file, form)
    columns = (TextColumn("{task.description}"), DownloadColumn(), TransferSpeedColumn())
    try:
        with (
            Maillage(url, token) as maillage,
            Progress(*columns, console=console, transient=True) as progress,
        ):
            taking = progress.add_task(f"{escape(file.name)}: receiving", total=None)
            received = maillage.files.export(
                file,
                chosen,
                need=need or (),
                territory=territory or (),
                program=program or (),
                on_received=lambda count: progress.update(taking, completed=count),
            )
    except MaillageError as error:
        _complain(file.name, error)
        raise typer.Exit(REFUSED) from error
    except OSError as error:
        complaints.print(f"[red]{escape(str(file))}[/]: cannot be written: {error.strerror}")
        raise typer.Exit(REFUSED) from error
    console.print(f"{escape(str(file))}: {received:,} bytes")


def _format(file: Path, form: FileFormat | None) -> Format:
    chosen = form.value if form is not None else format_of(file)
    if chosen is None:
        complaints.print(f"{escape(file.name)}: name its format with --format")
        raise typer.Exit(UNKNOWN_FORMAT)
    return chosen


def _send(
    maillage: Maillage, file: Path, form: Format, *, source: str | None, part: bool
) -> RecordImport:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, DownloadColumn(), console=console, transient=True) as progress:
        sending = progress.add_task(f"{escape(file.name)}: sending", total=file.stat().st_size)
        sent = maillage.files.upload(
            file,
            form,
            source=source,
            complete=not part,
            on_sent=lambda count: progress.update(sending, completed=count),
        )
    return _follow(maillage, sent.id, file)


def _follow(maillage: Maillage, import_id: UUID, file: Path) -> RecordImport:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed} lines"))
    with Progress(*columns, console=console, transient=True) as progress:
        reading = progress.add_task(f"{escape(file.name)}: reading", total=None)
        return maillage.files.wait(
            import_id,
            on_progress=lambda seen: progress.update(
                reading, completed=seen.lines_done, total=seen.lines_total
            ),
        )


def _show_report(rows: list[RecordFinding], file: Path) -> None:
    if not rows:
        return
    table = Table(title=f"{escape(file.name)}: what to look at", title_justify="left")
    table.add_column("line", justify="right")
    for heading in ("field", "code", "what to do"):
        table.add_column(heading)
    for row in rows[:SHOWN_ROWS]:
        colour = {"error": "red", "warning": "yellow"}.get(row.severity, "default")
        line = str(row.line) if row.line else "file"
        table.add_row(line, escape(row.field), f"[{colour}]{row.code}[/]", escape(row.detail))
    console.print(table)
    if len(rows) > SHOWN_ROWS:
        console.print(f"… and {len(rows) - SHOWN_ROWS} more")


def _show_outcome(seen: RecordImport, file: Path) -> None:
    counts = seen.counts
    console.print(
        f"{escape(file.name)}: [bold]{counts.created}[/] created, {counts.changed} changed,"
        f" {counts.unchanged} the same, {counts.bad} lines left out, {counts.missing} missing"
    )
    console.print(f"import {seen.id}: {seen.stage}")
    if seen.stage == "checked":
        console.print(f"then: maillage directory decide {seen.id} apply")


def _complain(subject: str, error: MaillageError) -> None:
    complaints.print(f"[red]{escape(subject)}[/]: {escape(str(error))}", highlight=False)
    if isinstance(error, Problem):
        for fault in error.errors:
            complaints.print(escape(f"  {fault.pointer or fault.parameter or ''} {fault.detail}"))
        if error.trace_id:
            complaints.print(f"  trace {error.trace_id}")
    elif isinstance(error, ImportStopped) and error.code in ADVICE:
        complaints.print(f"  {ADVICE[error.code]}", highlight=False)
