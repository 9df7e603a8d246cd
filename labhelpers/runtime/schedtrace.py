"""GODEBUG=schedtrace=X, with scheddetail=1 or without, as tables.

sysmon prints a line when it begins and every X milliseconds (runtime/proc.go, schedtrace):

    SCHED 0ms: gomaxprocs=2 idleprocs=0 threads=4 spinningthreads=1 … runqueue=0 [ 0 0 ]

and with scheddetail=1 a line for each P, M and G below it. Releases differ in the list of queues:
`[0 0]` until Go 1.24, `[ 0 0 ] schedticks=[ 1 3 ]` after it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from labhelpers.runtime.godebug import numbered, run_with_godebug, torn
from labhelpers.startup.spawn import Command
from labhelpers.table import Table

BLIND = (
    "schedtrace takes a picture when sysmon begins, early in runtime.main, and then every so many "
    "milliseconds: a start that is over before has one picture, dated 0 ms, and none of what "
    "happened before or between. The counts are read without stopping the program, so they need "
    "not fit together."
)

NUMBER = r"-?\d{1,20}"
HEAD = re.compile(
    rf"SCHED (?P<at>\d{{1,17}})ms: gomaxprocs=(?P<gomaxprocs>{NUMBER}) "
    rf"idleprocs=(?P<idleprocs>{NUMBER}) threads=(?P<threads>{NUMBER}) "
    rf"spinningthreads=(?P<spinningthreads>{NUMBER}) "
    rf"needspinning=(?P<needspinning>{NUMBER}) "
    rf"idlethreads=(?P<idlethreads>{NUMBER}) runqueue=(?P<runqueue>{NUMBER})"
    rf"(?: \[ ?(?P<queues>{NUMBER}(?: {NUMBER})*) ?\](?: schedticks=\[ {NUMBER}(?: {NUMBER})* \])?"
    rf"| gcwaiting=(?:true|false) nmidlelocked={NUMBER} stopwait={NUMBER} "
    r"sysmonwait=(?:true|false))",
    re.ASCII,
)
WHO = rf"nil|{NUMBER}"
P_LINE = re.compile(
    rf"  P(?P<id>\d{{1,9}}): status=(?P<status>\d{{1,3}}) schedtick=(?P<schedtick>\d{{1,20}}) "
    rf"syscalltick=\d{{1,20}} m=(?P<m>{WHO}) runqsize=(?P<runqsize>{NUMBER}) "
    rf"gfreecnt={NUMBER} timerslen={NUMBER}",
    re.ASCII,
)
M_LINE = re.compile(
    rf"  M(?P<id>{NUMBER}): p=(?P<p>{WHO}) curg=(?P<curg>{WHO}) mallocing={NUMBER} "
    rf"throwing={NUMBER} preemptoff=.* locks={NUMBER} dying={NUMBER} "
    rf"spinning=(?P<spinning>true|false) blocked=(?P<blocked>true|false) "
    rf"lockedg=(?P<lockedg>{WHO})",
    re.ASCII,
)
G_LINE = re.compile(
    rf"  G(?P<id>\d{{1,20}}): status=(?P<status>\d{{1,5}})\((?P<waiting>.*)\) m=(?P<m>{WHO}) "
    rf"lockedm=(?P<lockedm>{WHO})",
    re.ASCII,
)
BEGINNING = re.compile(r"SCHED \d+ms|  [PMG]-?\d+: (status|p)=")
ANYWHERE = re.compile(r"SCHED \d+ms: gomaxprocs=")

P_STATUS = ("idle", "running", "syscall", "gcstop", "dead")
"""runtime/runtime2.go, _Pidle and after."""
G_STATUS = {0: "idle", 1: "runnable", 2: "running", 3: "syscall", 4: "waiting", 6: "dead"}
"""runtime/runtime2.go, _Gidle and after; others are shown by their number."""


@dataclass(frozen=True)
class PRow:
    """A P: its status, how often it has scheduled, its M (None: none), its queue's length."""

    id: int
    status: str
    schedtick: int
    m: int | None
    runqueue: int


