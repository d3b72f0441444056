"""`maillage lists`: a back office pushes its call lists from the command line."""

from collections.abc import Iterator
from contextlib import contextmanager
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
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from maillage_client.client import LOCAL_GATEWAY, Maillage
from maillage_client.models import ImportStage, ListImport, RowIssue
from maillage_client.problems import ImportStopped, MaillageError, Problem

REFUSED = 1
ROWS_LEFT_OUT = 3
SHOWN_ROWS = 200
# What to do about a list that could not be read, by the code it ended with.
ADVICE = {
    "empty-file": "The list has no row of headings.",
    "encoding-error": "Save the sheet as CSV (UTF-8) and push that.",
    "malformed-csv": "This is not CSV all through: save the sheet as CSV anew.",
    "missing-label": "The first row has no heading for:",
    "too-many-rows": "Split the list.",
}

app = typer.Typer(no_args_is_help=True, help="Push call lists and read their row reports.")
console = Console()
complaints = Console(stderr=True)


class Language(StrEnum):
    FR = "fr"
    NL = "nl"
    EN = "en"


class Decision(StrEnum):
    APPROVE = "approve"
    CANCEL = "cancel"


Url = Annotated[str, typer.Option("--url", envvar="MAILLAGE_URL", help="The gateway.")]
AccessToken = Annotated[
    str,
    typer.Option(
        "--token",
        envvar="MAILLAGE_TOKEN",
        help="Access token of the back office. Prefer the variable: others can see arguments.",
    ),
]
Spoken = Annotated[Language, typer.Option("--language", help="Language of the row report.")]


@app.callback()
def lists() -> None:
    """Push call lists and read their row reports."""


@app.command()
def push(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, readable=True)],
    campaign: Annotated[UUID, typer.Option("--campaign", help="The campaign's id.")],
    token: AccessToken,
    url: Url = LOCAL_GATEWAY,
    language: Spoken = Language.FR,
    approve: Annotated[
        bool, typer.Option("--approve", help="Let the good rows in without asking again.")
    ] = False,
) -> None:
    """Push call lists; show what is wrong with which row.

    Ends with 0 when every row is good, 3 when rows were left out, 1 when a list was refused.
    """
    with _client(url, token, language) as maillage:
        outcomes = [_push_one(maillage, file, campaign, language, approve) for file in files]
    raise typer.Exit(next((code for code in (REFUSED, ROWS_LEFT_OUT) if code in outcomes), 0))


@app.command()
def decide(
    import_id: Annotated[UUID, typer.Argument(metavar="IMPORT")],
    decision: Annotated[Decision, typer.Argument()],
    token: AccessToken,
    url: Url = LOCAL_GATEWAY,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Approve although many rows are bad.")
    ] = False,
) -> None:
    """Approve a list that was pushed (its good rows go in), or cancel it."""
    with _client(url, token, Language.FR) as maillage:
        try:
            maillage.lists.decide(import_id, decision.value, confirm_bad_rows=confirm)
            seen = maillage.lists.wait(import_id)
        except MaillageError as error:
            _complain(str(import_id), error)
            raise typer.Exit(REFUSED) from error
    console.print(f"{import_id}: {seen.stage.value}, {seen.counts.good} rows")


@contextmanager
def _client(url: str, token: str, language: Language) -> Iterator[Maillage]:
    with Maillage(url, token, language=language.value) as maillage:
        yield maillage


def _push_one(
    maillage: Maillage, file: Path, campaign: UUID, language: Language, approve: bool
) -> int:
    try:
        pushed = _push_with_progress(maillage, file, campaign)
        _show_report(pushed, list(maillage.lists.rows(pushed.id)), file, language)
        if approve and pushed.stage is ImportStage.AWAITING_APPROVAL:
            maillage.lists.decide(pushed.id, "approve")
            pushed = maillage.lists.wait(pushed.id)
    except MaillageError as error:
        _complain(file.name, error)
        return REFUSED
    _show_outcome(pushed, file)
    return ROWS_LEFT_OUT if pushed.counts.bad else 0


def _push_with_progress(maillage: Maillage, file: Path, campaign: UUID) -> ListImport:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, DownloadColumn(), console=console, transient=True) as progress:
        sending = progress.add_task(f"{escape(file.name)}: sending", total=file.stat().st_size)
        pushed = maillage.lists.upload(
            campaign, file, on_sent=lambda sent: progress.update(sending, completed=sent)
        )
    rows = TextColumn("{task.completed:.0f} rows")
    with Progress(*columns, rows, console=console, transient=True) as progress:
        reading = progress.add_task(f"{escape(file.name)}: reading", total=None)
        return maillage.lists.wait(
            pushed.id, on_progress=lambda seen: _show_progress(progress, reading, file.name, seen)
        )


def _show_progress(progress: Progress, task: TaskID, file_name: str, seen: ListImport) -> None:
    progress.update(
        task,
        description=f"{escape(file_name)}: {seen.stage.value}",
        completed=seen.progress.rows_done,
        total=seen.progress.rows_total,
    )


def _show_report(
    pushed: ListImport, issues: list[RowIssue], file: Path, language: Language
) -> None:
    if not issues:
        return
    table = Table(title=f"{escape(file.name)}: what to look at", title_justify="left")
    table.add_column("row", justify="right")
    for heading in ("column", "code", "what to do"):
        table.add_column(heading)
    for issue in issues[:SHOWN_ROWS]:
        where = escape(" ".join(filter(None, (issue.column, issue.label))))
        colour = {"error": "red", "warning": "yellow"}.get(issue.severity, "default")
        # Cells of the file are never shown: a report may be forwarded.
        words = escape(issue.words(language))
        table.add_row(str(issue.row), where, f"[{colour}]{issue.code}[/]", words)
    console.print(table)
    if len(issues) > SHOWN_ROWS:
        console.print(f"… and {len(issues) - SHOWN_ROWS} more (import {pushed.id})")


def _show_outcome(pushed: ListImport, file: Path) -> None:
    counts = pushed.counts
    console.print(
        f"{escape(file.name)}: [bold]{counts.good}[/] good rows "
        f"({counts.new} new, {counts.changed} changed, {counts.same} the same), "
        f"{counts.bad} left out, {counts.duplicate} repeated, {counts.objection} objecting"
    )
    console.print(f"import {pushed.id}: {pushed.stage.value}")
    if pushed.stage is ImportStage.AWAITING_APPROVAL:
        console.print(f"then: maillage lists decide {pushed.id} approve")


def _complain(subject: str, error: MaillageError) -> None:
    complaints.print(f"[red]{escape(subject)}[/]: {escape(str(error))}", highlight=False)
    if isinstance(error, Problem):
        for fault in error.errors:
            where = fault.pointer or fault.parameter or ""
            complaints.print(escape(f"  {where} {fault.detail}"))
        if error.trace_id:
            complaints.print(f"  trace {error.trace_id}")
    elif isinstance(error, ImportStopped) and error.code in ADVICE:
        missing = "; ".join(error.missing_columns).replace("|", " or ")
        complaints.print(f"  {ADVICE[error.code]} {escape(missing)}", highlight=False)
