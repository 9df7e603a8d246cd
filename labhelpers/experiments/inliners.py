"""Three compilers compared: where they inline, and in what form the code is when they do."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from labhelpers.errors import LabError
from labhelpers.experiments.cbuild import CFolder
from labhelpers.experiments.ssadump import bundled, compile_go
from labhelpers.recorded import Shown, live_or_recorded
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain

KINDS = {"gcc": ("gcc",), "clang": ("clang", "zig")}
"""The C compilers that are compared; zig's is clang."""


def of_both(
    name: str,
    go: Toolchain,
    measure: Callable[[Toolchain], list[dict[str, Any]]],
    impossible: str | None,
) -> Shown:
    """Return what gcc and clang say: the one that is here live, the other from the record.

    Args:
        name: of the records, which end in the compiler's.
        go: whose C compiler is asked.
        measure: makes the rows of the compiler that is here.
        impossible: why no C compiler can be asked, in a sentence; None where one can.
    """
    here = go.cc.kind if go.cc else "other"
    parts = []
    for label, kinds in KINDS.items():
        other = None if here in kinds else f"The C compiler of this machine is {here}, not {label}."
        parts.append(live_or_recorded(f"{name}-{label}", lambda: measure(go), impossible or other))
    note = "\n".join(f"{k}: {part.note}" for k, part in zip(KINDS, parts, strict=True))
    return Shown([row for part in parts for row in part.rows], any(p.live for p in parts), note)


def c_name(go: Toolchain) -> str:
    """Return what the C compiler of this machine is called here."""
    kind = go.cc.kind if go.cc else "none"
    return "clang (zig)" if kind == "zig" else kind


@dataclass(frozen=True)
class Inlined:
    """How big a function may be to be inlined in three places, as one compiler decides.

    `size` counts statements in C, and is the compiler's own cost in Go. `early` runs before main.
    """

    compiler: str
    size: int
    elsewhere: bool
    main: bool
    early: bool


def c_where(go: Toolchain, level: str = "-O2", most: int = 8) -> Table[Inlined]:
    """Compile where.c with functions of several sizes; say where no call of them is left.

    Raises:
        LabError: there is no C compiler, or it fails.
    """
    rows: Table[Inlined] = Table()
    with CFolder("startpath-c", go) as folder:
        for size in range(1, most + 1):
            done = folder.cc(level, f"-DSIZE={size}", "-S", "-o", "where.s", "where.c")
            if not done.ok:
                raise LabError(f"where.c does not compile: {done.first_line}")
            calling = set(callers(folder.file("where.s").read_text(), "work"))
            names = ("elsewhere", "main", "early")
            compiler = f"{c_name(go)} {level}"
            rows.append(Inlined(compiler, size, *(name not in calling for name in names)))
    return rows


def callers(assembly: str, name: str) -> list[str]:
    """Return the functions that call another one, from what `cc -S` writes: one entry a call."""
    found, inside = [], ""
    for line in assembly.splitlines():
        if label := re.match(r"([A-Za-z_]\w*):", line):
            inside = label[1]
        elif re.match(rf"\s+(call|jmp)q?\s+{name}\b", line):
            found.append(inside)
    return found


def go_where(go: Toolchain) -> Table[Inlined]:
    """Ask Go's compiler (-m=2) which calls of where/main.go it inlines.

    Raises:
        LabError: it does not compile.
    """
    file = bundled("startpath/where/main.go")
    done = compile_go(go, file, "-m=2")
    if done.returncode:
        raise LabError(f"{file.name} does not compile: {done.stderr.strip()}")
    functions = [
        (number, found[1])
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if (found := re.match(r"func (\w+)\(", line))
    ]
    said = done.stdout + done.stderr
    costs = dict(re.findall(r"inline (\w+)(?:: function too complex:| with) cost (\d+)", said))
    calls: set[tuple[str, str]] = set()
    for line, callee in re.findall(r"main\.go:(\d+):\d+: inlining call to (\w+)", said):
        inside = [name for number, name in functions if number <= int(line)][-1]
        calls.add((inside, callee))
    callees = [name for _, name in functions if name not in ("init", "main", "elsewhere")]
    return Table(
        Inlined(
            f"Go {go.release}",
            int(costs[name]),
            *((place, name) in calls for place in ("elsewhere", "main", "init")),
        )
        for name in callees
    )


