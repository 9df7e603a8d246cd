"""The ways to leave symbols and debugging information out of a file: the linker's, and strip's.

The linker's switches are those of `go tool link` (cmd/link/internal/ld/main.go: since Go 1.22 `-s`
implies `-w`, unless `-w=0` stands beside it); strip(1) and objcopy(1) work on a file that is built.
"""

import lzma
import shutil
import subprocess
import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from elftools.elf.elffile import ELFFile

from labhelpers.binary.elf import Elf, open_elf
from labhelpers.build import Binary, BuildConfig, build_all
from labhelpers.errors import LabError
from labhelpers.paths import cache_dir, unwritable
from labhelpers.programs import Program
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain

VERSION = "1.2.3"
"""What the linker writes into the variable main.version of selfnames (-X)."""


@dataclass(frozen=True)
class Way:
    """How a file loses symbols: switches for the linker, then a command for the finished file."""

    name: str
    ldflags: str = ""
    tool: tuple[str, ...] = ()


LINKED = (
    Way("default"),
    Way("-s", "-s"),
    Way("-w", "-w"),
    Way("-s -w", "-s -w"),
    Way("-s -w=0", "-s -w=0"),
)
TOOLED = (
    Way("strip -s", tool=("strip", "-s")),
    Way("strip --strip-unneeded", tool=("strip", "--strip-unneeded")),
    Way("objcopy --strip-all", tool=("objcopy", "--strip-all")),
    Way("strip -g", tool=("strip", "-g")),
)
GROUPS = ("code", "data", "line table", "symbols", "DWARF", "other")
"""What a section's bytes are for. "line table" is Go's own: .gopclntab, with names and lines."""


@dataclass(frozen=True)
class Stripped:
    """A file made in one way: its size in bytes and its SHA-256."""

    program: str
    go: str
    way: str
    bytes: int
    sha256: str
    path: Path


@dataclass(frozen=True)
class Size:
    """A file's bytes by what they are for; `change` is against the default, in per cent.

    The groups sum to `bytes`.
    """

    program: str
    go: str
    way: str
    bytes: int
    change: float
    code: int
    data: int
    line_table: int
    symbols: int
    dwarf: int
    other: int


@dataclass(frozen=True)
class Kept:
    """The bytes of the sections that are all about names; "–" where a file has no such section.

    `debug` is the sum of all that are called .debug_*, `dwarf` the version of their format.
    """

    go: str
    way: str
    gosymtab: int | str
    gopclntab: int | str
    symtab: int | str
    strtab: int | str
    debug: int | str
    dwarf: int | str


@dataclass(frozen=True)
class Difference:
    """How many bytes of a section differ between two files; `only_in` where but one has it."""

    section: str
    bytes: int
    only_in: str = ""


@dataclass(frozen=True)
class Compressed:
    """A file's size in bytes, plain and compressed: by gzip as container images are, and by xz."""

    way: str
    bytes: int
    gzip: int
    xz: int


def tools_missing() -> str | None:
    """Say why strip and objcopy cannot be tried here, None where they can."""
    missing = [tool for tool in ("strip", "objcopy") if shutil.which(tool) is None]
    if not missing:
        return None
    return f"This machine has no {' and no '.join(missing)} (the package binutils has them)."


def make(program: Program, toolchain: Toolchain, ways: Sequence[Way] = LINKED) -> Table[Stripped]:
    """Build a program in every way given.

    cgo is off, so that no C compiler has a hand in the bytes, and selfnames is told its version.

    Raises:
        LabError: a build fails, or a tool is missing or fails.
    """
    told = f"-X=main.version={VERSION}" if program.name == "selfnames" else ""
    configs = [
        BuildConfig(way.name, ldflags=" ".join(filter(None, [way.ldflags, told])), cgo=False)
        for way in ways
    ]
    built = build_all([(program, config, toolchain) for config in configs])
    return Table(finish(binary, way) for binary, way in zip(built, ways, strict=True))


def finish(binary: Binary, way: Way) -> Stripped:
    """Run a way's command on a built file, a copy of it in the cache, and return what there is.

    Raises:
        LabError: the build failed, or the command is missing or fails.
    """
    if binary.path is None:
        raise LabError(f"{binary.program} does not build with {way.name}: {binary.error}")
    path = apply(way.tool, binary.path) if way.tool else binary.path
    content = path.read_bytes()
    digest = sha256(content).hexdigest()
    return Stripped(binary.program, binary.go, way.name, len(content), digest, path)


def apply(tool: Sequence[str], original: Path) -> Path:
    """Run strip or objcopy on a copy of a file; the copy stays in the cache.

    Raises:
        LabError: there is no such command, or it fails.
    """
    command = shutil.which(tool[0])
    if command is None:
        raise LabError(f"There is no {tool[0]} on this machine: install the package binutils.")
    parts = [sha256(original.read_bytes()).hexdigest(), *tool, version_of(command)]
    name = sha256("\0".join(parts).encode()).hexdigest()[:24]
    place = cache_dir("stripped", f"{original.name}-{name}") / original.name
    if place.is_file():
        return place
    try:
        with tempfile.TemporaryDirectory(dir=place.parent) as folder:
            copy = Path(folder) / original.name
            shutil.copy(original, copy)
            done = subprocess.run([command, *tool[1:], copy], capture_output=True, text=True)
            if done.returncode:
                raise LabError(f"{' '.join(tool)} failed on {original}: {done.stderr.strip()}")
            copy.rename(place)
    except OSError as error:
        raise unwritable(place.parent, error.strerror or error) from error
    return place


