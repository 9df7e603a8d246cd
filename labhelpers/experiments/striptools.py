"""strip and objcopy tried on what may be sensitive to them: dynamic files, PIE, object files."""

import re
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from labhelpers.binary.dynamic import read_dynamic
from labhelpers.binary.elf import open_elf
from labhelpers.build import build
from labhelpers.ccompiler import CCompiler
from labhelpers.configs import find_config
from labhelpers.errors import LabError
from labhelpers.experiments.probes import runs
from labhelpers.experiments.stripped import TOOLED, Way, apply, finish, tools_missing
from labhelpers.programs import find_program
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain

UNTOUCHED = Way("untouched")
SENSITIVE = (
    ("hello", "default"),
    ("hello", "strip"),
    ("hello", "pie"),
    ("netuser", "default"),
    ("hello", "external"),
)
"""Programs and configurations: pure Go, the same after -s -w, a PIE, one that Go's linker made
dynamic, one that the C toolchain's linker made."""

ADD_C = """\
static int twice(int x) { return 2 * x; }
int add(int a, int b) { return twice(a) + b; }
"""
MAIN_C = """\
#include <stdio.h>
int add(int, int);
int main(void) { printf("%d\\n", add(20, 2)); }
"""


SYMBOL = RELOCATION = 24
"""Bytes of an entry of a symbol table, and of a relocation with addend (Elf64_Sym, Elf64_Rela)."""


@dataclass(frozen=True)
class Tooled:
    """An executable after a tool: what of the dynamic linker's tables is left, and if it runs.

    Sizes in bytes; `debug`, `symtab`, `dynsym` and `relocations` are those of all such sections.
    """

    go: str
    program: str
    config: str
    tool: str
    bytes: int
    hash: str
    debug: int
    symtab: int
    dynsym: int
    relocations: int
    needed: str
    runs: bool


@dataclass(frozen=True)
class Linked:
    """Two object files after a tool, and what linking them gave. All counts are of both."""

    tool: str
    bytes: int
    symbols: int
    relocations: int
    links: bool
    said: str


def not_possible(cc: CCompiler | None) -> str | None:
    """Say why these files cannot be made here, None where they can."""
    if cc is None:
        return "This machine has no C compiler, so no dynamic Go program can be made."
    return tools_missing()


def executables(toolchain: Toolchain, tools: Sequence[Way] = TOOLED[:3]) -> Table[Tooled]:
    """Build the sensitive files and put every tool to each of them.

    Raises:
        LabError: a build or a tool fails.
    """
    rows: Table[Tooled] = Table()
    for program, config in SENSITIVE:
        binary = build(find_program(program), find_config(config), toolchain)
        for tool in (UNTOUCHED, *tools):
            made = finish(binary, tool)
            rows.append(look(made.path, toolchain.release, program, config, tool.name, made.sha256))
    return rows


def look(path: Path, go: str, program: str, config: str, tool: str, digest: str) -> Tooled:
    """Return what a file still has, and whether it runs."""
    sums = section_sums(path)
    with open_elf(path) as elf:
        needed = read_dynamic(elf).needed
    return Tooled(
        go=go,
        program=program,
        config=config,
        tool=tool,
        bytes=path.stat().st_size,
        hash=digest[:12],
        debug=sums["debug"],
        symtab=sums["SHT_SYMTAB"],
        dynsym=sums["SHT_DYNSYM"],
        relocations=sums["SHT_RELA"],
        needed=" ".join(needed),
        runs=runs(path)[0],
    )


def section_sums(path: Path) -> Counter[str]:
    """Return the bytes of a file's sections by their type; "debug" is all that is DWARF."""
    sums: Counter[str] = Counter()
    with open_elf(path) as elf:
        for section in elf.sections:
            sums[section.type] += section.file_size
            sums["debug"] += section.file_size * section.name.startswith((".debug_", ".zdebug_"))
    return sums


def objects(cc: CCompiler) -> Table[Linked]:
    """Compile two C files, put every tool to both object files, and link them.

    Raises:
        LabError: they do not compile, or a tool is missing or fails.
    """
    rows: Table[Linked] = Table()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "add.c").write_text(ADD_C)
        (folder / "main.c").write_text(MAIN_C)
        compiled = compile_with(cc, folder, "-g", "-c", "add.c", "main.c")
        if compiled.returncode:
            raise LabError(f"Two small C files do not compile: {compiled.stderr.strip()}")
        for tool in (UNTOUCHED, *TOOLED):
            files = [folder / f"stripped-{name}" for name in ("add.o", "main.o")]
            for file in files:
                original = file.with_name(file.name.removeprefix("stripped-"))
                shutil.copy(apply(tool.tool, original) if tool.tool else original, file)
            rows.append(link(cc, folder, files, tool))
    return rows


def link(cc: CCompiler, folder: Path, files: Sequence[Path], tool: Way) -> Linked:
    """Link object files; return what they hold, and the linker's first complaint."""
    sums: Counter[str] = Counter()
    for file in files:
        sums += section_sums(file)
    done = compile_with(cc, folder, "-o", "program", *(file.name for file in files))
    complaint = re.search(r"undefined .*", done.stderr) or re.search(r"error.*", done.stderr)
    return Linked(
        tool=tool.name,
        bytes=sum(file.stat().st_size for file in files),
        symbols=sums["SHT_SYMTAB"] // SYMBOL,
        relocations=sums["SHT_RELA"] // RELOCATION,
        links=not done.returncode,
        said=complaint[0] if done.returncode and complaint else "links",
    )


def compile_with(
    cc: CCompiler, folder: Path, *arguments: str
) -> "subprocess.CompletedProcess[str]":
    """Run the C compiler in a folder."""
    return subprocess.run([*cc.command, *arguments], cwd=folder, capture_output=True, text=True)
