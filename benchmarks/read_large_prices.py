"""Read a 200 MB price file: seconds and peak memory, with all or one year of it in range.

Run as ``python benchmarks/read_large_prices.py [MEGABYTES]``.
"""

import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from chainpolicy.study.problems import Problem
from chainpolicy.study.sessions import sessions
from chainpolicy.study.snapshot import read_prices


def write_prices(path: Path, megabytes: float) -> None:
    """Write every session of ten years for as many made-up tickers as fill the file."""
    days = [f"{day:%Y-%m-%d}" for day in sessions("XNYS", "2010-01-01", "2019-12-31")]
    rng = np.random.default_rng(0)
    with path.open("w", newline="") as file:
        file.write("date,ticker,close\n")
        number = 0
        while file.tell() < megabytes * 1e6:
            closes = np.exp(rng.normal(0, 0.02, len(days)).cumsum() + 3)
            ticker = f"T{number:05d}"
            rows = zip(days, closes, strict=True)
            file.write("".join(f"{day},{ticker},{close:.4f}\n" for day, close in rows))
            number += 1


def main() -> None:
    megabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 200.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "prices.csv")
        write_prices(path, megabytes)
        for start, end in (("2019-01-01", "2019-12-31"), (None, None)):
            problems: list[Problem] = []
            before = time.perf_counter()
            prices = read_prices(path, problems, start, end)
            seconds = time.perf_counter() - before
            assert not problems
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            span = f"{start}..{end}" if start else "everything"
            print(f"{span}: {len(prices):,} rows in {seconds:.1f} s, peak {peak:,.0f} MB so far")


if __name__ == "__main__":
    main()
