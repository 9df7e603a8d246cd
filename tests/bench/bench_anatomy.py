"""Time and memory that the anatomy of real programs takes, and how much of them it explains.

What: for each program of real_programs.py, as built and with -s -w, in the same run and in turns:

- ours: anatomy() without DWARF, and with DWARF by compile unit;
- `go tool nm -size`, as a user runs it (Go 1.27 compiles the tool first: not counted);
- any other command that --beside names, time and memory only, such as
  --beside 'gsa --format json {}' --beside 'bloaty -d sections,symbols {}'.

Time: of ours, the call of anatomy() alone, by a clock inside of a new interpreter, and beside it
the whole process with the interpreter's start and all imports; of others, the whole process.
Medians.

Memory: ru_maxrss of each process (wait4(2)), its children included. Ours is given as it is, and
less that of an interpreter that imports the same modules and then does nothing: the interpreter
does not grow with the file, so the limit of 3 × the file is held against the rest.

Explained: the share of the file's bytes that a tool gives a name to, each byte counted once. Ours:
leaves of the ledger other than padding, and beside it what has a package. nm: the union of its
symbols' ranges in the file. Sum: all sizes that a tool states, in units of the file: 1 for an exact
ledger; nm also states the sizes of what is in memory only.

Limits: without DWARF 0.2 s for the 10 MB class and 1 s for 100 MB; with DWARF 1.5 s; memory 3 × the
file.

Run:   python tests/bench/bench_anatomy.py [--repeats 5] [--beside COMMAND …] [--only NAME]
Needs: the Go module proxy for the first run (see real_programs.py).
Takes: some 2 minutes once the programs are built.
"""

import argparse
import json
import os
import random
import secrets
import shlex
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from real_programs import PROGRAMS, VARIANTS, install
from report import Row, deliver, say

from labhelpers.binary.elf import open_elf
from labhelpers.toolchain import toolchain

OURS = """
import json, sys
from time import perf_counter, process_time
begin = perf_counter()
from labhelpers.binary.anatomy import anatomy
imported, used = perf_counter(), process_time()
facts = {}
if len(sys.argv) > 1:
    found = anatomy(sys.argv[1], dwarf=sys.argv[2] == "dwarf")
    facts["call"], facts["cpu"] = perf_counter() - imported, process_time() - used
    facts["sum"] = found.ledger.total
    facts["padding"] = found.ledger.padding
    packages = [row for row in found.packages if not row.package.startswith("(")]
    facts["packages"] = sum(row.bytes for row in packages)
    facts["functions"] = len(found.functions)
facts["imports"] = imported - begin
print(json.dumps(facts))
"""
LAUNCHER = """
import json, os, sys, time
output, *command = sys.argv[1:]
target = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
quiet = os.open(os.devnull, os.O_WRONLY)
actions = [(os.POSIX_SPAWN_DUP2, target, 1), (os.POSIX_SPAWN_DUP2, quiet, 2)]
begin = time.perf_counter()
pid = os.posix_spawnp(command[0], command, os.environ, file_actions=actions)
_, status, usage = os.wait4(pid, 0)
seconds = time.perf_counter() - begin
print(json.dumps([os.waitstatus_to_exitcode(status), seconds, usage.ru_maxrss]))
"""
"""A small interpreter starts each command: a process's ru_maxrss begins with that of the process
which started it (Linux: fs/exec.c, exec_mmap), and this one's is below that of any command."""
WITHOUT_DWARF_LIMITS = {10: 0.2, 100: 1.0}
WITH_DWARF_LIMIT = 1.5
MEMORY_LIMIT = 3.0
COLUMNS = (
    *("program", "MB", "tool", "call s", "CPU s", "process s", "peak MB", "× file", "explained"),
    *("packages", "sum"),
)


@dataclass(frozen=True)
class Ended:
    """One process: its exit status, wall seconds, the most memory it had, what it printed."""

    status: int
    seconds: float
    peak_bytes: int
    output: Path


