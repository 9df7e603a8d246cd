"""The three ways to link a Go program: what each makes of it, and which one Go takes by itself.

Internal linking is Go's own linker alone. For external linking that linker puts Go's code into one
object file and hands it to a C linker, through the C compiler. Which of the two it takes without
`-linkmode` says determineLinkMode (cmd/link/internal/ld/config.go): external where a package with C
is not on its list of known ones (lib.go, `internalpkg`), or where it must.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from labhelpers.binary.anatomy import anatomy
from labhelpers.binary.buildinfo import read_buildinfo
from labhelpers.binary.diff import diff
from labhelpers.binary.dynamic import count_relocations, read_dynamic
from labhelpers.binary.elf import open_elf
from labhelpers.binary.linking import read_linking
from labhelpers.binary.symbols import read_symbols
from labhelpers.build import Binary, BuildConfig, build_all
from labhelpers.configs import find_config
from labhelpers.errors import LabError
from labhelpers.experiments.cbuild import NO_COMPILER
from labhelpers.experiments.probes import run
from labhelpers.programs import find_program
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain

MODES = {
    "internal": BuildConfig("internal", linkmode="internal"),
    "external": find_config("external"),
    "static external": find_config("static"),
}
PROGRAMS = ("hello", "cgocall", "netuser", "httpd")
KNOWN_PACKAGES = re.compile(r"var internalpkg = \[\]string\{(.*?)\n\}", re.DOTALL)


@dataclass(frozen=True)
class ModeFile:
    """One program, linked in one mode, as a file. `mode` is empty for Go's own choice.

    `linked` is the mode that was found in the file. `sections` and `segments` count the entries of
    the section and the program headers, `relocations` what is to be filled in at a start. `warns`
    is the first warning of the linker, empty where there is none.
    """

    go: str
    program: str
    mode: str
    linked: str
    verdict: str
    bytes: int
    loader: str
    libraries: str
    sections: int
    segments: int
    relocations: int
    warns: str


def impossible(chain: Toolchain) -> str | None:
    """Return why nothing can be linked externally here, in a sentence; None where it can."""
    return None if chain.cc else NO_COMPILER


def static_differs(chain: Toolchain) -> str:
    """Say in a sentence which C library a static external link takes."""
    if chain.cc and chain.cc.static_command != chain.cc.command:
        return "Statically zig links musl, another C library than the dynamic glibc."
    return "The static C library is that of the C compiler, as the dynamic one."


def built(
    chain: Toolchain, programs: Sequence[str] = PROGRAMS, modes: Sequence[str] = tuple(MODES)
) -> dict[tuple[str, str], Binary]:
    """Build each program in each mode; the mode "" is Go's own choice.

    Raises:
        LabError: one does not build.
    """
    configs = {"": find_config("default")} | MODES
    pairs = [(program, mode) for program in programs for mode in modes]
    jobs = [(find_program(program), configs[mode], chain) for program, mode in pairs]
    made = dict(zip(pairs, build_all(jobs), strict=True))
    for (program, mode), binary in made.items():
        if binary.path is None:
            raise LabError(f"{program} does not build with {mode or 'no'} mode: {binary.error}")
    return made


def mode_files(chain: Toolchain, programs: Sequence[str] = PROGRAMS) -> Table[ModeFile]:
    """Link each program in each mode and in Go's own choice, and look at the files.

    Raises:
        LabError: one does not build.
    """
    made = built(chain, programs, ("", *MODES))
    return Table(_look(binary, mode) for (_, mode), binary in made.items())


def _look(binary: Binary, mode: str) -> ModeFile:
    assert binary.path is not None
    with open_elf(binary.path) as elf:
        linking = read_linking(elf, read_buildinfo(elf), read_symbols(elf))
        relocations = count_relocations(elf, read_dynamic(elf))
        warning = re.search(r"warning: (.*)", binary.log)
        return ModeFile(
            go=binary.go,
            program=binary.program,
            mode=mode,
            linked=linking.mode,
            verdict=linking.verdict,
            bytes=elf.size,
            loader=Path(linking.interp or "").name,
            libraries=" ".join(linking.needed),
            sections=len(elf.sections),
            segments=len(elf.segments),
            relocations=sum(relocations.values()),
            warns=warning[1] if warning else "",
        )


def known_packages(chain: Toolchain) -> list[str]:
    """Return the packages with C that Go's linker takes by itself, as its source names them.

    Raises:
        LabError: this release's linker has no such list.
    """
    source = chain.goroot / "src/cmd/link/internal/ld/lib.go"
    found = KNOWN_PACKAGES.search(source.read_text()) if source.is_file() else None
    if found is None:
        raise LabError(f"The linker of Go {chain.release} has no list internalpkg in lib.go.")
    return re.findall(r'"([^"]+)"', found[1])


@dataclass(frozen=True)
class Growth:
    """What an external link of a program has more or less of than an internal one, in bytes."""

    go: str
    what: str
    internal: int
    external: int
    more: int


KINDS = {
    "DWARF": (".debug",),
    "symbols": (".symtab", ".strtab"),
    "code": (".text", ".plt", ".init", ".fini"),
    "line table": (".gopclntab",),
    "for the loader": (".dyn", ".rela", ".gnu", ".got", ".interp", ".hash"),
    "unwinding of C": (".eh_frame",),
}
"""Sections by what they are for: the beginnings of their names. A label for people, no more."""


def growth(chain: Toolchain, program: str = "hello") -> Table[Growth]:
    """Compare the two files of a program by what their bytes are for; the rows sum to the files."""
    made = built(chain, [program], ["internal", "external"])
    paths = [binary.path for binary in made.values() if binary.path]
    sums: dict[str, tuple[int, int]] = {}
    for row in diff(*(anatomy(path) for path in paths)).sections:
        kind = next((k for k, starts in KINDS.items() if row.name.startswith(starts)), "the rest")
        before, after = sums.get(kind, (0, 0))
        sums[kind] = (before + row.before, after + row.after)
    order = [*KINDS, "the rest"]
    rows = [(kind, *sums[kind]) for kind in order if kind in sums]
    return Table(Growth(chain.release, kind, a, b, b - a) for kind, a, b in rows)


@dataclass(frozen=True)
class Attempt:
    """One try to link and to run. `outcome` is "42" where all went well.

    Else it is what was printed instead, or "does not link" or "does not run" with `error`, the
    first line that says why.
    """

    needs: str
    mode: str
    outcome: str
    error: str


NEEDS = {
    "nothing": "a function of its own",
    "libc": "functions of libc",
    "threads": "a thread",
    "threadlocal": "a variable of each thread",
    "constructor": "code before main",
    "weak": "a function that may be missing",
    "atexit": "atexit",
    "lto": "-flto",
}
"""What the C code of the program `cneeds` needs of a linker, by its build tag."""


def attempts(chain: Toolchain, needs: Sequence[str] = tuple(NEEDS)) -> Table[Attempt]:
    """Link and run `cneeds` with each kind of C code, by Go's linker and by the C linker."""
    program = find_program("cneeds")
    pairs = [(need, mode) for need in needs for mode in ("internal", "external")]
    configs = [BuildConfig(mode, linkmode=mode, tags=(need,)) for need, mode in pairs]
    made = build_all([(program, config, chain) for config in configs])
    return Table(_try(NEEDS[n], m, binary) for (n, m), binary in zip(pairs, made, strict=True))


