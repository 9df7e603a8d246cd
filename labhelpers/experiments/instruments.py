"""One start under each instrument: how much of it the instrument sees, and whether it finds why.

The program is tracedmain, of which everything is known: tables computes for two milliseconds before
main, pool waits for two, and the program stamps all of it in CLOCK_MONOTONIC, the clock of the
parent that starts it. So every instrument's view lies on one axis, which begins at the spawn.
"""

import os
import random
import re
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from labhelpers.errors import LabError
from labhelpers.runtime.exectrace import ExecTrace, read_exectrace
from labhelpers.runtime.inittrace import InitRow, read_inittrace
from labhelpers.startup.estimate import LEAST_ROUNDS, median_interval, ratio_interval
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain


@dataclass(frozen=True)
class Instrument:
    """How a start is watched: by GODEBUG, or by what the program does for this argument.

    `needed` stands for the program in which the slow packages import the one that traces.
    """

    name: str
    argument: str = "none"
    godebug: str = ""
    needed: bool = False


PLAIN = Instrument("no instrument")
INSTRUMENTS = (
    PLAIN,
    Instrument("inittrace", godebug="inittrace=1"),
    Instrument("gctrace", godebug="gctrace=1"),
    Instrument("schedtrace", godebug="schedtrace=1"),
    Instrument("CPU profile from main", "main-profile"),
    Instrument("CPU profile from init", "init-profile"),
    Instrument("trace from main", "main-trace"),
    Instrument("trace from init", "init-trace"),
    Instrument("flight recorder from init", "init-flight"),
    Instrument("trace from an init needed by all", "init-trace", needed=True),
)

READ = 5
"""Of how many traces of one kind the events are read, which takes longer than to make them."""

NEEDED = {
    "tables/tables.go": {
        'import "golab/tracedmain/clock"': 'import (\n\t"golab/tracedmain/clock"\n\t'
        '_ "golab/tracedmain/early"\n)'
    }
}
"""What makes tables wait for the trace: it imports the package that starts it."""


@dataclass(frozen=True)
class Watched:
    """One start: when what began and ended, in microseconds since the spawn, and what was written.

    `stamps` are the program's own; `written` is its standard error.
    """

    instrument: str
    wall_us: float
    stamps: Mapping[str, float]
    begin_ns: int
    written: bytes


@dataclass(frozen=True)
class View:
    """What one instrument sees of the start, over several starts.

    `wall_us` is the median of the whole start with it, `slower` that time over the one without any,
    of pairs, with its interval. `from_us` to `to_us` is the stretch that it sees, None where none;
    `share` that stretch's part of the start in per cent, with its interval. `tables` and `pool`
    say what became of the two slow inits: their time in milliseconds as the instrument gives it,
    None where it does not show them. `samples` is how many a CPU profiler took in all the starts
    together.
    """

    instrument: str
    starts: int
    wall_us: float
    slower: float
    slower_low: float
    slower_high: float
    from_us: float | None
    to_us: float | None
    share: float
    share_low: float
    share_high: float
    tables: float | None
    pool: float | None
    samples: int | None


def watch(
    path: Path,
    needed: Path,
    rounds: int = 20,
    instruments: Sequence[Instrument] = INSTRUMENTS,
    seed: int = 8,
) -> list[Watched]:
    """Start tracedmain once a round under every instrument, in random order.

    Args:
        path: the program.
        needed: the same with the edits NEEDED.
        rounds: at least 6.
        instruments: which.
        seed: of the order.

    Raises:
        LabError: too few rounds, or a start fails.
    """
    if rounds < LEAST_ROUNDS:
        raise LabError(f"{rounds} rounds give no interval: take at least {LEAST_ROUNDS}.")
    order = random.Random(seed)
    return [
        watched_start(needed if instrument.needed else path, instrument)
        for _ in range(rounds)
        for instrument in order.sample(instruments, len(instruments))
    ]


