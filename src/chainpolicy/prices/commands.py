"""What the command line does with prices: report on a console, return the exit status."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from chainpolicy.prices.compare import compare_headlines, compare_returns
from chainpolicy.prices.store import PriceStore, StoreEntry, StoreError
from chainpolicy.sessions import Day

if TYPE_CHECKING:
    from chainpolicy.prices.fetch import FetchReport, Source

DONE, FAILED = 0, 1
STATUSES = ("downloaded", "stored", "kept", "lost")

Estimate = Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame]


def fetch(
    assets: pd.DataFrame,
    start: Day,
    end: Day,
    console: Console,
    snapshot: pd.DataFrame | None = None,
    store: PriceStore | None = None,
    strict: bool = False,
    refresh: bool = False,
    connect: Callable[[], Source] | None = None,
    now: datetime | None = None,
) -> tuple[int, FetchReport | None]:
    """Bring the store up to date for a study and say how that went.

    Parameters
    ----------
    assets : pandas.DataFrame
        From `assets.read_assets`.
    start, end : str, datetime.date or pandas.Timestamp
        The study's range, both inclusive.
    console : rich.console.Console
        Gets the progress bar, if it is a terminal, and the summary.
    snapshot : pandas.DataFrame, optional
        ``date, ticker, close`` to recognise shifted dates.
    store : PriceStore, optional
        Default: the user's.
    strict : bool
        Fail on any loss, not only if a group falls below strength.
    refresh : bool
        Download everything anew.
    connect : callable, optional
        Makes the source. Default: Yahoo Finance.
    now : datetime.datetime, optional
        Default: the clock.

    Returns
    -------
    tuple of (int, FetchReport or None)
        Exit status, and what was fetched; None if the source or the store cannot be used.

    Raises
    ------
    InputError
        If the study starts in the future.
    """
    # yfinance takes a second to import, which the other commands need not wait for.
    from chainpolicy.prices.fetch import fetch_series
    from chainpolicy.prices.yahoo import SourceUnreachableError, YahooFinance

    store = store or PriceStore()

    def connect_to_yahoo() -> Source:
        return YahooFinance(store.folder / "yfinance")

    def say_wait() -> None:
        _say(console, "Waiting for another process that is using the price store ...")

    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:

        def track(todo: Sequence[dict[str, Any]]) -> Iterable[dict[str, Any]]:
            return progress.track(todo, description="Downloading prices")

        try:
            report = fetch_series(
                assets,
                start,
                end,
                store,
                connect or connect_to_yahoo,
                now or datetime.now(UTC),
                snapshot,
                refresh,
                track=track,
                on_wait=say_wait,
            )
        except SourceUnreachableError as error:
            _say(
                console,
                f"Yahoo Finance cannot be reached ({error}): check the connection and repeat, or "
                "work without it on the embedded prices (--source snapshot).",
            )
            return FAILED, None
        except StoreError as error:
            _say(console, f"The price store cannot be used: {error}.")
            return FAILED, None
    _report_fetch(report, pd.Timestamp(end).date(), console)
    status = report.exit_status(strict)
    if strict and status and all(standing.at_strength for standing in report.standings):
        _say(console, "--strict: every series of the study must be fetched.")
    return status, report


def show(console: Console, store: PriceStore | None = None) -> int:
    """List what the store holds.

    Parameters
    ----------
    console : rich.console.Console
        Gets the table.
    store : PriceStore, optional
        Default: the user's.

    Returns
    -------
    int
        Exit status: 0.
    """
    store = store or PriceStore()
    entries = store.entries()
    _print_table([_described(entry) for entry in entries], console)
    _say(console, f"{len(entries)} series in {store.folder}")
    return DONE


def verify(console: Console, store: PriceStore | None = None) -> int:
    """Compare every file of the store with its checksum.

    Parameters
    ----------
    console : rich.console.Console
        Gets one line per damaged file, and the count.
    store : PriceStore, optional
        Default: the user's.

    Returns
    -------
    int
        Exit status: 1 if a file is damaged.
    """
    store = store or PriceStore()
    entries = store.entries()
    damaged = [entry for entry in entries if entry.series is None]
    for entry in damaged:
        _say(console, f"{entry.path}: {entry.damage}; `chainpolicy prices fetch` downloads it anew")
    _say(console, f"{len(entries) - len(damaged)} of {len(entries)} series are sound")
    return FAILED if damaged else DONE


def clear(
    console: Console, store: PriceStore | None = None, tickers: Iterable[str] | None = None
) -> int:
    """Remove series from the store.

    Parameters
    ----------
    console : rich.console.Console
        Gets the count.
    store : PriceStore, optional
        Default: the user's.
    tickers : iterable of str, optional
        Default: all.

    Returns
    -------
    int
        Exit status: 1 if a ticker is not in the store, or the store cannot be used.
    """
    store = store or PriceStore()
    wanted = None if tickers is None else list(tickers)
    try:
        removed = store.clear(wanted)
    except StoreError as error:
        _say(console, f"The price store cannot be used: {error}.")
        return FAILED
    _say(console, f"{len(removed)} series removed from {store.folder}")
    unknown = sorted(set(wanted or ()) - set(removed))
    if unknown:
        _say(console, f"not in the store: {', '.join(unknown)}")
    return FAILED if unknown else DONE


def compare(
    assets: pd.DataFrame,
    start: Day,
    end: Day,
    embedded: pd.DataFrame,
    console: Console,
    store: PriceStore | None = None,
    estimate: Estimate | None = None,
) -> int:
    """Say whether live prices and embedded ones agree, and whether the result still stands.

    Parameters
    ----------
    assets : pandas.DataFrame
        From `assets.read_assets`.
    start, end : str, datetime.date or pandas.Timestamp
        The study's range, both inclusive.
    embedded : pandas.DataFrame
        ``date, ticker, close`` of the study.
    console : rich.console.Console
        Gets the tables.
    store : PriceStore, optional
        Default: the user's.
    estimate : callable, optional
        From prices and the assets that have them to the rows of ``tests.csv``; called for each
        set of prices. Default: the estimates are not compared.

    Returns
    -------
    int
        Exit status: 1 if the store has no series of the study.
    """
    from chainpolicy.prices.fetch import stored_prices, surviving_assets

    store = store or PriceStore()
    live = stored_prices(store, assets, start, end)
    if live.empty:
        _say(
            console,
            "No live prices to compare with: download them with `chainpolicy prices fetch` first.",
        )
        return FAILED
    returns = compare_returns(embedded, live, assets, start, end)
    shown = returns.assign(
        largest=returns["largest"].map("{:.4%}".format, na_action="ignore"),
        on=returns["on"].dt.strftime("%Y-%m-%d"),
    )
    _print_table(_texts(shown), console)
    total, beyond = int(returns["sessions"].sum()), int(returns["beyond_5bp"].sum())
    _say(console, f"{beyond:,} of {total:,} daily returns differ by more than 5 basis points")
    if estimate is not None:
        survivors = surviving_assets(assets, live)
        headlines = compare_headlines(estimate(embedded, assets), estimate(live, survivors))
        _report_headlines(headlines, console)
    return DONE


def _report_fetch(report: FetchReport, end: date, console: Console) -> None:
    lines = []
    for outcome in report.outcomes:
        first, last = _first_and_last(outcome.prices)
        lines.append(
            {
                "ticker": outcome.ticker,
                "group": outcome.group,
                "state": outcome.status,
                "rows": str(len(outcome.prices)),
                "first": first,
                "last": last,
                "gaps": str(outcome.gaps),
                "seconds": f"{outcome.seconds:.1f}" if outcome.seconds else "",
            }
        )
    _print_table(lines, console)
    if report.last_day < end:
        _say(console, f"The study ends on {end}; prices were fetched up to {report.last_day}.")
    for outcome in report.outcomes:
        for finding in outcome.findings:
            _say(console, str(finding))
        if outcome.status == "lost":
            _say(console, f"{outcome.ticker} ({outcome.group}) is lost: {outcome.reason}")
        elif outcome.status == "kept":
            made = f"{outcome.downloaded_at:%Y-%m-%d}"
            _say(console, f"{outcome.ticker}: the copy of {made} is kept: {outcome.reason}")
    for standing in report.standings:
        if standing.lost:
            left = standing.n_assets - len(standing.lost)
            share = len(standing.lost) / standing.n_assets
            verdict = (
                "what is left are the survivors, and the result is theirs"
                if standing.at_strength
                else f"{left} left, fewer than the {standing.needed} it needs"
            )
            _say(
                console,
                f"{standing.group}: {len(standing.lost)} of {standing.n_assets} assets lost "
                f"({share:.0%}): {', '.join(standing.lost)}; {verdict}",
            )
    if report.stopped:
        _say(
            console,
            f"Given up: {report.stopped}. What has arrived is stored; repeat later for the rest.",
        )
    counts = [(name, sum(it.status == name for it in report.outcomes)) for name in STATUSES]
    _say(console, ", ".join(f"{count} {name}" for name, count in counts if count))


def _report_headlines(headlines: pd.DataFrame, console: Console) -> None:
    layouts = {"mean_car": "{:+.2%}", "n_assets": "{:.0f}"}
    shown = headlines.assign(stands=headlines["stands"].map({True: "yes", False: "NO"}))
    for name, layout in layouts.items():
        for column in (f"{name}_embedded", f"{name}_live"):
            shown[column] = headlines[column].map(layout.format, na_action="ignore")
    _print_table(_texts(shown), console)
    standing = int(headlines["stands"].sum())
    _say(
        console,
        f"{standing} of {len(headlines)} headline estimates stand on the live prices "
        "(same sign, same tests reject at 5 %)",
    )


def _described(entry: StoreEntry) -> dict[str, str]:
    series = entry.series
    first, last = ("", "") if series is None else _first_and_last(series.prices)
    return {
        "ticker": entry.ticker,
        "rows": "" if series is None else str(len(series.prices)),
        "first": first,
        "last": last,
        "currency": "" if series is None else series.currency,
        "downloaded": "" if series is None else f"{series.downloaded_at:%Y-%m-%d}",
        "yfinance": "" if series is None else series.yfinance_version,
        "checksum": entry.checksum.removeprefix("sha256:")[:12] or entry.damage,
    }


def _first_and_last(prices: pd.DataFrame) -> tuple[str, str]:
    if prices.empty:
        return "", ""
    return f"{prices['date'].iloc[0]:%Y-%m-%d}", f"{prices['date'].iloc[-1]:%Y-%m-%d}"


def _texts(frame: pd.DataFrame) -> list[dict[str, str]]:
    texts = frame.astype("object").where(frame.notna(), "").astype("str")
    names = [str(name).replace("_", " ") for name in frame.columns]
    return [dict(zip(names, row, strict=True)) for row in texts.to_numpy()]


def _print_table(rows: Sequence[dict[str, str]], console: Console) -> None:
    if not rows:
        return
    if not console.is_terminal:
        # A pipe has no width to fit into: a row stays one line, whole.
        _say(console, pd.DataFrame(rows).to_string(index=False))
        return
    table = Table(*rows[0], box=None, padding=(0, 1), collapse_padding=True, pad_edge=False)
    for row in rows:
        table.add_row(*row.values())
    console.print(table)


def _say(console: Console, text: str) -> None:
    # A reason may hold brackets, and a line in a pipe must stay one line.
    console.print(text, markup=False, highlight=False, soft_wrap=True)