@dataclass(frozen=True)
class MRow:
    """An M, a thread: its P and its goroutine (None: none), whether it spins or is blocked."""

    id: int
    p: int | None
    g: int | None
    spinning: bool
    blocked: bool
    locked_g: int | None


@dataclass(frozen=True)
class GRow:
    """A goroutine: its status, what it waits for (empty: nothing), its M (None: none)."""

    id: int
    status: str
    waiting: str
    m: int | None


@dataclass(frozen=True)
class SchedRow:
    """One picture of the scheduler, `at_ms` whole milliseconds after the runtime's start.

    `runqueues` are the lengths of the Ps' own queues; empty with scheddetail, where `ps` has them.
    """

    at_ms: int
    gomaxprocs: int
    idleprocs: int
    threads: int
    spinningthreads: int
    needspinning: int
    idlethreads: int
    runqueue: int
    runqueues: tuple[int, ...] = ()
    ps: Table[PRow] = field(default_factory=Table)
    ms: Table[MRow] = field(default_factory=Table)
    gs: Table[GRow] = field(default_factory=Table)


def read_schedtrace(text: str) -> Table[SchedRow]:
    """Return a row for each picture in what a program wrote to standard error.

    Raises:
        LabError: a line is mixed up with the program's own output; it is named.
    """
    rows: Table[SchedRow] = Table()
    for number, line in numbered(text):
        if found := HEAD.fullmatch(line):
            rows.append(_head(found.groupdict()))
        elif not (rows and _add_detail(rows[-1], line)) and (
            BEGINNING.match(line) or ANYWHERE.search(line)
        ):
            raise torn("schedtrace", number, line)
    return rows


def run_schedtrace(
    command: Command, milliseconds: int = 1, detail: bool = False, timeout: float = 10.0
) -> Table[SchedRow]:
    """Start a command once with schedtrace and return its pictures.

    Args:
        command: what to start.
        milliseconds: between two pictures.
        detail: every P, M and G with each.
        timeout: seconds for the start.

    Raises:
        LabError: it cannot be started or does not end in time.
    """
    settings = f"schedtrace={milliseconds}" + (",scheddetail=1" if detail else "")
    return read_schedtrace(run_with_godebug(command, settings, timeout))


def _head(found: dict[str, str | None]) -> SchedRow:
    def count(name: str) -> int:
        return int(found[name] or 0)

    return SchedRow(
        at_ms=count("at"),
        gomaxprocs=count("gomaxprocs"),
        idleprocs=count("idleprocs"),
        threads=count("threads"),
        spinningthreads=count("spinningthreads"),
        needspinning=count("needspinning"),
        idlethreads=count("idlethreads"),
        runqueue=count("runqueue"),
        runqueues=tuple(map(int, (found["queues"] or "").split())),
    )


def _add_detail(row: SchedRow, line: str) -> bool:
    """Add a line's P, M or G to the picture above it; False where the line is none."""
    if found := P_LINE.fullmatch(line):
        ident, status, tick, m, queue = found.groups()
        row.ps.append(
            PRow(int(ident), _status(P_STATUS, int(status)), int(tick), _who(m), int(queue))
        )
    elif found := M_LINE.fullmatch(line):
        ident, p, g, spinning, blocked, locked = found.groups()
        flags = spinning == "true", blocked == "true"
        row.ms.append(MRow(int(ident), _who(p), _who(g), *flags, _who(locked)))
    elif found := G_LINE.fullmatch(line):
        ident, status, waiting, m, _ = found.groups()
        row.gs.append(GRow(int(ident), G_STATUS.get(int(status), status), waiting, _who(m)))
    return found is not None


def _status(names: Sequence[str], number: int) -> str:
    return names[number] if number < len(names) else str(number)


def _who(text: str) -> int | None:
    return None if text == "nil" else int(text)
