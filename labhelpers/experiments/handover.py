"""Handing over: two goroutines, or two threads, that take turns, and what a turn costs.

Time and context switches are the processes' own words (getrusage(2)); system calls are counted by
strace(1) in processes of their own, once with turns and once without.
"""

import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from labhelpers.configs import find_config
from labhelpers.errors import LabError
from labhelpers.experiments import syscalls
from labhelpers.experiments.cbuild import CFolder
from labhelpers.experiments.crowds import c_program, goroutines
from labhelpers.experiments.probes import run
from labhelpers.experiments.schedstamps import built
from labhelpers.experiments.turns import Talker, in_turns
from labhelpers.programs import find_program, labs_folder
from labhelpers.startup.estimate import median_interval, ratio_interval
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain

SEED = 12
ROUNDS = 7
TURNS = {"goroutines": 50_000, "threads": 4_000, "tasks": 4_000}
TRACED = 1_000
"""Rounds of hand-overs under strace, which makes each call dear: two hand-overs a round."""
WAYS = {
    "goroutines, 1 P": ("goroutines", {"GOMAXPROCS": "1"}),
    "goroutines, 2 Ps": ("goroutines", {"GOMAXPROCS": "2"}),
    "threads, semaphores": ("threads", {}),
    "threads, semaphores, one core": ("threads", {}),
    "threads, pipes": ("threads", {}),
}
WORDS = {
    "threads, semaphores": ("sem",),
    "threads, semaphores, one core": ("sem", "one"),
    "threads, pipes": ("pipe",),
}


@dataclass(frozen=True)
class HandOver:
    """One hand-over: the median over processes in ns with its 95 % interval, and its switches.

    `voluntary` and `involuntary` are context switches of the kernel for a thousand hand-overs, over
    all processes.
    """

    way: str
    median_ns: float
    low_ns: float
    high_ns: float
    voluntary: float
    involuntary: float


@dataclass(frozen=True)
class Calls:
    """System calls for a thousand hand-overs, and which: "futex:998 nanosleep:2"."""

    way: str
    calls: float
    which: str


@dataclass(frozen=True)
class Speed:
    """What the same work takes in two languages: the median ratio of pairs, with its interval.

    `ns` is the median of the first one's own time: processor time for the sieve, in Go and C that
    of the fastest of five, so that other programs count for little.
    """

    work: str
    what: str
    against: str
    ratio: float
    low: float
    high: float
    ns: float


def hand_overs(chain: Toolchain, folder: CFolder, rounds: int = ROUNDS) -> Table[HandOver]:
    """Let goroutines and threads take turns, each way in some processes.

    Raises:
        LabError: a program does not build or run.
    """
    talkers = [_talker(way, chain, folder, TURNS[WAYS[way][0]]) for way in WAYS]
    rows: Table[HandOver] = Table()
    for way, said in zip(WAYS, in_turns(talkers, rounds, SEED), strict=True):
        numbers = [[float(word) for word in answer.out.split()] for answer in said]
        median, (low, high) = median_interval([own[0] for own in numbers], SEED)
        number = 2 * TURNS[WAYS[way][0]] * rounds / 1000
        switches = (round(sum(own[at] for own in numbers) / number, 2) for at in (1, 2))
        rows.append(HandOver(way, *(round(ns, 1) for ns in (median, low, high)), *switches))
    return rows


def no_calls() -> str | None:
    """Return why system calls cannot be counted here, in a sentence; None where they can."""
    return syscalls.impossible()


def calls(chain: Toolchain, folder: CFolder) -> Table[Calls]:
    """Count the system calls of a thousand hand-overs, each way, by strace.

    Raises:
        LabError: a program or strace does not run.
    """
    rows: Table[Calls] = Table()
    for way in WAYS:
        without, with_ = (_counted(_talker(way, chain, folder, n)) for n in (0, TRACED))
        more = {name: with_[name] - without.get(name, 0) for name in with_}
        most = sorted((-number, name) for name, number in more.items() if number > 0)
        each = 1000 / (2 * TRACED)
        which = " ".join(f"{name}:{-number * each:.0f}" for number, name in most[:3])
        rows.append(Calls(way, max(0.0, round(sum(more.values()) * each, 1)), which))
    return rows


def speeds(
    chains: Sequence[Toolchain], folder: CFolder | None, primes: int = 1_000_000
) -> Table[Speed]:
    """Compare the same loops in C, Go and Python, and two tasks that take turns in the last two.

    Without a folder, or where C cannot be compiled, C is left out.

    Raises:
        LabError: a program does not build or run.
    """
    scripts = labs_folder() / "programs" / "threads"
    talkers = [Talker(f"Go {own.release}", (str(_sieve(own)), str(primes)), {}) for own in chains]
    python = Talker("Python", (sys.executable, str(scripts / "sieve.py"), str(primes)), {})
    others = [python]
    if folder is not None and not folder.impossible:
        others.insert(0, Talker("C", (c_program(folder, "sieve"), str(primes)), {}))
    rows = _compared("primes by a sieve", talkers, others)
    pass_ = str(TURNS["tasks"])
    passing = [
        Talker(f"Go {own.release}", (goroutines(own), "pass", pass_), {"GOMAXPROCS": "1"})
        for own in chains
    ]
    tasks = Talker("Python, asyncio", (sys.executable, str(scripts / "tasks.py"), pass_), {})
    rows.extend(_compared("a hand-over between two tasks", passing, [tasks]))
    return rows


def _compared(work: str, ours: Sequence[Talker], others: Sequence[Talker]) -> Table[Speed]:
    """Run all in turn; each prints its own time first."""
    everyone = [*ours, *others]
    said = in_turns(everyone, ROUNDS, SEED)
    times = {
        talker.name: [float(answer.out.split()[0]) for answer in own]
        for talker, own in zip(everyone, said, strict=True)
    }
    rows: Table[Speed] = Table()
    for own in ours:
        for other in others:
            ratio, (low, high) = ratio_interval(times[own.name], times[other.name], SEED)
            ns = median_interval(times[own.name], SEED)[0]
            ratio, low, high = (round(value, 4) for value in (ratio, low, high))
            rows.append(Speed(work, own.name, other.name, ratio, low, high, round(ns)))
    return rows


def _sieve(chain: Toolchain) -> str:
    return str(built(find_program("sieve"), find_config("trim"), chain))


def _talker(way: str, chain: Toolchain, folder: CFolder, rounds: int) -> Talker:
    kind, environment = WAYS[way]
    if kind == "goroutines":
        return Talker(way, (goroutines(chain), "pass", str(rounds)), environment)
    return Talker(way, (c_program(folder, "pass"), str(rounds), *WORDS[way]), environment)


def _counted(talker: Talker) -> dict[str, int]:
    """Return how often a command made each system call, by `strace -c` (its last two columns)."""
    strace = shutil.which("strace") or "strace"
    variables = (word for pair in talker.environment.items() for word in ("-E", "=".join(pair)))
    with tempfile.TemporaryDirectory() as scratch:
        table = Path(scratch) / "table"
        status, text = run(strace, "-f", "-c", "-o", table, *variables, *talker.argv)
        if status:
            raise LabError(f"strace {talker.name} ended with status {status}: {text[-200:]!r}")
        lines = table.read_text().splitlines()
    found = (re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", x) for x in lines)
    return {own[2]: int(own[1]) for own in found if own and own[2] != "total"}
