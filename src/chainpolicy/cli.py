"""The command line: parse, call, report.

Data go to standard output, everything else to standard error. Exit codes: 0 done, 1 a check
failed, 2 bad input or usage.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chainpolicy.problems import InputError

if TYPE_CHECKING:
    import pandas as pd

    from chainpolicy.study import Study

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Event studies of policy announcements, and the study of Chinese blockchain policy.",
)

_StudyFolder = Annotated[Path, typer.Argument(metavar="STUDY", help="A study folder.")]
_AnyStudy = Annotated[
    Path | None,
    typer.Argument(metavar="[STUDY]", help="A study folder. Default: the embedded one."),
]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Default: those of the process.

    Returns
    -------
    int
        Exit code.
    """
    try:
        app(arguments)
    except InputError as error:
        count = len(error.problems)
        print(error, file=sys.stderr)
        print(f"{count:,} {'problem' if count == 1 else 'problems'} in the input", file=sys.stderr)
        return 2
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


@app.command()
def check(study: _StudyFolder) -> None:
    """Read a study folder, report everything that is wrong with it, and estimate nothing."""
    from chainpolicy.study import load_study

    loaded = load_study(study)
    for line in _describe(loaded):
        print(line)


@app.command()
def events(study: _AnyStudy = None) -> None:
    """Show the catalogue with its event session on every calendar of the study."""
    from chainpolicy.study import load_study

    _show(_catalogue(load_study(study)))


@app.command()
def new(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
) -> None:
    """Write a commented study folder with a small working example (simulated prices)."""
    from chainpolicy.study import new_study

    folder = new_study(directory)
    print(f"{folder}: an example study; its README.md explains the files", file=sys.stderr)


@app.command()
def estimate(
    output: Annotated[Path, typer.Option(metavar="DIR", help="Where the tables go.")],
    study: _AnyStudy = None,
    model: Annotated[str | None, typer.Option(help="Replaces the model of study.toml.")] = None,
    only: Annotated[str | None, typer.Option(metavar="EVENT", help="One event alone.")] = None,
) -> None:
    """Estimate a study and write its tables, one tidy CSV each."""
    from chainpolicy.study import load_study
    from chainpolicy.tables import write_tables

    loaded = load_study(study)
    estimated, excluded = write_tables(loaded, loaded.estimate(model), output, only)
    print(f"{estimated:,} pairs estimated, {excluded:,} excluded: excluded.csv", file=sys.stderr)
    if not estimated:
        raise typer.Exit(2)


@app.command()
def regenerate(
    study: _AnyStudy = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Default: the folder of the project, where you stand."),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Compare with the kept files; write nothing.")
    ] = False,
    only: Annotated[
        str | None, typer.Option(metavar="NAME", help="One figure, notebook or table alone.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Build also what is up to date.")] = False,
) -> None:
    """Build tables, figures and notebooks of a study, or check that the kept ones are current."""
    from chainpolicy import regenerate as products

    raise typer.Exit(products.main(study, output, only_check=check, only=only, fresh=fresh))


def _describe(study: Study) -> list[str]:
    """Say what was read, and what of it is not used."""
    from chainpolicy import assets, events

    in_sample = int(study.events["in_sample"].sum())
    calendars = ", ".join(study.alignment["calendar"].unique()) or "no calendar"
    lines = [
        f"{study.name}: no problem found",
        f"{len(study.events):,} events, {in_sample:,} in sample",
        f"{len(study.groups):,} assets in {study.groups.nunique():,} groups on {calendars}",
        f"{len(study.prices):,} prices, {study.start:%Y-%m-%d} to {study.end:%Y-%m-%d}",
    ]
    if study.unused_tickers:
        named = ", ".join(study.unused_tickers[:20])
        more = len(study.unused_tickers) - 20
        named += f" and {more:,} more" if more > 0 else ""
        lines.append(f"not used, because assets.csv does not list them: {named}")
    for file, table, schema in (
        ("events.csv", study.events, events.SCHEMA),
        ("assets.csv", study.assets, assets.SCHEMA),
    ):
        unknown = [str(column) for column in table if column not in schema.columns]
        if unknown:
            lines.append(f"{file}: unknown columns, ignored: {', '.join(unknown)}")
    return lines


def _catalogue(study: Study) -> pd.DataFrame:
    """One row per event and calendar, in the order of the catalogue."""
    from chainpolicy.sessions import trading_hours

    sessions = study.alignment[["event_id", "calendar", "event_session", "shares_session_with"]]
    shown = ["event_id", "announced_at", "time_precision", "role", "in_sample"]
    table = study.events[shown].merge(sessions.drop_duplicates(), on="event_id", how="left")
    dated = table["calendar"].notna()
    hours = [
        trading_hours(calendar, announced_at) if is_dated else ""
        for calendar, announced_at, is_dated in zip(
            table["calendar"], table["announced_at"], dated, strict=True
        )
    ]
    return table.assign(
        in_sample=table["in_sample"].map({True: "yes", False: "no"}),
        event_session=table["event_session"].dt.strftime("%Y-%m-%d"),
        weekday=table["event_session"].dt.strftime("%a"),
        trading_hours=hours,
    ).fillna("")


def _show(table: pd.DataFrame) -> None:
    """Print a frame: a table on a terminal, tab-separated text in a pipe."""
    if not sys.stdout.isatty():
        table.to_csv(sys.stdout, sep="\t", index=False, lineterminator="\n")
        return
    from rich.console import Console
    from rich.table import Table

    grid = Table(*table.columns, row_styles=["", "dim"])
    for row in table.astype(str).itertuples(index=False):
        grid.add_row(*row)
    Console().print(grid)
