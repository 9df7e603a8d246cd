"""What the scheduler has when main begins: every G, M and P, asked for in three ways.

A program can count some of them itself; its dying words name its goroutines; and a runtime with a
list added to it (`schedstamps`) shows all three kinds and how they hang together.
"""

import re
from dataclasses import dataclass

from labhelpers.configs import find_config
from labhelpers.errors import LabError
from labhelpers.experiments.schedstamps import SNAPSHOT, built, lines, stamped
from labhelpers.experiments.turns import Talker, say
from labhelpers.programs import find_program
from labhelpers.runtime.schedtrace import G_STATUS, P_STATUS
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain

PURPOSES = {
    "main": "runs init tasks, then main.main",
    "forcegchelper": "starts a collection when none ran for two minutes",
    "bgsweep": "frees, piece by piece, what a collection found dead",
    "bgscavenge": "hands memory that nobody uses back to the kernel",
    "runfinq": "runs finalizers",
    "runFinalizers": "runs finalizers",
    "runCleanups": "runs cleanups",
    "updateMaxProcsGoroutine": "changes GOMAXPROCS when the quota has changed",
}
"""What a goroutine of the runtime is there for, by the function it runs (Go 1.21 to 1.27)."""


@dataclass(frozen=True)
class Counter:
    """What one of the runtime's own counters said, in one release."""

    go: str
    counter: str
    says: int


@dataclass(frozen=True)
class Goroutine:
    """One goroutine in a program's dying words: its function, and the one that started it."""

    go: str
    id: int
    state: str
    function: str
    started_by: str
    purpose: str


@dataclass(frozen=True)
class Processor:
    """A P: its state, and the M that holds it (None: none)."""

    id: int
    state: str
    m: int | None


@dataclass(frozen=True)
class Thread:
    """An M: what it began with, its P and the goroutine that it runs (None: none), what it does."""

    id: int
    begins_in: str
    p: int | None
    g: int | None
    does: str


@dataclass(frozen=True)
class Routine:
    """A G: its state, its M (None: none), what it begins in, and what it waits for."""

    id: int
    state: str
    m: int | None
    begins_in: str
    waits_for: str


@dataclass(frozen=True)
class Snapshot:
    """All that one start had when main.main was about to be called."""

    go: str
    processors: Table[Processor]
    threads: Table[Thread]
    routines: Table[Routine]


def counters(chain: Toolchain, processors: int) -> Table[Counter]:
    """Ask a program, first thing in main, for what it can count; GOMAXPROCS is set from outside.

    Raises:
        LabError: it cannot be built or run.
    """
    said = say(_gmp(chain, processors))
    rows = (line.split(" ") for line in said.out.splitlines())
    return Table(Counter(chain.release, counter, int(says)) for counter, says in rows)


def dying_words(chain: Toolchain, processors: int) -> Table[Goroutine]:
    """Let a program panic first thing in main, and read the list of goroutines that it leaves.

    Raises:
        LabError: it cannot be built or run, or it left no such list.
    """
    said = say(_gmp(chain, processors, "panic"))
    rows: Table[Goroutine] = Table()
    for block in said.err.split("\n\n"):
        head = re.match(r"goroutine (\d+) .*?\[(.*?)\]:\n", block)
        if not head:
            continue
        # Innermost first, indented lines are places; runtime.goexit lies below every goroutine.
        functions = re.findall(r"(?m)^([^\s(]+(?:\(\*?\w+\)[^\s(]*)?)\(", block[head.end() :])
        own = [name for name in functions if not name.endswith("goexit")]
        # gcenable wraps its two in closures, which say nothing.
        name = next(n for n in reversed(own) if ".gowrap" not in n and ".func" not in n)
        by = re.search(r"(?m)^created by (\S+)", block)
        maker = by[1].removeprefix("runtime.") if by else "the start itself"
        name = name.removeprefix("runtime.")
        purpose = PURPOSES.get(name, "")
        rows.append(Goroutine(chain.release, int(head[1]), head[2], name, maker, purpose))
    if not rows:
        raise LabError(f"A program of Go {chain.release} left no list of goroutines behind.")
    return rows


def snapshot(chain: Toolchain, processors: int) -> Snapshot:
    """List every P, M and G of `hello` right before main.main, by an added list in the runtime.

    Raises:
        LabError: this release's runtime is laid out otherwise, or the program did not run.
    """
    file = stamped(find_program("hello"), chain)
    environment = {**SNAPSHOT, "GOMAXPROCS": str(processors)}
    found = Snapshot(chain.release, Table(), Table(), Table())
    for line in lines(say(Talker("hello", (file,), environment)).err):
        words = line.words
        if line.kind == "P":
            state = P_STATUS[int(words[1])]
            found.processors.append(Processor(int(words[0]), state, _or_none(words[2])))
        elif line.kind == "M":
            found.threads.append(_thread(words))
        elif line.kind == "G":
            state = G_STATUS.get(int(words[1]), words[1])
            waits = " ".join(words[4:]) if state == "waiting" else ""
            begin = words[3].removeprefix("runtime.")
            found.routines.append(Routine(int(words[0]), state, _or_none(words[2]), begin, waits))
    found.threads.sort(key=lambda thread: thread.id)
    return found


def _thread(words: tuple[str, ...]) -> Thread:
    number, p, g, spinning, blocked, function = words
    # A thread that the runtime starts without a function of its own goes to look for a goroutine.
    begin = "schedule" if function == "-" else function.removeprefix("runtime.")
    if int(number) == 0:
        begin = "rt0_go"
    if begin == "sysmon":
        does = "watches, without a P"
    elif _or_none(g) is not None:
        does = "runs a goroutine"
    elif blocked == "true":
        does = "sleeps"
    else:
        does = "looks for work" if spinning == "true" else "comes or goes"
    return Thread(int(number), begin, _or_none(p), _or_none(g), does)


def _or_none(number: str) -> int | None:
    return None if number == "-1" else int(number)


def _gmp(chain: Toolchain, processors: int, *arguments: str) -> Talker:
    file = built(find_program("gmp"), find_config("default"), chain)
    environment = {"GOMAXPROCS": str(processors), "GOTRACEBACK": "system"}
    return Talker(f"gmp, Go {chain.release}", (file, *arguments), environment)
