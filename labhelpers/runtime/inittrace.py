"""GODEBUG=inittrace=1 as a table: what each package's initialisation took.

A line is printed after the inits of each package (runtime/proc.go, doInit1):

    init os @0.39 ms, 0.025 ms clock, 416 bytes, 9 allocs
"""

import re
from dataclasses import dataclass

from labhelpers.errors import LabError
from labhelpers.runtime.godebug import numbered, run_with_godebug, torn
from labhelpers.startup.spawn import Command
from labhelpers.table import Table

BLIND = (
    "inittrace starts its clock inside runtime.main: it cannot see the kernel's exec, the dynamic "
    "loader, schedinit, or anything after the last init; it names packages, not functions, does "
    "not tell computing from waiting, counts no work of other goroutines, cuts its times to two "
    "digits, and the lines that it prints make every later @ larger."
)

TIME = r"(\d{1,17}(?:\.\d{1,3})?)"
LINE = re.compile(
    rf"init (\S+) @{TIME} ms, {TIME} ms clock, (\d{{1,20}}) bytes, (\d{{1,20}}) allocs", re.ASCII
)
BEGINNING = re.compile(r"init \S+ @[\d.]")
ANYWHERE = re.compile(r"init \S+ @[\d.]+ ms, | ms clock, \d+ bytes, ")


@dataclass(frozen=True)
class InitRow:
    """The inits of one package: its variables' initial values and its init functions.

    `at_ms` is the time since runtime.main began, `clock_ms` what the inits took; both are cut, not
    rounded, to two digits and at most microseconds (runtime/mgc.go, fmtNSAsMS). `bytes` and
    `allocs` count what the goroutine of the inits took from the heap.
    """

    package: str
    at_ms: float
    clock_ms: float
    bytes: int
    allocs: int


def read_inittrace(text: str) -> Table[InitRow]:
    """Return a row for each line of inittrace in what a program wrote to standard error.

    Raises:
        LabError: a line is mixed up with the program's own output; it is named.
    """
    rows: Table[InitRow] = Table()
    for number, line in numbered(text):
        found = LINE.fullmatch(line)
        if found:
            package, at, clock, size, allocs = found.groups()
            times = float(at), float(clock)
            rows.append(InitRow(unescaped(package), *times, int(size), int(allocs)))
        elif BEGINNING.match(line) or ANYWHERE.search(line):
            raise torn("inittrace", number, line)
    return rows


def run_inittrace(command: Command, timeout: float = 10.0) -> Table[InitRow]:
    """Start a command once with inittrace and return its rows, in the order of the inits.

    Raises:
        LabError: it cannot be started, does not end in time, or reports no init.
    """
    rows = read_inittrace(run_with_godebug(command, "inittrace=1", timeout))
    if not rows:
        raise LabError(
            f"{command.name} reported no init: it is no Go program, or one that was built with "
            "Go 1.15 or older."
        )
    return rows


def unescaped(package: str) -> str:
    """Return an import path as people write it: symbols have %2e for a dot in the last element."""
    return re.sub(r"%([0-9a-f]{2})", lambda found: chr(int(found[1], 16)), package)