@dataclass(frozen=True)
class Order:
    """Where a compiler inlines and where it brings code into SSA form: the steps, in order."""

    compiler: str
    steps: tuple[str, ...]
    inlines: str
    ssa: str
    ssa_first: bool

    def shown(self) -> dict[str, Any]:
        """Return what to show of it: how many steps there are, and which of the two is earlier."""
        return {
            "compiler": self.compiler,
            "steps listed": len(self.steps),
            "inlines in": self.inlines,
            "at step": self.steps.index(self.inlines) + 1,
            "SSA form in": self.ssa,
            "at its step": self.steps.index(self.ssa) + 1,
            "SSA form first": self.ssa_first,
        }


def gcc_order(go: Toolchain) -> Order | None:
    """Return gcc's own list of passes (-fdump-passes); None where the C compiler is another.

    Raises:
        LabError: gcc fails.
    """
    if go.cc is None or go.cc.kind != "gcc":
        return None
    with CFolder("startpath-c", go) as folder:
        done = folder.cc("-O2", "-fdump-passes", "-S", "-o", "fixed.s", "fixed.c")
    steps = tuple(re.findall(r"(?m)^ *(\S+) +: +ON", done.errors))
    if not done.ok or not {"tree-ssa", "tree-einline"} <= set(steps):
        raise LabError(f"gcc did not list its passes: {done.first_line}")
    return _order(c_name(go), steps, "tree-einline", "tree-ssa")


def clang_order(go: Toolchain) -> Order | None:
    """Return the passes that clang, or zig's clang, reports; None where the compiler is another.

    SROA (with mem2reg in it) brings local variables into SSA form.

    Raises:
        LabError: it fails.
    """
    if go.cc is None or go.cc.kind not in ("clang", "zig"):
        return None
    with CFolder("startpath-c", go) as folder:
        # A new macro each time: zig keeps what it has compiled, and then says nothing.
        switches = ("-Xclang", "-fdebug-pass-manager", f"-DASKED={time.monotonic_ns()}")
        done = folder.cc("-O2", *switches, "-c", "-o", "fixed.o", "fixed.c")
    steps = tuple(re.findall(r"Running pass: (\w+)", done.errors + done.output))
    if not {"SROAPass", "InlinerPass"} <= set(steps):
        raise LabError(f"{go.cc.kind} did not list its passes: {done.first_line}")
    return _order(c_name(go), steps, "InlinerPass", "SROAPass")


GO_STEPS = {
    "inline": r"^\s*(?:inline\.InlinePackage|interleaved\.DevirtualizeAndInlinePackage)\(",
    "static initialisation": r"^\s*(?:pkginit\.MakeTask|pkginit\.MakeInit|staticinit\.\w+)\(",
    "escape": r"^\s*escape\.Funcs\(",
    "machine code, by way of SSA": r"^\s*(?:prepareFunc|compileFunctions|enqueueFunc)\(",
}
"""Calls in cmd/compile/internal/gc/main.go, function Main."""


def go_order(go: Toolchain) -> Order:
    """Return the order of the steps in the compiler's own source.

    Raises:
        LabError: the source has no such calls.
    """
    file = go.goroot / "src" / "cmd" / "compile" / "internal" / "gc" / "main.go"
    text = file.read_text()
    text = text[text.index("\nfunc Main(") :]
    found = {
        name: match.start()
        for name, pattern in GO_STEPS.items()
        if (match := re.search(pattern, text, re.MULTILINE))
    }
    ssa = "machine code, by way of SSA"
    if not {"inline", ssa} <= set(found):
        raise LabError(f"The compiler of Go {go.release} has other steps than this lab knows.")
    steps = tuple(sorted(found, key=lambda name: found[name]))
    return _order(f"Go {go.release}", steps, "inline", ssa)


def _order(compiler: str, steps: tuple[str, ...], inlines: str, ssa: str) -> Order:
    return Order(compiler, steps, inlines, ssa, steps.index(ssa) < steps.index(inlines))


def order_rows(go: Toolchain) -> list[dict[str, Any]]:
    """Return the order of the C compiler that is here, as `Order.shown`.

    Raises:
        LabError: it is neither gcc nor clang, or fails.
    """
    found = gcc_order(go) or clang_order(go)
    if found is None:
        raise LabError("This machine's C compiler is neither gcc nor clang: set CC to one of them.")
    return [found.shown()]