def _try(needs: str, mode: str, binary: Binary) -> Attempt:
    if binary.path is None:
        return Attempt(needs, mode, "does not link", shortened(binary.error or ""))
    status, text = run(binary.path)
    if status:
        plain = text.replace(str(binary.path), binary.program)
        return Attempt(needs, mode, "does not run", shortened(plain.strip().split("\n")[-1]))
    return Attempt(needs, mode, text.strip(), "")


def shortened(line: str) -> str:
    """Return a tool's line without folders and without its own name said twice."""
    line = re.sub(r"(?:\$WORK|/)[^\s:()]*/", "", line)
    line = re.sub(r"\b[0-9a-f]{40,}-d\(", "(", line)  # an object out of the build cache
    return re.sub(r"^(\w+): (\w+ \w+ error: )\1: ", r"\1: \2", line)


@dataclass(frozen=True)
class Forced:
    """A combination of switches that excludes itself, and what Go says of it; "builds" if not."""

    go: str
    program: str
    switches: str
    says: str


def contradictions(chain: Toolchain) -> Table[Forced]:
    """Try combinations of which one half asks for internal and the other for external linking."""
    asked = {
        "CGO_ENABLED=0 -linkmode=external": ("hello", BuildConfig(linkmode="external", cgo=False)),
        # The smallest program: all of it must be compiled anew for a shared library.
        "-buildmode=c-shared -linkmode=internal": (
            "empty",
            BuildConfig(linkmode="internal", buildmode="c-shared", cgo=True),
        ),
    }
    jobs = [(find_program(program), config, chain) for program, config in asked.values()]
    return Table(
        Forced(chain.release, binary.program, name, shortened(binary.error or "builds"))
        for name, binary in zip(asked, build_all(jobs), strict=True)
    )