@dataclass
class Series:
    """All runs of one tool on one file."""

    tool: str
    command: list[str]
    runs: list[Ended] = field(default_factory=list)
    facts: list[dict[str, float]] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Median wall seconds of the whole process."""
        return statistics.median(run.seconds for run in self.runs)

    @property
    def call(self) -> float | None:
        """Median wall seconds of the call of anatomy() alone."""
        return self._median("call")

    @property
    def cpu(self) -> float | None:
        """Median CPU seconds of the call: what remains of it on a busy machine."""
        return self._median("cpu")

    def _median(self, fact: str) -> float | None:
        values = [facts[fact] for facts in self.facts if fact in facts]
        return statistics.median(values) if values else None

    @property
    def peak(self) -> float:
        """The most memory of any run, in bytes."""
        return max(run.peak_bytes for run in self.runs)


def run(command: Sequence[str], output: Path) -> Ended:
    """Run a command to its end; its output goes to a file."""
    environment = {**os.environ, **toolchain("current").environment()}
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", LAUNCHER, str(output), *command],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    status, seconds, kilobytes = json.loads(done.stdout)
    return Ended(status, seconds, kilobytes * 1024, output)


def series_for(file: Path, beside: Sequence[str]) -> list[Series]:
    """Return what is to be run on a file."""
    python = [sys.executable, "-c", OURS]
    go = str(toolchain("current").go)
    others = [[word.replace("{}", str(file)) for word in shlex.split(text)] for text in beside]
    return [
        Series("interpreter and imports", python),
        Series("ours, no DWARF", [*python, str(file), "no"]),
        Series("ours, DWARF by unit", [*python, str(file), "dwarf"]),
        Series("go tool nm -size", [go, "tool", "nm", "-size", str(file)]),
        *(Series(Path(words[0]).name, words) for words in others),
    ]


def nm_shares(output: Path, file: Path) -> tuple[float, float]:
    """Return the share of the file that nm's symbols cover, and the sum of their sizes."""
    size = file.stat().st_size
    ranges, total = [], 0
    with open_elf(file) as elf:
        kept = [(s.address, s.offset, s.file_size) for s in elf.sections if s.flags & 2]
    with output.open() as lines:
        for line in lines:
            words = line.split(maxsplit=3)
            if len(words) == 4 and words[1].isdigit():
                total += int(words[1])
                ranges.append((int(words[0], 16), int(words[1])))
    covered = 0
    for address, _, length in kept:
        inside = np.zeros(length + 1, np.int64)
        for start, count in ranges:
            if address <= start < address + length:
                inside[start - address] += 1
                inside[min(start - address + count, length)] -= 1
        covered += int(np.count_nonzero(np.cumsum(inside)[:length]))
    return covered / size, total / size


def markdown_row(name: str, file: Path, series: Series, idle: float) -> str:
    """Return one row of the table."""
    size = file.stat().st_size
    explained = packages = total = ""
    if series.call is not None:
        facts = series.facts[-1]
        explained = f"{1 - facts['padding'] / size:.2%}"
        packages = f"{facts['packages'] / size:.1%}"
        total = f"{facts['sum'] / size:.4f}"
        memory = f"{series.peak / 1e6:.0f} ({(series.peak - idle) / 1e6:.0f})"
        times = f"{series.peak / size:.2f} ({(series.peak - idle) / size:.2f})"
    else:
        memory, times = f"{series.peak / 1e6:.0f}", f"{series.peak / size:.2f}"
        if any(run.status for run in series.runs):
            explained = "nothing: it fails"
        elif series.command[1:3] == ["tool", "nm"]:
            share, counted = nm_shares(series.runs[-1].output, file)
            explained, total = f"{share:.2%}", f"{counted:.4f}"
    call, cpu = ("" if t is None else f"{t:.3f}" for t in (series.call, series.cpu))
    process = f"{series.seconds:.3f}"
    cells = [name, f"{size / 1e6:.1f}", series.tool, call, cpu, process, memory, times]
    return "| " + " | ".join([*cells, explained, packages, total]) + " |"


def limits(name: str, megabytes: int, size: int, series: list[Series]) -> list[Row]:
    """Return the figures that have limits."""
    idle, without, with_dwarf = series[:3]
    rows = [
        Row(f"{name}: no DWARF", without.call, "s", target=WITHOUT_DWARF_LIMITS.get(megabytes)),
        Row(f"{name}: DWARF by unit", with_dwarf.call, "s", target=WITH_DWARF_LIMIT),
    ]
    for what, found in (("no DWARF", without), ("DWARF by unit", with_dwarf)):
        whole, own = found.peak / size, (found.peak - idle.peak) / size
        rows.append(Row(f"{name}: memory, {what}, whole process", whole, "× file", None, None))
        rows.append(Row(f"{name}: memory, {what}", own, "× file", target=MEMORY_LIMIT))
    return rows


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--beside", action="append", default=[], help="a command; {} is the file")
    parser.add_argument("--only", action="append", default=[], help="names of programs")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    options = parser.parse_args()
    draw = random.Random(options.seed)
    rows: list[Row] = []
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    with tempfile.TemporaryDirectory() as folder:
        for program in PROGRAMS:
            if options.only and program.name not in options.only:
                continue
            for variant in VARIANTS:
                file, name = install(program, variant), f"{program.name} {variant}"
                series = series_for(file, options.beside)
                for repeat in range(-1, options.repeats):  # the first one is for warm caches
                    for one in draw.sample(series, len(series)):
                        ended = run(one.command, Path(folder) / f"{series.index(one)}.out")
                        if repeat < 0:
                            continue
                        one.runs.append(ended)
                        if one.command[0] == sys.executable:
                            one.facts.append(json.loads(ended.output.read_text()))
                    say(f"{name}: {repeat + 1} of {options.repeats}")
                for one in series:
                    print(markdown_row(name, file, one, series[0].peak), flush=True)
                rows += limits(name, program.megabytes, file.stat().st_size, series)
    method: dict[str, Any] = vars(options) | {"go": toolchain("current").release}
    return deliver("anatomy", rows, method)


if __name__ == "__main__":
    sys.exit(main())
