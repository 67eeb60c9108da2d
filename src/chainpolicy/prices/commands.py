"""What the command line does with prices: report on a console, return the exit status."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from chainpolicy.prices.compare import compare_headlines, compare_returns
from chainpolicy.prices.downloads import Dialect
from chainpolicy.prices.importing import import_prices
from chainpolicy.prices.store import PriceStore, StoreEntry, StoreError
from chainpolicy.study.calendars import Corrections
from chainpolicy.study.problems import InputError, Problem
from chainpolicy.study.sessions import Day
from chainpolicy.typeset.report_table import p_text

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
    corrections: Corrections = (),
) -> tuple[int, FetchReport | None]:
    """Bring the store up to date for a study and say how that went.

    `snapshot` (``date, ticker, close``) serves to recognise shifted dates. `strict` fails on any
    loss, not only if a group falls below strength. Returned are the exit status and what was
    fetched, None if the source or the store cannot be used. Raises `InputError` if the study starts
    in the future.
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
                corrections=corrections,
            )
        except SourceUnreachableError as error:
            _say(
                console,
                f"Yahoo Finance cannot be reached ({error}): check the connection and repeat, or "
                "stay with the study's own prices (`regenerate` without --source yahoo).",
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


def import_files(
    files: Iterable[str],
    folder: Path,
    dialect: Dialect,
    console: Console,
    replace: bool = False,
) -> int:
    """Write downloads, each perhaps ``TICKER=FILE``, into a study's prices, and say what was read.

    `replace` lets a series replace one that has days which it does not have. `InputError` names
    everything that is wrong in the files; then nothing is written.
    """
    report = import_prices(map(_source, files), folder, dialect, replace=replace)
    _print_table(report.series, console)
    for remark in report.remarks:
        _say(console, remark)
    return DONE


def _source(text: str) -> tuple[str | None, Path]:
    """Take a file with its ticker apart; a file that is there is its whole name."""
    ticker, _, file = text.rpartition("=")
    return (None, Path(text)) if not ticker or Path(text).exists() else (ticker, Path(file))


def show(out: Console, console: Console, store: PriceStore | None = None) -> int:
    """List what the store holds.

    Parameters
    ----------
    out : rich.console.Console
        Gets the table.
    console : rich.console.Console
        Gets the count.
    store : PriceStore, optional
        Default: the user's.

    Returns
    -------
    int
        Exit status: 1 if the store cannot be used.
    """
    store = store or PriceStore()
    entries = _entries(store, console)
    if entries is None:
        return FAILED
    _print_table(pd.DataFrame([_described(entry) for entry in entries]), out)
    _say(console, f"{len(entries)} series in {store.folder}")
    return DONE


def verify(out: Console, console: Console, store: PriceStore | None = None) -> int:
    """Compare every file of the store with its checksum and list the damaged ones.

    The exit status is 1 if a file is damaged, or the store cannot be used.
    """
    store = store or PriceStore()
    entries = _entries(store, console)
    if entries is None:
        return FAILED
    damaged = [entry for entry in entries if entry.series is None]
    for entry in damaged:
        _say(out, f"{entry.path}: {entry.damage}")
    _say(console, f"{len(entries) - len(damaged)} of {len(entries)} series are sound")
    if damaged:
        _say(
            console,
            "Damaged series are never used: `chainpolicy prices fetch` downloads those of a study "
            "anew, `chainpolicy prices clear TICKER` removes one.",
        )
    return FAILED if damaged else DONE


def _entries(store: PriceStore, console: Console) -> tuple[StoreEntry, ...] | None:
    try:
        return store.entries()
    except StoreError as error:
        _say(console, f"The price store cannot be used: {error}.")
        return None


def clear(
    console: Console, store: PriceStore | None = None, tickers: Iterable[str] | None = None
) -> int:
    """Remove series from the store, by default all.

    The exit status is 1 if a ticker is not in the store, or the store cannot be used.
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
    estimate: Estimate,
    window: str,
    kind: str,
    out: Console,
    console: Console,
    store: PriceStore | None = None,
    corrections: Corrections = (),
) -> int:
    """Say whether live prices and embedded ones agree, and whether the result still stands.

    `estimate` takes prices and the assets that have them to the headline estimates, see
    `compare.compare_headlines`; `window` labels the sessions over which it estimates, `kind` is the
    kind of its returns. The exit status is 0: other returns or estimates
    are a finding, not a fault. Raises `InputError` if the store has no series of the study.
    """
    from chainpolicy.prices.fetch import stored_prices, surviving_assets

    store = store or PriceStore()
    live = stored_prices(store, assets, start, end, corrections)
    if live.empty:
        expected = "live prices of this study; download them with `chainpolicy prices fetch` first"
        raise InputError([Problem(str(store.folder), expected)])
    returns = compare_returns(embedded, live, assets, start, end, corrections)
    largest = returns["largest"].map("{:.4%}".format, na_action="ignore")
    _print_table(returns.assign(largest=largest), out)
    total, beyond = int(returns["sessions"].sum()), int(returns["beyond_5bp"].sum())
    _say(console, f"{beyond:,} of {total:,} daily returns differ by more than 5 basis points")
    survivors = surviving_assets(assets, live)
    headlines = compare_headlines(estimate(embedded, assets), estimate(live, survivors))
    _say(out, "")
    _print_table(_laid_out(headlines), out)
    standing = int((headlines["differs"] == "").sum())
    _say(
        console,
        f"{standing} of {len(headlines)} headline estimates over {window} stand on the live prices "
        f"({kind} returns; same sign, and the same of portfolio t, adjusted BMP and GRANK-T reject "
        "at 5 %)",
    )
    return DONE


def _report_fetch(report: FetchReport, end: date, console: Console) -> None:
    _print_table(report.tidy().drop(columns=["downloaded", "reason"]), console)
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


def _laid_out(headlines: pd.DataFrame) -> pd.DataFrame:
    shown = {"event": headlines["event_id"], "group": headlines["group"]}
    for name, head in (("embedded", ""), ("live", "live ")):
        size, caar, p_value = (headlines[f"{key}_{name}"] for key in ("n_assets", "caar", "p"))
        shown[f"{head}N"] = size.map("{:.0f}".format, na_action="ignore")
        shown[f"{head}CAAR"] = caar.map("{:+.1%}".format, na_action="ignore")
        shown[f"{head}p"] = p_value.map(p_text)
    return pd.DataFrame(shown | {"differs": headlines["differs"]})


def _described(entry: StoreEntry) -> dict[str, Any]:
    series = entry.series
    checksum = entry.checksum.removeprefix("sha256:")[:12]
    if series is None:
        return {"ticker": entry.ticker, "checksum": checksum or entry.damage}
    return {
        "ticker": entry.ticker,
        "rows": str(len(series.prices)),
        "first": series.prices["date"].min(),
        "last": series.prices["date"].max(),
        "currency": series.currency,
        "downloaded": f"{series.downloaded_at:%Y-%m-%d}",
        "yfinance": series.yfinance_version,
        "checksum": checksum,
    }


def _print_table(table: pd.DataFrame, console: Console) -> None:
    if table.empty:
        return
    days = table.select_dtypes("datetime")
    table = table.assign(**{str(name): days[name].dt.strftime("%Y-%m-%d") for name in days})
    texts = table.astype("object").where(table.notna(), "").astype("str")
    texts.columns = texts.columns.str.replace("_", " ")
    if console.is_terminal:
        grid = Table(box=None, padding=(0, 1), collapse_padding=True, pad_edge=False)
        for name in texts:
            # What a narrow terminal cannot hold goes on in the next line, and is never cut off.
            grid.add_column(str(name), overflow="fold")
        for row in texts.itertuples(index=False):
            grid.add_row(*row)
        console.print(grid)
    elif console.stderr:
        # A log has no width to fit into: a row stays one line, whole.
        _say(console, texts.to_string(index=False))
    else:
        texts.to_csv(console.file, sep="\t", index=False, lineterminator="\n")


def _say(console: Console, text: str) -> None:
    # A reason may hold brackets, and a line in a pipe must stay one line.
    console.print(text, markup=False, highlight=False, soft_wrap=True)
