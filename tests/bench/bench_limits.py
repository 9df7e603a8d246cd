"""Time and memory that golab may take: imports, help, a cached build, and a quick reproduction.

What, and the most it may be:

- `import labhelpers`, by a clock inside a new interpreter: 0.3 s; beside it with the modules that
  build, measure and study (labhelpers itself loads none of them).
- `golab --help`, from its start to its end: 0.5 s.
- build() of something built before, the first call of a new interpreter: 50 ms. Its modules and
  the toolchain are at hand by then; what they take, and what a later call takes, stands beside it.
- `golab reproduce --quick` with warm build caches, to its end: 90 s; without and with the report.
- The most memory that the golab process itself ever had resident, without its children, in those
  two runs: 300 MB (VmHWM of /proc/PID/status, read until the process has ended).

Run:   python tests/bench/bench_limits.py [--repeats 10] [--no-reproduce] [--no-html]
Needs: `golab` installed next to this Python; the build caches are warmed first if they are not.
Units: seconds, milliseconds, and MB of 10^6 bytes; medians of --repeats, with their 95 % bootstrap
       interval. One uncounted start goes before each. `reproduce` runs once.
Takes: 10 seconds, and some 2 minutes for the two reproductions (more with cold caches).
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from report import Row, deliver, say

from labhelpers.build import build_all
from labhelpers.configs import find_config
from labhelpers.startup.estimate import LEAST_ROUNDS, median_interval
from labhelpers.study import QUICK, plan

IMPORT = """
from time import perf_counter
begin = perf_counter()
import labhelpers
print(perf_counter() - begin)
from labhelpers.build import build
from labhelpers.startup import measure
from labhelpers.study import run_study
print(perf_counter() - begin)
"""
CACHED_BUILD = """
from time import perf_counter
begin = perf_counter()
from labhelpers.build import build
from labhelpers.configs import find_config
from labhelpers.programs import find_program
from labhelpers.toolchain import toolchain
program, config, chain = find_program("hello"), find_config("default"), toolchain("current")
print(perf_counter() - begin)
begin = perf_counter()
build(program, config, chain)
print(perf_counter() - begin)
begin = perf_counter()
build(find_program("hello"), find_config("default"), toolchain("current"))
print(perf_counter() - begin)
"""
POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Ended:
    """How a process ended: its exit status, seconds, and the most memory it ever had resident."""

    status: int
    seconds: float
    peak_bytes: int


def printed_seconds(script: str) -> list[float]:
    """Run a script in a new interpreter; return the numbers that it prints."""
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
    return [float(line) for line in done.stdout.split()]


def wall_seconds(argv: Sequence[str]) -> list[float]:
    """Run a command; return how long that took."""
    begin = time.perf_counter()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    return [time.perf_counter() - begin]


def repeated(what: str, repeats: int, once: Callable[[], list[float]]) -> list[list[float]]:
    """Do something once for nothing and then `repeats` times; return its figures, a list each."""
    say(what)
    once()
    return [list(column) for column in zip(*(once() for _ in range(repeats)), strict=True)]


def median_row(
    what: str, seconds: Sequence[float], unit: str = "s", target: float | None = None
) -> Row:
    """Return the median in seconds or milliseconds."""
    values = [s * (1000 if unit == "ms" else 1) for s in seconds]
    median, interval = median_interval(values, seed=0)
    return Row(what, median, unit, interval, target)


def peak_bytes(pid: int) -> int:
    """Return VmHWM of a process, 0 where it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def watched(argv: Sequence[str], folder: Path) -> Ended:
    """Run a command in `folder` to its end and watch its memory; its output goes to stderr."""
    begin = time.perf_counter()
    peak = 0
    with subprocess.Popen(argv, cwd=folder, stdout=sys.stderr) as process:
        while True:
            peak = max(peak, peak_bytes(process.pid))
            try:
                status = process.wait(POLL_SECONDS)
            except subprocess.TimeoutExpired:
                continue
            return Ended(status, time.perf_counter() - begin, peak)


def warm_caches() -> None:
    """Build all that a quick reproduction needs, unless it is in the cache."""
    say("build what reproduce --quick needs")
    jobs = plan(QUICK)
    build_all([(program, find_config(config), chain) for program, config, chain in jobs])


def reproduce_rows(golab: Path, name: str, *switches: str) -> list[Row]:
    """Run a quick reproduction once."""
    say(name)
    with tempfile.TemporaryDirectory() as folder:
        ended = watched(
            [str(golab), "reproduce", "--quick", "--out", "out", *switches], Path(folder)
        )
    good = ended.status == 0
    if not good:
        say(f"{name} exited with status {ended.status}")
    return [
        Row(f"{name}, warm caches", ended.seconds if good else None, "s", target=90),
        Row(f"{name}, peak memory", ended.peak_bytes / 1e6 if good else None, "MB", target=300),
    ]


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--no-reproduce", action="store_true", help="leave reproduce out")
    parser.add_argument("--no-html", action="store_true", help="leave the run with a report out")
    options = parser.parse_args()
    if options.repeats < LEAST_ROUNDS:
        parser.error(f"an interval needs --repeats {LEAST_ROUNDS} at least")
    golab = Path(sys.executable).with_name("golab")
    if not os.access(golab, os.X_OK):
        parser.error("golab is not installed next to this Python: pip install -e .")
    warm_caches()

    bare, working = repeated("import", options.repeats, lambda: printed_seconds(IMPORT))
    (helped,) = repeated("--help", options.repeats, lambda: wall_seconds([str(golab), "--help"]))
    ready, first, later = repeated(
        "cached build", options.repeats, lambda: printed_seconds(CACHED_BUILD)
    )
    by_command = [str(golab), "build", "hello", "--json", os.devnull]
    (command,) = repeated("golab build", options.repeats, lambda: wall_seconds(by_command))
    rows = [
        median_row("import labhelpers", bare, "s", 0.3),
        median_row("import labhelpers.build, .startup, .study too", working, "s", 0.3),
        median_row("golab --help", helped, "s", 0.5),
        median_row("cached build, imports and toolchain", ready, "ms"),
        median_row("cached build, first of a process", first, "ms", 50),
        median_row("cached build, later", later, "ms", 50),
        median_row("golab build hello, cached, whole command", command, "s"),
    ]
    if not options.no_reproduce:
        rows += reproduce_rows(golab, "reproduce --quick --no-html", "--no-html")
        if not options.no_html:
            rows += reproduce_rows(golab, "reproduce --quick")
    return deliver("limits", rows, vars(options))


if __name__ == "__main__":
    sys.exit(main())