def watched_start(path: Path, instrument: Instrument) -> Watched:
    """Start tracedmain once; what it writes goes to files, which keep nobody waiting.

    Raises:
        LabError: it fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        return _watched_start(path, instrument, Path(folder))


def _watched_start(path: Path, instrument: Instrument, folder: Path) -> Watched:
    files = folder / "stdout", folder / "stderr"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    actions = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)]
    actions += [
        (os.POSIX_SPAWN_OPEN, stream, str(file), flags, 0o600)
        for stream, file in enumerate(files, start=1)
    ]
    environment = {k: v for k, v in os.environ.items() if k != "GODEBUG"}
    if instrument.godebug:
        environment["GODEBUG"] = instrument.godebug
    argv = (str(path), instrument.argument)
    begin = time.monotonic_ns()
    pid = os.posix_spawn(argv[0], argv, environment, file_actions=actions, setpgroup=0)
    try:
        _, status, _ = os.wait4(pid, 0)
        end = time.monotonic_ns()
    except BaseException:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise
    written = files[1].read_bytes()
    if status:
        raise LabError(
            f"{path.name} {instrument.argument} did not end well "
            f"({written[-80:].decode(errors='replace').strip()!r})."
        )
    lines = (line.rpartition(" ") for line in files[0].read_text().splitlines())
    stamps = {name: (int(time) - begin) / 1e3 for name, _, time in lines}
    return Watched(instrument.name, (end - begin) / 1e3, stamps, begin, written)


def views(
    starts: Sequence[Watched], reader: Toolchain, profiler: Toolchain, seed: int = 8
) -> Table[View]:
    """Return what each instrument saw: a row each, in their order of INSTRUMENTS.

    Args:
        starts: of the function `watch`.
        reader: whose `go tool trace` reads the traces: the current release.
        profiler: whose `go tool pprof` reads the profiles: Go 1.22 ships it ready to run, newer
            releases compile it at its first use.
        seed: of the intervals.

    Raises:
        LabError: what an instrument wrote cannot be read.
    """
    names = [own.name for own in INSTRUMENTS if any(s.instrument == own.name for s in starts)]
    plain = [s.wall_us for s in starts if s.instrument == PLAIN.name]
    rows: Table[View] = Table()
    for name in names:
        own = [start for start in starts if start.instrument == name]
        count = samples([s.written for s in own], profiler) if "profile" in name else None
        rows.append(_view(own, plain, count, _found(own, reader), seed))
    return rows


def _view(
    starts: Sequence[Watched],
    plain: Sequence[float],
    samples: int | None,
    found: tuple[float | None, float | None],
    seed: int,
) -> View:
    seen = [_seen(start) for start in starts]
    shares = [
        (span[1] - span[0]) / start.wall_us * 100 if span else 0.0
        for start, span in zip(starts, seen, strict=True)
    ]
    share, (share_low, share_high) = median_interval(shares, seed)
    slower, (low, high) = ratio_interval([start.wall_us for start in starts], plain, seed)
    spans = [span for span in seen if span]
    return View(
        instrument=starts[0].instrument,
        starts=len(starts),
        wall_us=statistics.median(start.wall_us for start in starts),
        slower=slower,
        slower_low=low,
        slower_high=high,
        from_us=statistics.median(span[0] for span in spans) if spans else None,
        to_us=statistics.median(span[1] for span in spans) if spans else None,
        share=share,
        share_low=share_low,
        share_high=share_high,
        tables=found[0],
        pool=found[1],
        samples=samples,
    )


def _seen(start: Watched) -> tuple[float, float] | None:
    """Return the stretch that the instrument of a start sees, in microseconds since the spawn."""
    if start.instrument == "inittrace":
        rows = read_inittrace(start.written.decode(errors="replace"))
        zero = runtime_main_us(start, rows)
        last = rows[-1]
        return zero + rows[0].at_ms * 1e3, zero + (last.at_ms + last.clock_ms) * 1e3
    if "instrument on" in start.stamps:
        return start.stamps["instrument on"], start.stamps["instrument off"]
    return None


def runtime_main_us(start: Watched, rows: Sequence[InitRow]) -> float:
    """Return when inittrace's clock began, in microseconds since the spawn.

    The program stamps the first init of its own, and inittrace dates the same.
    """
    audit = next(row for row in rows if row.package.endswith("/audit"))
    return start.stamps["first init of ours"] - audit.at_ms * 1e3


def _found(starts: Sequence[Watched], reader: Toolchain) -> tuple[float | None, float | None]:
    """Return what the instrument says the inits of tables and pool took, in milliseconds."""
    name = starts[0].instrument
    if name == "inittrace":
        texts = (start.written.decode(errors="replace") for start in starts)
        rows = [row for text in texts for row in read_inittrace(text)]
        clocks = {
            package: [row.clock_ms for row in rows if row.package.endswith(f"/{package}")]
            for package in ("tables", "pool")
        }
        return statistics.median(clocks["tables"]), statistics.median(clocks["pool"])
    if name.startswith(("trace", "flight")):
        traces = [trace_of(start, reader) for start in starts[-READ:]]
        computing = [_computing_ms(trace) for trace in traces]
        waiting = [waiting_ms(trace, "pool.init") for trace in traces]
        return _median(computing), _median(waiting)
    return None, None


def _median(values: Sequence[float | None]) -> float | None:
    """Return the median where all traces show the thing, else None."""
    known = [value for value in values if value is not None]
    return statistics.median(known) if len(known) == len(values) else None


def trace_of(start: Watched, reader: Toolchain) -> ExecTrace:
    """Return the execution trace that a start wrote.

    Raises:
        LabError: it is none.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "trace.out"
        file.write_bytes(start.written)
        return read_exectrace(file, reader)


def waiting_ms(trace: ExecTrace, function: str) -> float | None:
    """Return how long the main goroutine slept in a function; None where the trace shows none."""
    since = None
    for event in trace.events:
        if event.name != "goroutine 1":
            continue
        if event.text.startswith("Running->Waiting") and any(
            function in frame for frame in event.stack
        ):
            since = event.time_ns
        elif since is not None and event.text.startswith("Runnable->Running"):
            return round((event.time_ns - since) / 1e6, 2)
    return None


def _computing_ms(trace: ExecTrace) -> float | None:
    """Return how long tables computed, if any event's stack names it; else None."""
    times = [e.time_ns for e in trace.events if any("tables." in frame for frame in e.stack)]
    return round((max(times) - min(times)) / 1e6, 2) if times else None


def samples(profiles: Sequence[bytes], profiler: Toolchain) -> int:
    """Return how many samples some CPU profiles hold together, as `go tool pprof -raw` lists them.

    Raises:
        LabError: one of them is no profile.
    """
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / str(index) for index in range(len(profiles))]
        for file, profile in zip(files, profiles, strict=True):
            file.write_bytes(profile)
        environment = profiler.environment(cgo=False) | {"HOME": folder, "PPROF_TMPDIR": folder}
        done = subprocess.run(
            [profiler.go, "tool", "pprof", "-raw", *files],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    listed = re.search(r"(?s)^Samples:\n.*?\n(.*?)^Locations", done.stdout, re.MULTILINE)
    if done.returncode or not listed:
        raise LabError(f"go tool pprof cannot read a profile ({done.stderr.strip()[-200:]}).")
    return sum(int(count) for count in re.findall(r"(?m)^ +(\d+) ", listed[1]))
