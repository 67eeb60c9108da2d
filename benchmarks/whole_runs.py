"""Time whole commands, each in a process of its own: wall, processor time and peak memory.

Run as ``python benchmarks/whole_runs.py [embedded] [large] [gaps]``, in the project's folder;
without a name all run. On a machine that does something else besides only the processor time
means much. Peak memory is that of all processes of a command together, looked at ten times a second
(Linux).

- embedded: the project built anew, both studies in one run, in a copy of it; then the same after
  one sentence changed, of a notebook and then of the article.
- large: check, estimate and regenerate of a made-up study of 500 assets and 40 events in three
  years of sessions.
- gaps: the same of the same study without 2 % of the prices, so that hardly two events have the
  same assets.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np

from chainpolicy.study import new_study
from chainpolicy.study.sessions import sessions

COMMAND = Path(sys.executable).with_name("chainpolicy")
LOOK = 0.1  # seconds between two looks at the memory
ASSETS, EVENTS, GROUPS = 500, 40, 5
MISSING = 0.02  # of the prices of shares, in the study with gaps


def run(*arguments: str, folder: Path) -> None:
    """Run a command and print its row of the table."""
    begun = time.perf_counter()
    before = os.times()
    peak = 0.0
    with subprocess.Popen(
        [COMMAND, *arguments], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        while process.poll() is None:
            peak = max(peak, sum(map(memory, family(process.pid))))
            time.sleep(LOOK)
        said = process.stderr.read().decode() if process.stderr else ""
    after = os.times()
    wall = time.perf_counter() - begun
    used = after.children_user + after.children_system
    used -= before.children_user + before.children_system
    if process.returncode:
        sys.exit(f"{' '.join(arguments)}:\n{said}")
    shown = " ".join(Path(part).name if Path(part).is_absolute() else part for part in arguments)
    print(f"{shown:60s} {wall:8.1f} {used:12.1f} {peak:10,.0f}", flush=True)


def family(pid: int) -> list[int]:
    """The process and all that it has begun."""
    try:
        told = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except OSError:
        return []
    return [pid, *(member for child in told.split() for member in family(int(child)))]


def memory(pid: int) -> float:
    """Megabytes of a process, with its share of what it has in common with others."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    return sum(float(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def write_large(folder: Path, missing: float = 0.0) -> Path:
    """Write a study of shares that follow one index; no event does anything.

    A share of their prices is `missing`.
    """
    study = new_study(folder)
    days = [f"{day:%Y-%m-%d}" for day in sessions("XNYS", "2020-01-02", "2022-12-30")]
    rng, gaps = np.random.default_rng(0), np.random.default_rng(1)
    market = rng.normal(0, 0.01, len(days))
    names = [f"T{number:03d}" for number in range(ASSETS)]
    with (study / "prices.csv").open("w", encoding="utf-8", newline="") as file:
        file.write("date,ticker,close\n")
        for name in [*names, "INDEX"]:
            noise = 0.0 if name == "INDEX" else rng.normal(0, 0.02, len(days))
            closes = 50 * np.exp((market + noise).cumsum())
            there = (name == "INDEX") | (gaps.random(len(days)) >= missing)
            rows = zip(days, closes, there, strict=True)
            file.write("".join(f"{day},{name},{close:.4f}\n" for day, close, held in rows if held))
    with (study / "assets.csv").open("w", encoding="utf-8", newline="") as file:
        file.write("ticker,calendar,name,group,benchmark\n")
        for number, name in enumerate(names):
            file.write(f"{name},XNYS,Share {name},group{number % GROUPS + 1},INDEX\n")
        file.write("INDEX,XNYS,Index,benchmark,\n")
    with (study / "events.csv").open("w", encoding="utf-8", newline="") as file:
        file.write("event_id,announced_at,name,stance_crypto,salience,role,in_sample\n")
        at = np.linspace(120, len(days) - 20, EVENTS).astype(int)
        for number, day in enumerate(at):
            stance = (-1, 1)[number % 2]
            file.write(f"event{number:02d},{days[day]},Event {number},{stance},1,policy,yes\n")
    settings = study / "study.toml"
    lines = settings.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.startswith(("start =", "end ="))]
    settings.write_text("\n".join(kept) + "\n", encoding="utf-8")
    return study


def run_embedded(folder: Path) -> None:
    project = folder / "project"
    project.mkdir()
    for name in ("notebooks", "figures"):
        shutil.copytree(name, project / name)
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(name, project)
    run("regenerate", folder=project)
    for name in ("01_events", "article"):
        source = project / "notebooks" / f"{name}.py"
        text = source.read_text(encoding="utf-8")
        source.write_text(f"{text}\n# %% [markdown]\n# One more sentence.\n", encoding="utf-8")
        run("regenerate", folder=project)


def run_large(folder: Path, missing: float = 0.0) -> None:
    study = write_large(folder / ("gaps" if missing else "large"), missing)
    run("check", str(study), folder=folder)
    run("estimate", str(study), "--output", str(folder / "estimated"), folder=folder)
    run("regenerate", str(study), "--output", str(folder / "built"), folder=folder)


def main() -> None:
    parts = {
        "embedded": run_embedded,
        "large": run_large,
        "gaps": partial(run_large, missing=MISSING),
    }
    print(f"{'command':60s} {'wall s':>8s} {'processor s':>12s} {'peak MB':>10s}")
    for name in sys.argv[1:] or parts:
        with tempfile.TemporaryDirectory() as folder:
            parts[name](Path(folder))


if __name__ == "__main__":
    main()
