"""What C and Go share of memory, tried by the program `cgomemory`, linked in each mode.

Malloc's rules are those of malloc(3) and C17 7.22.3; what Go's collector looks at is in
runtime/mgcmark.go (markroot): its own globals and stacks, and what they lead to in its own heap.
"""

import signal
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from labhelpers.build import BuildConfig, build
from labhelpers.errors import LabError
from labhelpers.experiments.edits import changed
from labhelpers.experiments.linkmodes import MODES, built, shortened
from labhelpers.programs import find_program
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain

PROGRAM = "cgomemory"
BLOCKS = 256
"""Blocks of 64 KiB that are taken: 16 MiB, far above what else may change in a process."""
WAYS = ("keep", "free", "finalizer")
SECONDS = 60


@dataclass(frozen=True)
class Place:
    """Where a thing lies: what the kernel allows there (proc_pid_maps(5)), and what is behind it.

    `behind` is a file's name, "[heap]", "[stack]" or "no file".
    """

    go: str
    mode: str
    thing: str
    permissions: str
    behind: str


@dataclass(frozen=True)
class Tried:
    """One thing that the program tried, and what it saw."""

    go: str
    mode: str
    what: str
    saw: str


@dataclass(frozen=True)
class Leak:
    """What became of 64-KiB blocks of malloc that Go code took and forgot, by what it did first.

    `way`: "keep" nothing, "free" C.free, "finalizer" a Go object whose finalizer calls C.free.
    `collections` of Go's collector that it began by itself; `go_bytes` and `resident_bytes` are
    growths, the latter after collections that were asked for. `status` is the exit status.
    """

    go: str
    mode: str
    way: str
    asked_bytes: int
    collections: int
    go_bytes: int
    resident_bytes: int
    status: int

    @property
    def left(self) -> float:
        """The share of what was taken that stayed resident."""
        return self.resident_bytes / self.asked_bytes


def files(chain: Toolchain) -> dict[str, Path]:
    """Link the program in every mode.

    Raises:
        LabError: it does not build.
    """
    made = built(chain, [PROGRAM])
    return {mode: binary.path for (_, mode), binary in made.items() if binary.path}


def places(chain: Toolchain) -> Table[Place]:
    """Return where code, variables, stacks and heaps of both languages lie."""
    return Table(
        Place(chain.release, mode, *line.split("\t"))
        for mode, path in files(chain).items()
        for line in _said(path, "where").splitlines()
    )


def tries(chain: Toolchain) -> Table[Tried]:
    """Let each language write to the other's memory, compare pointers, and collect garbage."""
    return Table(
        Tried(chain.release, mode, *line.split("\t"))
        for mode, path in files(chain).items()
        for what in ("cross", "pointer", "scan")
        for line in _said(path, what).splitlines()
    )


def leaks(chain: Toolchain, blocks: int = BLOCKS, ways: Iterable[str] = WAYS) -> Table[Leak]:
    """Take blocks of malloc and do with them, in each mode, what each way says."""
    rows: Table[Leak] = Table()
    for mode, path in files(chain).items():
        for way in ways:
            done = _run(path, "leak", way, str(blocks))
            numbers = [int(line.split("\t")[1]) for line in done.stdout.splitlines()]
            if len(numbers) != 4:
                raise LabError(f"{PROGRAM} leak {way} printed {done.stdout!r}: run it by hand.")
            asked, collections, go_bytes, resident = numbers
            own = (chain.release, mode, way)
            rows.append(Leak(*own, asked, collections, go_bytes, resident, done.returncode))
    return rows


def freed_twice(chain: Toolchain) -> Table[Tried]:
    """Free one block twice, which C does leave undefined (C17 7.22.3.3)."""
    rows: Table[Tried] = Table()
    for mode, path in files(chain).items():
        done = _run(path, "twice")
        said = done.stderr.strip().split("\n")
        rows.append(Tried(chain.release, mode, _end(done, said), said[0]))
    return rows


def _end(done: subprocess.CompletedProcess[str], said: list[str]) -> str:
    if done.returncode == 0:
        return "exits as if nothing had happened"
    # Go catches the signal, tells of it in a line "SIGABRT: abort", and exits with 2.
    named = [line for line in said if line.startswith("SIG")]
    own = signal.Signals(-done.returncode).name if done.returncode < 0 else ""
    return f"ends by {named[0].partition(':')[0] if named else own or 'an error'}"


def function_in_two_files(chain: Toolchain) -> Tried:
    """Include the header with its function in a second Go file of the package, and build that."""
    head = "package main\n"
    second = f'{head}\n// #include "cgo_export.h"\nimport "C"\n'
    program = changed(find_program(PROGRAM), {"process.go": {head: second}})
    binary = build(program, MODES["external"], chain)
    wanted = ("multiple definition", "duplicate symbol")
    lines = [line for line in binary.log.splitlines() if any(word in line for word in wanted)]
    said = shortened((lines or [binary.error or "builds"])[0]).strip()
    return Tried(chain.release, "external", "function in two files", said)


def links_without_free(chain: Toolchain) -> Table[Tried]:
    """Link once with every C.free taken out, and return what the linkers say of it: nothing."""
    source = (find_program(PROGRAM).folder / "main.go").read_text()
    kept = "func freeNothing(unsafe.Pointer) {}\n\ntype owner struct"
    text = source.replace("C.free(", "freeNothing(").replace("type owner struct", kept)
    rows: Table[Tried] = Table()
    program = changed(find_program(PROGRAM), {"main.go": {source: text}})
    for mode in ("internal", "external"):
        binary = build(program, BuildConfig(mode, linkmode=mode), chain)
        said = shortened(binary.log.strip()) or "nothing"
        rows.append(Tried(chain.release, mode, "linked without C.free", said))
    return rows


def _said(path: Path, *arguments: str) -> str:
    done = _run(path, *arguments)
    if done.returncode:
        raise LabError(
            f"{PROGRAM} {' '.join(arguments)} ended with status {done.returncode}: "
            f"{done.stderr.strip()[:200]!r}"
        )
    return done.stdout


def _run(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            [str(path), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LabError(f"{PROGRAM} did not run to its end ({error}): run it by hand.") from error
