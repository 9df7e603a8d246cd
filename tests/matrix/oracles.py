"""What other tools say about a file: GNU readelf, LIEF, `go tool nm`, `go version -m`.

Each function runs one tool and returns what it printed as plain values; None where the machine
does not have the tool.
"""

import re
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from labhelpers.toolchain import toolchain

MARKS = ("runtime.text", "runtime.etext")


@dataclass(frozen=True)
class Headers:
    """What ELF headers say: sections and segments in the file's order.

    sections: name, address, offset, size; of SHT_NOBITS the size in memory. segments: type, offset,
    address, bytes in the file, bytes in memory. needed: names of libraries. relocations: how many
    of each type, by its name without the processor's.
    """

    sections: list[tuple[str, int, int, int]]
    segments: list[tuple[str, int, int, int, int]]
    needed: list[str]
    interp: str | None
    relocations: dict[str, int]


def _run(*command: str | Path) -> str:
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout


def readelf(file: Path) -> Headers | None:
    """Return what GNU readelf prints; None where there is none."""
    if not shutil.which("readelf"):
        return None
    sections = []
    for line in _run("readelf", "-SW", file).splitlines():
        # [Nr] Name Type Address Off Size …; the name may be empty
        if found := re.match(
            r"\s+\[\s*\d+\] (\S*)\s+([A-Z0-9_]+)\s+([0-9a-f]{8,}) ([0-9a-f]+) ([0-9a-f]+) ", line
        ):
            name, _, address, offset, size = found.groups()
            sections.append((name, int(address, 16), int(offset, 16), int(size, 16)))
    segments, interp = [], None
    for line in _run("readelf", "-lW", file).splitlines():
        if found := re.match(r"  ([A-Z_0-9+]+)\s+" + r"0x([0-9a-f]+)\s+" * 5, line):
            kind, *numbers = found.groups()
            offset, address, _, in_file, in_memory = (int(number, 16) for number in numbers)
            segments.append((kind, offset, address, in_file, in_memory))
        if found := re.search(r"Requesting program interpreter: (.*)\]", line):
            interp = found[1]
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", _run("readelf", "-dW", file))
    rows = re.findall(r"(?m)^[0-9a-f]+ +[0-9a-f]+ +R_X86_64_(\S+)", _run("readelf", "-rW", file))
    return Headers(sections, segments, needed, interp, Counter(rows))


def lief(file: Path) -> Headers | None:
    """Return what LIEF reads; None where it is not installed."""
    try:
        import lief as library
    except ImportError:
        return None
    parsed = library.ELF.parse(str(file))
    assert parsed is not None
    sections = [(str(s.name), s.virtual_address, s.offset, s.size) for s in parsed.sections]
    segments = [
        (s.type.name, s.file_offset, s.virtual_address, s.physical_size, s.virtual_size)
        for s in parsed.segments
    ]
    needed = [str(library) for library in parsed.libraries]
    interp = str(parsed.interpreter) if parsed.has_interpreter else None
    names = [relocation.type.name.removeprefix("X86_64_") for relocation in parsed.relocations]
    return Headers(sections, segments, needed, interp, Counter(names))


def nm(file: Path) -> list[tuple[int, str, str]]:
    """Return address, kind (T, t, D, …) and name of each symbol, as `go tool nm` prints them."""
    rows = []
    for line in _run(go_nm(), file).splitlines():
        if found := re.match(r"\s*([0-9a-f]+) (\S) (.*)$", line):
            rows.append((int(found[1], 16), found[2], found[3]))
    return rows


def go_functions(file: Path) -> list[tuple[int, str]]:
    """Return address and name of each function between `runtime.text` and `runtime.etext`.

    That is Go's own text; what lies outside came from C. Left out are the two marks themselves
    and the names that the linker gives to whole sections of C objects, such as
    "runtime/cgo(.text)". The names are those of the sources: `.abi0`, which only symbol tables
    have, is taken off.
    """
    symbols = nm(file)
    marks = {name: address for address, _, name in symbols if name in MARKS}
    first, end = (marks[name] for name in MARKS)
    return sorted(
        (address, name.removesuffix(".abi0"))
        for address, kind, name in symbols
        if kind in "Tt"
        and first <= address < end
        and name not in MARKS
        and not re.search(r"\(\.text[.\w]*\)$", name)
    )


@cache
def go_nm() -> Path:
    """Return the current release's nm, built where it does not come with the toolchain."""
    from labhelpers.paths import cache_dir

    chain = toolchain("current")
    file = cache_dir("tools") / f"nm-go{chain.release}"
    if not file.exists():
        environment = chain.environment(cgo=False)
        subprocess.run([chain.go, "build", "-o", file, "cmd/nm"], check=True, env=environment)
    return file


@dataclass(frozen=True)
class Info:
    """What `go version -m` prints. modules: path and version; settings: the `build` lines."""

    go: str
    path: str
    main: tuple[str, str]
    modules: list[tuple[str, str]]
    settings: dict[str, str]


def go_version(file: Path) -> Info:
    """Return the build info as the go command prints it."""
    chain = toolchain("current")
    text = subprocess.run(
        [chain.go, "version", "-m", file],
        check=True,
        capture_output=True,
        text=True,
        env=chain.environment(),
    ).stdout
    first, *lines = text.splitlines()
    rows = [line.strip("\t").split("\t") for line in lines]
    main = next((row for row in rows if row[0] == "mod"), ["mod", "", ""])
    return Info(
        go=first.rsplit(": go", 1)[1],
        path=next((row[1] for row in rows if row[0] == "path"), ""),
        main=(main[1], main[2]),
        modules=[(row[1], row[2]) for row in rows if row[0] == "dep"],
        settings=dict(row[1].split("=", 1) for row in rows if row[0] == "build"),
    )
