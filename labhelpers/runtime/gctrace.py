"""GODEBUG=gctrace=1 as a table: a row for each garbage collection.

A line is printed when a collection has ended (runtime/mgc.go, gcMarkTermination):

    gc 1 @0.012s 2%: 0.026+0.39+0.10 ms clock, 0.21+0.88/0.52/0+0.80 ms cpu, 4->4->0 MB, 4 MB goal,
    0 MB stacks, 0 MB globals, 8 P (forced)
"""

import re
from dataclasses import dataclass

from labhelpers.runtime.godebug import numbered, run_with_godebug, torn
from labhelpers.startup.spawn import Command
from labhelpers.table import Table

BLIND = (
    "gctrace sees whole garbage collections and nothing else: a start that never fills the first "
    "4 MB of heap has none, and what allocating itself costs is not in it; its clock starts in "
    "runtime.main, and a collection that is under way when the program exits is not printed."
)

TIME = r"\d{1,17}(?:\.\d{1,3})?"
COUNT = r"\d{1,20}"
LINE = re.compile(
    rf"gc (?P<number>{COUNT}) @(?P<at>\d{{1,17}}\.\d{{3}})s (?P<percent>-?{COUNT})%"
    rf"(?: \(checking for goroutine leaks\))?: "
    rf"(?P<sweep>{TIME})\+(?P<mark>{TIME})\+(?P<term>{TIME}) ms clock, "
    rf"(?P<cpu>{TIME}\+{TIME}/{TIME}/{TIME}\+{TIME}) ms cpu, "
    rf"(?P<before>{COUNT})->(?P<after>{COUNT})->(?P<live>{COUNT}) MB, (?P<goal>{COUNT}) MB goal, "
    rf"(?P<stacks>{COUNT}) MB stacks, (?P<globals>{COUNT}) MB globals, "
    rf"(?P<ps>{COUNT}) P(?P<forced> \(forced\))?",
    re.ASCII,
)
BEGINNING = re.compile(r"gc \d+ @[\d.]")
ANYWHERE = re.compile(r"gc \d+ @[\d.]+s -?\d+%| ms clock, [\d.+/]+ ms cpu, ")


@dataclass(frozen=True)
class GcRow:
    """One garbage collection.

    `at_s` is when it began, in seconds since runtime.main began; `percent` the share of processor
    time that all collections had until then. `stop_ms` and `stop_again_ms` are the two pauses of
    the whole program (sweep termination, mark termination), `mark_ms` the concurrent part between
    them; `cpu_ms` is processor time over all of them. Sizes in MiB, rounded down: the heap at the
    start and at the end of it, what of it lives, the goal that set it off, stacks and globals.
    """

    number: int
    at_s: float
    percent: int
    stop_ms: float
    mark_ms: float
    stop_again_ms: float
    cpu_ms: float
    heap_before_mib: int
    heap_after_mib: int
    live_mib: int
    goal_mib: int
    stacks_mib: int
    globals_mib: int
    processors: int
    forced: bool


def read_gctrace(text: str) -> Table[GcRow]:
    """Return a row for each line of gctrace in what a program wrote to standard error.

    Raises:
        LabError: a line is mixed up with the program's own output; it is named.
    """
    rows: Table[GcRow] = Table()
    for position, line in numbered(text):
        found = LINE.fullmatch(line)
        if found:
            rows.append(_row(found.groupdict(default="")))
        elif BEGINNING.match(line) or ANYWHERE.search(line):
            raise torn("gctrace", position, line)
    return rows


def run_gctrace(command: Command, timeout: float = 10.0) -> Table[GcRow]:
    """Start a command once with gctrace and return its rows; none where it never collected.

    Raises:
        LabError: it cannot be started or does not end in time.
    """
    return read_gctrace(run_with_godebug(command, "gctrace=1", timeout))


def _row(found: dict[str, str]) -> GcRow:
    return GcRow(
        number=int(found["number"]),
        at_s=float(found["at"]),
        percent=int(found["percent"]),
        stop_ms=float(found["sweep"]),
        mark_ms=float(found["mark"]),
        stop_again_ms=float(found["term"]),
        cpu_ms=round(sum(map(float, re.split(r"[+/]", found["cpu"]))), 3),
        heap_before_mib=int(found["before"]),
        heap_after_mib=int(found["after"]),
        live_mib=int(found["live"]),
        goal_mib=int(found["goal"]),
        stacks_mib=int(found["stacks"]),
        globals_mib=int(found["globals"]),
        processors=int(found["ps"]),
        forced=bool(found["forced"]),
    )
