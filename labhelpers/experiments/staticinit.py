"""Package variables: which stand ready in the file, and which an init function fills in.

The compiler lays a variable out in the file where it can work out the value (cmd/compile/internal/
staticinit); for all others it writes assignments into the package's init function. A variable that
is laid out is not zero in the file: none of this program's variables is zero when main begins.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labhelpers.binary.elf import Elf, open_elf
from labhelpers.binary.symbols import read_symbols
from labhelpers.build import Binary, BuildConfig, build
from labhelpers.errors import LabError
from labhelpers.experiments.codemap import read_code
from labhelpers.experiments.instructions import WAYS, InitCost, init_costs, start_of
from labhelpers.experiments.traces import step
from labhelpers.programs import Program, find_program
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain

VARIABLES = (
    *("constant", "array", "slice", "pointer", "closure"),
    *("inlined", "problem", "called", "loop", "byName", "home"),
)
"""Package variables of labs/programs/staticinit/main.go."""
STT_OBJECT = 1


@dataclass(frozen=True)
class Variable:
    """One package variable: its source, and whether its value stands in the file."""

    go: str
    way: str
    name: str
    source: str
    bytes: int
    ready: bool


@dataclass(frozen=True)
class Init:
    """One file's init functions: how many packages have some, and the size and run of main's own.

    `functions` and `code` are those of all packages, in bytes, main's among them; `main` is the
    size of main.init, and `run` the instructions that it and what it calls take, None where that
    was not counted. A package that needs none has no such function: 0.
    """

    program: str
    go: str
    way: str
    packages: int
    code: int
    main: int
    run: int | None


def sources() -> dict[str, str]:
    """Return the line of source behind each variable."""
    text = (find_program("staticinit").folder / "main.go").read_text()
    found = dict(re.findall(r"(?m)^\t(\w+)\s+= (.+)$", text))
    return {name: found[name] for name in VARIABLES}


def made(program: Program, way: BuildConfig, go: Toolchain) -> Binary:
    """Build a program.

    Raises:
        LabError: it does not compile.
    """
    binary = build(program, way, go)
    if binary.path is None:
        raise LabError(f"{program.name} could not be built with {way.name}: {binary.error}")
    return binary


def variables(releases: Sequence[Toolchain], ways: Sequence[BuildConfig] = WAYS) -> Table[Variable]:
    """Build staticinit in each way, and say of every variable whether its value is in the file.

    Raises:
        LabError: a build fails, or a variable is not in the file.
    """
    texts, rows = sources(), Table[Variable]()
    for go in releases:
        for way in ways:
            path = made(find_program("staticinit"), way, go).path
            assert path
            with open_elf(path) as elf:
                for name, content in _contents(elf, [f"main.{name}" for name in VARIABLES]).items():
                    own = name.removeprefix("main.")
                    ready = any(content)
                    rows.append(
                        Variable(go.release, way.name, own, texts[own], len(content), ready)
                    )
    return rows


def _contents(elf: Elf, names: Sequence[str]) -> dict[str, bytes]:
    """Return the bytes that each variable has in the file; none is stored where all are zero."""
    symbols = read_symbols(elf)
    if symbols is None:
        raise LabError(f"{elf.path.name} has no symbols: build it without -s.")
    found: dict[str, bytes] = {}
    for name in names:
        row = next((i for i, own in enumerate(symbols.names) if own == name), None)
        if row is None:
            raise LabError(f"{elf.path.name} has no variable {name}.")
        address, size = int(symbols.value[row]), int(symbols.size[row])
        offset = elf.offset_of(address)
        section = elf.section_at(address)
        stored = offset is not None and section is not None and section.file_size > 0
        found[name] = elf.read(offset, size) if stored and offset is not None else bytes(size)
    return found


def inits(
    program: Program,
    releases: Sequence[Toolchain],
    ways: Sequence[BuildConfig] = WAYS,
    run: bool = True,
) -> Table[Init]:
    """Build a program in each way and count its init functions; step main's own where there is one.

    Raises:
        LabError: a build fails, or `run` and nothing can be stepped here.
    """
    rows: Table[Init] = Table()
    for go in releases:
        for way in ways:
            path = made(program, way, go).path
            assert path
            tasks, sizes = init_functions(path)
            own = sizes.get("main.init", 0)
            ran = 0
            if own and run:
                ran = len(step(path, read_code(path).start("main.init"))) - 1
            rows.append(
                Init(
                    program=program.name,
                    go=go.release,
                    way=way.name,
                    packages=len(tasks),
                    code=sum(sizes.values()),
                    main=own,
                    run=ran if run else None,
                )
            )
    return rows


def init_functions(path: Path) -> tuple[list[str], dict[str, int]]:
    """Return the packages with something to initialise, and the init functions with their bytes.

    A package has a task `..inittask` where it has init functions (cmd/compile/internal/pkginit).
    """
    with open_elf(path) as elf:
        symbols = read_symbols(elf)
        names = symbols.names if symbols else []
    code = read_code(path)
    tasks = sorted(name.removesuffix("..inittask") for name in names if name.endswith("..inittask"))
    wanted = [i for i, n in enumerate(code.names) if re.search(r"\.init(\.\d+)?$|\.map\.init", n)]
    sizes = code.ends - code.starts
    return tasks, {code.names[i]: int(sizes[i]) for i in np.array(wanted, int)}


def appeared(program: Program, go: Toolchain) -> list[str]:
    """Return the packages that have something to initialise without inlining, and not with it.

    Raises:
        LabError: a build fails.
    """
    with_, without = (made(program, way, go).path for way in WAYS[:2])
    assert with_
    assert without
    before = set(init_functions(with_)[0])
    return [name for name in init_functions(without)[0] if name not in before]


def package_costs(program: Program, way: BuildConfig, go: Toolchain) -> Table[InitCost]:
    """Return what each package's inits run, of one start followed whole.

    Raises:
        LabError: a build fails, or whole starts cannot be followed here.
    """
    path = made(program, way, go).path
    assert path
    return init_costs(read_code(path), start_of(path)[1])
