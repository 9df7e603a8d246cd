"""Where a program's start can be watched: the addresses of the functions that divide it.

Read from Go's function table, which stripping leaves in place, or from the symbols of a C program.
"""

from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from labhelpers.binary.elf import BinaryError, Elf, open_elf
from labhelpers.binary.functions import read_names
from labhelpers.binary.pclntab import read_pclntab
from labhelpers.binary.relocations import relative_pointers
from labhelpers.binary.symbols import read_symbols
from labhelpers.perf import PerfRefused
from labhelpers.startup.layout import LayoutRefused
from labhelpers.startup.spawn import Command, Mark, observe
from labhelpers.startup.watch import Watch

GO_MARKS = {
    "Go entry": ("runtime.rt0_go",),
    "runtime.main": ("runtime.main",),
    "main.main": ("main.main",),
    "exit": ("runtime.exit",),
}
"""The functions of a Go start (runtime/asm_amd64.s, proc.go, sys_linux_amd64.s), by mark."""
C_MARKS = {"main": ("main",)}
MAIN = ("main.main", "main")
EXECUTABLE = 1  # PF_X


@dataclass(frozen=True)
class Marks:
    """The marks of one file: addresses as the file has them.

    `load_offset` is where in the file its code begins and `load_address` where the file asks for
    it, both in whole pages; `movable` where the kernel chooses the address (PIE). `notes` say what
    is missing and why.
    """

    addresses: dict[str, int] = field(default_factory=dict)
    go: bool = False
    movable: bool = False
    load_offset: int = 0
    load_address: int = 0
    notes: tuple[str, ...] = ()


def read_marks(path: Path) -> Marks:
    """Return the marks of a file; none, and a note, where it has none to find."""
    status = path.stat()
    return _read_marks(path, (status.st_mtime_ns, status.st_size, status.st_ino))


@lru_cache(maxsize=256)
def _read_marks(path: Path, identity: tuple[int, ...]) -> Marks:
    try:
        with open_elf(path) as elf:
            marks = _marks_of(elf)
            elf.check_unchanged()
    except BinaryError as error:
        return Marks(notes=(f"No function can be watched: {error}",))
    return marks


def _marks_of(elf: Elf) -> Marks:
    go = _go_functions(elf)
    if go:
        found = {mark: go[name] for mark, names in GO_MARKS.items() for name in names if name in go}
        missing = [names[0] for mark, names in GO_MARKS.items() if mark not in found]
    else:
        symbols = read_symbols(elf)
        values = {m: symbols.find(names[0]) if symbols else None for m, names in C_MARKS.items()}
        found = {mark: value for mark, value in values.items() if value}
        missing = [names[0] for mark, names in C_MARKS.items() if mark not in found]
    notes = [f"{elf.path.name} has no function {name} that can be watched." for name in missing]
    if not go and any(section.name.startswith(".go.") for section in elf.sections):
        notes.append("It looks like a Go program without its function table (.gopclntab).")
    code = [s for s in elf.segments if s.type == "PT_LOAD" and s.flags & EXECUTABLE]
    page = 4096
    return Marks(
        addresses=found if code else {},
        go=bool(go),
        movable=elf.type == "ET_DYN",
        load_offset=code[0].offset // page * page if code else 0,
        load_address=code[0].address // page * page if code else 0,
        notes=tuple(notes),
    )


def _go_functions(elf: Elf) -> dict[str, int]:
    """Return the addresses of the functions that are marks, by name."""
    table = read_pclntab(elf, relative_pointers(elf))
    if table is None:
        return {}
    wanted = {name for names in GO_MARKS.values() for name in names}
    names = read_names(table)
    starts = {
        int(start): name
        for start, name in zip(names.start, names.names, strict=False)
        if name in wanted
    }
    rows = np.flatnonzero(np.isin(table.name_start, list(starts)))
    found = {starts[int(table.name_start[row])]: int(table.entries[row]) for row in rows}
    return found if "runtime.main" in found else {}


@dataclass(frozen=True)
class Located:
    """Where the marks of a command are in its running process; `notes` say why some are not."""

    marks: dict[str, Mark] = field(default_factory=dict)
    go: bool = False
    notes: tuple[str, ...] = ()


def locate(command: Command, timeout: float) -> Located:
    """Return a command's marks as addresses in memory.

    A program that the kernel places (PIE) is started once, at a fixed address, to see where.

    Raises:
        LaunchFailed: that start fails.
        PerfRefused: perf events are not allowed here.
    """
    marks = read_marks(command.file)
    if not marks.addresses or not marks.movable:
        placed = {name: Mark(address) for name, address in marks.addresses.items()}
        return Located(placed, marks.go, marks.notes)
    try:
        with Watch(maps=True) as watch:
            seen = observe(command, timeout, watch=watch, fixed=True).seen
    except LayoutRefused as error:
        return Located({}, marks.go, (*marks.notes, f"{command.name} is a PIE, and {error}."))
    bases = [
        address - marks.load_address
        for address, offset, _ in (seen.maps if seen else [])
        if offset == marks.load_offset
    ]
    if not bases:
        note = f"{command.name} is a PIE, and the kernel did not tell where it was loaded."
        return Located({}, marks.go, (*marks.notes, note))
    placed = {name: Mark(bases[0] + at, fixed=True) for name, at in marks.addresses.items()}
    return Located(placed, marks.go, marks.notes)


def with_main(command: Command, timeout: float) -> tuple[Command | None, str]:
    """Return the command with its main function marked, or None and why that cannot be.

    The mark is tried: what does not reach it within its start, a script or a program that becomes
    another, has none.

    Raises:
        LaunchFailed: the program does not start.
    """
    try:
        located = locate(command, timeout)
        main = next((located.marks[name] for name in MAIN if name in located.marks), None)
        if main is None:
            return None, " ".join(located.notes) or f"{command.name} has no main function."
        marked = replace(command, main=main)
        with Watch([main.address]) as watch:
            reached = observe(marked, timeout, watch=watch).timing.main_ns
    except PerfRefused as error:
        return None, f"{error}."
    if reached is None:
        return None, f"{command.name} never reached the main function of its file."
    return marked, ""
