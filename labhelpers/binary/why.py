"""Why something is in a program: the chain of references from where the linker began.

`go build -ldflags=-dumpdep` prints a line `FROM -> TO` for each symbol when the linker first finds
it; `_` stands for the linker's own starting points. Only that first find is printed, and so the
lines are a tree and not all references (cmd/link/internal/ld/deadcode.go, mark).
"""

import tempfile
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from labhelpers.binary.names import package_of
from labhelpers.build import (
    BuildConfig,
    RunningBuilds,
    copy_for_release,
    go_environment,
)
from labhelpers.errors import LabError
from labhelpers.machine import usable_cores
from labhelpers.paths import cache_dir
from labhelpers.programs import Program
from labhelpers.toolchain import Toolchain
from labhelpers.workspace import workspace

ROOT = "_"
ARROW = " -> "
USED_IN_INTERFACE, REFLECT_METHOD = "UsedInIface", "ReflectMethod"
FLAGS = (f"<{USED_IN_INTERFACE}>", f"<{REFLECT_METHOD}>")

BESIDE_CODE = (
    *(".arginfo0", ".arginfo1", ".argliveinfo", ".args_stackmap", ".opendefer", ".stkobj"),
    *(".wrapinfo", ".conststackmap"),
)
"""Ends of names of tables beside a function's code. Functions with like tables share one, under the
name of whichever came first, so that these say nothing about who needs the package."""
INITIALISATION, INITIALISATIONS = "..inittask", "go:main.inittasks"

LIMITS = (
    "Each symbol is printed once, with what reached it first: there may be other references, and "
    "without this chain it may still be linked.",
    "What the compiler inlined has left no symbol, and so no link in the chain.",
)
REFLECTION = (
    "A function with <ReflectMethod> looks methods up by a name that is not known before the "
    "program runs: with it all exported methods of all types that were reached stay in the "
    "program. Only the first such function that is printed is sure to be a cause: the others may "
    "have been reached through methods that it kept."
)


@dataclass(frozen=True)
class Step:
    """A symbol on a chain, with the linker's flags: UsedInIface, ReflectMethod."""

    symbol: str
    package: str
    flags: tuple[str, ...]


@dataclass(frozen=True)
class Why:
    """A chain from a root to the target. `symbols` are how many of the target were printed."""

    target: str
    steps: tuple[Step, ...]
    symbols: int
    limits: tuple[str, ...]

    def __str__(self) -> str:
        """Return the chain, a symbol a line."""
        lines = [f"{step.symbol} {_marks(step.flags)}".rstrip() for step in self.steps]
        return "\n".join(f"{'  ' * depth}{line}" for depth, line in enumerate(lines))


@dataclass(frozen=True)
class Dump:
    """What -dumpdep printed: the symbols that reached each symbol, and flags, in printed order."""

    parents: dict[str, list[str]]
    flags: dict[str, tuple[str, ...]]

    def step(self, symbol: str) -> Step:
        """Return a symbol as a step of a chain."""
        return Step(symbol, package_of(symbol), self.flags.get(symbol, ()))

    @property
    def first_reflect_method(self) -> str | None:
        """The first function that keeps all exported methods in the program, None without one."""
        return next(
            (name for name in self.parents if REFLECT_METHOD in self.step(name).flags), None
        )


def parse_dump(text: str) -> Dump:
    """Return the references that -dumpdep printed; lines of another form are passed over.

    String constants are symbols named by their content, and so an arrow may be part of a name. Who
    reaches others was reached before: that tells which arrow divides the line.
    """
    parents: dict[str, list[str]] = {ROOT: []}
    flags: dict[str, set[str]] = {}
    for line in text.splitlines():
        if (pair := _divide(line, parents)) is None:
            continue
        (source, source_flags), (target, target_flags) = pair
        known = parents.setdefault(target, [])
        if source not in known:
            known.append(source)
        flags.setdefault(source, set()).update(source_flags)
        flags.setdefault(target, set()).update(target_flags)
    return Dump(parents, {name: tuple(sorted(found)) for name, found in flags.items() if found})


