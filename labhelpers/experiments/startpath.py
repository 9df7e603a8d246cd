"""The shortest start path, in C and in Go: the instructions from main to the first real work."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labhelpers.build import BuildConfig, build
from labhelpers.errors import LabError
from labhelpers.experiments.cbuild import CFolder
from labhelpers.experiments.codemap import Code, read_code
from labhelpers.experiments.instructions import WAYS, without_repeats
from labhelpers.experiments.opcodes import KINDS, kinds
from labhelpers.experiments.traces import Addresses, step
from labhelpers.programs import find_program
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain

LEVELS = ("-O0", "-O1", "-O2", "-O3")
C_PATHS = {
    "fixed": ("main", ("main", "configure", "from_table")),
    "environment": ("main", ("main", "configure", "from_environment")),
    "nothing": ("start", ("start", "configure", "from_table")),
}
"""Each C program's first function of the path, and all of its own functions on it."""
FRAMES = "-fomit-frame-pointer"
"""What gcc and clang do by themselves from -O1 on, and zig only when told."""
GO_PATHS = ("fixed", "environment")
MODULE = "golab/startpath"


@dataclass(frozen=True)
class Taken:
    """One start path: the instructions that it ran, by kind.

    `own` are those of the program's own functions, `library` those of others that it calls, up to
    the return (in C) or to the first real work (in Go). `functions` are those of its own that were
    entered, `indirect` calls through a pointer, `saves` pushes and pops.
    """

    language: str
    program: str
    compiler: str
    way: str
    own: int
    library: int
    functions: int
    calls: int
    indirect: int
    returns: int
    branches: int
    saves: int


def c_paths(go: Toolchain, levels: Sequence[str] = LEVELS) -> Table[Taken]:
    """Compile each C program at each level, and step its path.

    Raises:
        LabError: there is no C compiler, or nothing can be stepped here.
    """
    rows: Table[Taken] = Table()
    with CFolder("startpath-c", go) as folder:
        for program, (first, own) in C_PATHS.items():
            for level in levels:
                switches = [level] if level == "-O0" else [level, FRAMES]
                done = folder.cc(*switches, "-o", program, f"{program}.c")
                if not done.ok:
                    raise LabError(f"{program}.c does not compile: {done.first_line}")
                path, code = folder.file(program), _read_anew(folder.file(program))
                passed = without_repeats(step(path, code.start(first)))[:-1]
                compiler = go.cc.kind if go.cc else ""
                rows.append(_row("C", program, compiler, level, path, code, passed, own))
    return rows


def _read_anew(path: Path) -> Code:
    """Read a file that has been written again under its name."""
    read_code.cache_clear()
    return read_code(path)


def go_paths(releases: Sequence[Toolchain], ways: Sequence[BuildConfig] = WAYS) -> Table[Taken]:
    """Build the Go program in each way, and step each of its paths up to Serve.

    Raises:
        LabError: a build fails, or nothing can be stepped here.
    """
    rows: Table[Taken] = Table()
    for go in releases:
        for way in ways:
            binary = build(find_program("startpath"), way, go)
            if binary.path is None:
                raise LabError(f"startpath could not be built with {way.name}: {binary.error}")
            code = read_code(binary.path)
            for program in GO_PATHS:
                package = f"{MODULE}/{program}."
                first, serve = code.start(f"{package}Start"), code.start(f"{package}Serve")
                passed = without_repeats(step(binary.path, first, serve))[:-1]
                own = [name for name in code.names if name.startswith(package)]
                compiler = f"Go {go.release}"
                rows.append(_row("Go", program, compiler, way.name, binary.path, code, passed, own))
    return rows


def _row(
    language: str,
    program: str,
    compiler: str,
    way: str,
    path: Path,
    code: Code,
    passed: Addresses,
    own: Sequence[str],
) -> Taken:
    places = [i for i, name in enumerate(code.names) if name in own]
    inside = np.isin(code.whose(passed), places)
    found = kinds(path, passed[inside])
    assert set(found) == set(KINDS)
    return Taken(
        language=language,
        program=program,
        compiler=compiler,
        way=way,
        own=int(inside.sum()),
        library=int((~inside).sum()),
        functions=len(np.unique(code.whose(passed[inside]))),
        calls=found["call"],
        indirect=found["indirect call"],
        returns=found["return"],
        branches=found["conditional branch"],
        saves=found["push or pop"],
    )
