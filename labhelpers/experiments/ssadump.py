"""What Go's compiler does to one function, pass by pass: GOSSAFUNC, read as a table.

`GOSSAFUNC=Start+ go tool compile fixed.go` writes the function to standard output after every pass
(cmd/compile/internal/ssa/compile.go, func.go and print.go), and an HTML page beside it.
"""

import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from labhelpers.errors import LabError
from labhelpers.paths import cache_dir
from labhelpers.programs import labs_folder
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain

FIXED = "startpath/fixed/fixed.go"
"""A package without imports, below labs/programs: the compiler needs nothing beside it."""
BEFORE = "start"
"""What the compiler calls the state before its first pass."""
PASS = re.compile(r"^  pass (.+) (begin|end)(?: .*)?$")
VALUE = re.compile(r"^    .*\bv\d+ = (\w+)")
BLOCK = re.compile(r"^  b\d+:")
DEAD = re.compile(r"\bDEAD\b")
PLACE = re.compile(r"(?<=[ +-])\((?:[+-]?\d+|\?)\) ")


@dataclass(frozen=True)
class Stage:
    """One function after one pass: its blocks, its values, and the text that GOSSAFUNC prints.

    `dead` of the values are of no use to anyone and still there; `phis` choose between values of
    several blocks; `calls` are calls of functions, `constants` values that are known.
    """

    number: int
    name: str
    blocks: int
    values: int
    dead: int
    phis: int
    calls: int
    constants: int
    branches: int
    text: str


def compile_go(
    go: Toolchain,
    file: Path,
    *words: str,
    variables: dict[str, str] | None = None,
    package: str = "main",
) -> "subprocess.CompletedProcess[str]":
    """Run `go tool compile` on one file without imports; what it makes is thrown away.

    Raises:
        LabError: it did not end within two minutes.
    """
    with tempfile.TemporaryDirectory(dir=cache_dir("c"), prefix="ssa-") as folder:
        environment = go.environment() | {"GOSSADIR": folder} | (variables or {})
        command = [str(go.go), "tool", "compile", *words, "-p", package, "-o", f"{folder}/o"]
        try:
            return subprocess.run(
                [*command, str(file)],
                cwd=file.parent,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=120,
            )
        except subprocess.TimeoutExpired as error:
            raise LabError(f"go tool compile did not end on {file.name}.") from error


def bundled(name: str = FIXED) -> Path:
    """Return a Go file below labs/programs."""
    return labs_folder() / "programs" / name


def dump(go: Toolchain, function: str = "Start", *words: str, file: Path | None = None) -> str:
    """Return what the compiler prints about one function.

    Args:
        go: whose compiler.
        function: its name without the package.
        words: switches of `go tool compile`, `-l` for one.
        file: of a package without imports; None: the bundled one.

    Raises:
        LabError: it does not compile, or has no such function.
    """
    path = file or bundled()
    done = compile_go(go, path, *words, variables={"GOSSAFUNC": f"{function}+"})
    if done.returncode:
        raise LabError(f"{path.name} does not compile: {done.stderr.strip().splitlines()[-1]}")
    if "pass " not in done.stdout:
        raise LabError(f"The compiler has no function {function} in {path.name}: check its name.")
    return done.stdout


def read_dump(text: str) -> Table[Stage]:
    """Return the function before the first pass and after each.

    Values that GOSSAFUNC marks DEAD are counted in `dead`, not in `values`; dead blocks are left
    out as well.
    """
    stages: Table[Stage] = Table()
    lines: list[str] = []
    name = BEFORE
    for line in text.splitlines():
        if found := PASS.match(line):
            if found[2] == "begin":
                stages.append(_stage(len(stages), name, lines))
                name = found[1]
            lines = []
        elif line.startswith("genssa"):
            break
        else:
            lines.append(line)
    stages.append(_stage(len(stages), name, lines))
    return stages


def _stage(number: int, name: str, lines: Sequence[str]) -> Stage:
    starts = [i for i, line in enumerate(lines) if line.endswith(" func()") or " func(" in line]
    own = [line for line in lines[starts[-1] + 1 if starts else 0 :] if line.startswith("  ")]
    found = [(v[1], bool(DEAD.search(line))) for line in own if (v := VALUE.match(line))]
    alive = [op for op, dead in found if not dead]
    return Stage(
        number=number,
        name=name,
        blocks=sum(bool(BLOCK.match(line)) and not DEAD.search(line) for line in own),
        values=len(alive),
        dead=sum(dead for _, dead in found),
        phis=alive.count("Phi"),
        calls=sum("LECall" in op or op.startswith("CALL") for op in alive),
        constants=sum(op.startswith("Const") or op.endswith("const") for op in alive),
        branches=sum(_branches(line) for line in own),
        text="\n".join(PLACE.sub("", line[2:]) for line in own),
    )


def _branches(line: str) -> bool:
    """Say whether a line ends a block that has two ways on, both of them alive."""
    end = re.match(r"^    (\w+) .*-> (.*)$", line)
    return bool(end and end[1] != "First" and len(re.findall(r"b\d+", end[2])) > 1)


def machine_code(text: str) -> list[str]:
    """Return the instructions that are left at the end, as Go's assembler writes them."""
    _, _, last = text.rpartition("genssa ")
    code = re.findall(r"^.*\t\d{5} \(.*?\)\t(\w+)(?:\t(.*))?$", last, re.MULTILINE)
    nothing = {"TEXT", "FUNCDATA", "PCDATA", "END"}
    return [f"{name} {rest}".strip() for name, rest in code if name not in nothing]


@dataclass(frozen=True)
class Change:
    """What one pass of one release did to a function; passes that did nothing have no row."""

    name: str
    values: int
    dead: int
    blocks: int
    phis: int


def changes(stages: Sequence[Stage]) -> Table[Change]:
    """Return the passes that changed what is counted, with the counts after each."""
    rows: Table[Change] = Table()
    for stage in stages:
        row = Change(stage.name, stage.values, stage.dead, stage.blocks, stage.phis)
        if not rows or (row.values, row.dead, row.blocks, row.phis) != (
            *(rows[-1].values, rows[-1].dead),
            *(rows[-1].blocks, rows[-1].phis),
        ):
            rows.append(row)
    return rows


def refused(go: Toolchain, *words: str) -> str:
    """Return the first line with which the compiler refuses a switch; empty where it does not."""
    done = compile_go(go, bundled(), *words)
    said = done.stderr.strip() or done.stdout.strip()
    return said.partition("\n")[0] if done.returncode else ""