def why_linked(dump: Dump | str, target: str) -> Why | None:
    """Return the shortest printed chain to a symbol, or to the nearest one of a package.

    Args:
        dump: what -dumpdep printed (see `dumpdep`), or that text parsed.
        target: a symbol's name ("net/http.Get") or a package's import path ("net/http").

    Returns:
        None where the linker printed nothing of it: it is not in the program, or was inlined.
    """
    dump = parse_dump(dump) if isinstance(dump, str) else dump
    # Every imported package that initialises something hangs on this root, needed or not.
    for without in (INITIALISATIONS, ""):
        depths, above = _depths(dump, without)
        wanted = {name for name in depths if name == target} or _of_package(depths, target)
        if wanted:
            break
    else:
        return None
    end = min(wanted, key=lambda name: depths[name])
    chain = [end]
    while chain[-1] in above:
        chain.append(above[chain[-1]])
    steps = tuple(dump.step(name) for name in reversed(chain) if name != ROOT)
    reflects = any(REFLECT_METHOD in step.flags for step in steps)
    return Why(target, steps, len(wanted), (*LIMITS, *([REFLECTION] if reflects else [])))


def dumpdep(program: Program, config: BuildConfig, toolchain: Toolchain) -> str:
    """Build a program and return what -dumpdep prints; no file is kept.

    Raises:
        LabError: it could not be built.
    """
    config = replace(config, ldflags=f"{config.ldflags} -dumpdep".strip())
    running = RunningBuilds({}, processes_each=usable_cores())
    with tempfile.TemporaryDirectory(dir=cache_dir("builds"), prefix="tmp-") as scratch:
        folder = program.folder
        if program.bundled:
            folder = copy_for_release(program, toolchain.release, Path(scratch) / "source")
        result = str(Path(scratch) / "program")
        argv = [str(toolchain.go), "build", *config.arguments(), "-o", result, "."]
        environment = go_environment(config, toolchain) | {"TMPDIR": scratch}
        try:
            with workspace(program, toolchain) as own:
                status, text = running.run(argv, folder, environment | own, Path(scratch) / "log")
        finally:
            running.stop()
    if status:
        said = [line for line in text.splitlines() if ARROW not in line and line[:1] != "#"]
        raise LabError(
            f"{program.name} could not be built to see why things are linked "
            f"({said[0] if said else f'exit status {status}'}): build it without -dumpdep first."
        )
    return text


def _divide(
    line: str, known: dict[str, list[str]]
) -> tuple[tuple[str, list[str]], tuple[str, list[str]]] | None:
    """Return both sides of a line, each with its flags."""
    at = line.find(ARROW)
    while at >= 0:
        source = _without_flags(line[:at])
        if source[0] in known:
            return source, _without_flags(line[at + len(ARROW) :])
        at = line.find(ARROW, at + 1)
    return None


def _without_flags(name: str) -> tuple[str, list[str]]:
    found = []
    for flag in reversed(FLAGS):
        if name.endswith(flag):
            name = name.removesuffix(flag)
            found.append(flag.strip("<>"))
    return (name.removesuffix(" ") if found else name), found


def _depths(dump: Dump, without: str) -> tuple[dict[str, int], dict[str, str]]:
    """Return how far each symbol is from a root, and by which symbol the way leads there.

    Ways through the symbol `without` do not count.
    """
    children: dict[str, list[str]] = {}
    for name, parents in dump.parents.items():
        for parent in parents:
            children.setdefault(parent, []).append(name)
    depths, above = {ROOT: 0}, dict[str, str]()
    waiting = deque([ROOT])
    while waiting:
        name = waiting.popleft()
        for child in children.get(name, []):
            if child not in depths and child != without:
                depths[child] = depths[name] + 1
                above[child] = name
                waiting.append(child)
    return depths, above


def _of_package(names: Iterable[str], package: str) -> set[str]:
    """Return what tells most about a package: its functions and variables, else less and less."""
    own, initialisation, types = set[str](), set[str](), set[str]()
    for name in names:
        if package_of(name) == package and not name.endswith(BESIDE_CODE):
            (initialisation if name.endswith(INITIALISATION) else own).add(name)
        elif package_of(_type_name(name)) == package:
            types.add(name)
    return own or initialisation or types


def _type_name(name: str) -> str:
    return name.removeprefix("type:").lstrip("*[]") if name.startswith("type:") else ""


def _marks(flags: Iterable[str]) -> str:
    return "".join(f"<{flag}>" for flag in flags)