def version_of(command: str) -> str:
    """Return the first line of what a tool says of its version."""
    said = subprocess.run([command, "--version"], capture_output=True, text=True).stdout
    return said.partition("\n")[0]


def group_of(section: str, executable: bool, loaded: bool) -> str:
    """Return the group of `GROUPS` that a section belongs to."""
    if section.endswith(".gopclntab"):
        return "line table"
    if section in (".symtab", ".strtab"):
        return "symbols"
    if section.startswith((".debug_", ".zdebug_")):
        return "DWARF"
    if executable:
        return "code"
    return "data" if loaded else "other"


def section_groups(elf: Elf) -> list[tuple[int, int, str]]:
    """Return where each section lies in the file, in order: offset, bytes, group."""
    found = [
        (s.offset, s.file_size, group_of(s.name, s.executable, s.memory_size > 0))
        for s in elf.sections
        if s.file_size
    ]
    return sorted(found)


def sizes(files: Sequence[Stripped]) -> Table[Size]:
    """Return every file's bytes by group, and its change against its program's first file.

    Headers and padding count as "other".
    """
    first: dict[tuple[str, str], int] = {}
    for file in files:
        first.setdefault((file.program, file.go), file.bytes)
    return Table(size_of(file, first[file.program, file.go]) for file in files)


def size_of(file: Stripped, baseline: int) -> Size:
    """Return one file's bytes by group, and its change against a size."""
    sums = dict.fromkeys(GROUPS, 0)
    with open_elf(file.path) as elf:
        for _, size, group in section_groups(elf):
            sums[group] += size
    sums["other"] += file.bytes - sum(sums.values())
    change = round((file.bytes / baseline - 1) * 100, 1)
    return Size(file.program, file.go, file.way, file.bytes, change, *sums.values())


def kept(files: Sequence[Stripped]) -> Table[Kept]:
    """Return which of the sections about names every file has."""
    return Table(kept_in(file) for file in files)


def kept_in(file: Stripped) -> Kept:
    """Return which of the sections about names one file has."""
    with open_elf(file.path) as elf:
        own: dict[str, int | str] = {s.name: s.file_size for s in elf.sections}
        dwarf = [s.file_size for s in elf.sections if s.name.startswith((".debug_", ".zdebug_"))]
    return Kept(
        go=file.go,
        way=file.way,
        gosymtab=own.get(".gosymtab", "–"),
        gopclntab=own.get(".gopclntab", "–"),
        symtab=own.get(".symtab", "–"),
        strtab=own.get(".strtab", "–"),
        debug=sum(dwarf) or "–",
        dwarf=dwarf_version(file.path) or "–",
    )


def dwarf_version(path: Path) -> int | None:
    """Return the version in the first unit's header (DWARF 5, section 7.5.1), None without one."""
    with path.open("rb") as stream:
        parser = ELFFile(stream)
        if not parser.has_dwarf_info():
            return None
        units = parser.get_dwarf_info().iter_CUs()
        return next((int(unit["version"]) for unit in units), None)


def in_line_table(path: Path, names: Sequence[str]) -> dict[str, bool]:
    """Return which functions' names stand in a file's .gopclntab, those of inlined ones included.

    Raises:
        LabError: the file has no such table, so it is no Go program.
    """
    with open_elf(path) as elf:
        table = elf.section(".gopclntab", ".data.rel.ro.gopclntab")
        if table is None:
            raise LabError(f"{path} has no .gopclntab: name a Go program.")
        content = elf.content(table)
    return {name: f"\0{name}\0".encode() in content for name in names}


def differences(a: Path, b: Path) -> Table[Difference]:
    """Compare two files section by section; return those that differ, in the order of `a`."""
    with open_elf(a) as first, open_elf(b) as second:
        own = {s.name: first.content(s) for s in first.sections if s.file_size}
        other = {s.name: second.content(s) for s in second.sections if s.file_size}
    rows: Table[Difference] = Table()
    for name, content in own.items():
        if name not in other:
            rows.append(Difference(name, len(content), "first"))
        elif count := different_bytes(content, other[name]):
            rows.append(Difference(name, count))
    rows.extend(
        Difference(name, len(text), "second") for name, text in other.items() if name not in own
    )
    return rows


def different_bytes(a: bytes, b: bytes) -> int:
    """Return how many bytes differ; what one is longer counts as well."""
    common = min(len(a), len(b))
    left, right = (np.frombuffer(text, np.uint8, common) for text in (a, b))
    return int(np.count_nonzero(left != right)) + abs(len(a) - len(b))


def compressed(files: Sequence[Stripped]) -> Table[Compressed]:
    """Compress every file as an image or a package does: gzip level 6, xz level 6."""
    rows: Table[Compressed] = Table()
    for file in files:
        content = file.path.read_bytes()
        packer = zlib.compressobj(6, zlib.DEFLATED, 31)
        gzip = len(packer.compress(content)) + len(packer.flush())
        rows.append(Compressed(file.way, file.bytes, gzip, len(lzma.compress(content, preset=6))))
    return rows
