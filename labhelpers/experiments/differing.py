"""Where two builds of one source differ: by section and symbol, with the words found there.

Sections are compared as their readers see them: debugging information is inflated first, since one
other byte changes all of a compressed section (SHF_COMPRESSED, elf(5)).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from labhelpers.binary.elf import BinaryError, Elf, open_elf
from labhelpers.binary.pclntab import read_pclntab
from labhelpers.binary.relocations import relative_pointers
from labhelpers.binary.symbols import read_symbols
from labhelpers.table import Table

OUTSIDE = "(headers and padding)"
CONTEXT = 24
"""Bytes that are looked at before the first difference for the words it stands in."""


@dataclass(frozen=True)
class Difference:
    """One section that differs. `bytes` is how many do, None where its two sizes differ, too.

    `place` names the table or symbol that holds the first difference; `first` and `second` are the
    words there.
    """

    section: str
    size: int
    bytes: int | None
    place: str
    first: str
    second: str


@dataclass(frozen=True)
class Found:
    """How often a section holds some words; `what` is the words' name."""

    section: str
    what: str
    times: int


def contents(path: Path) -> dict[str, bytes]:
    """Return every section by name, inflated, and what lies in the file between them.

    Raises:
        BinaryError: it is no ELF file, or a damaged one.
    """
    with open_elf(path) as elf:
        raw = elf.read(0, elf.size)
        between = np.frombuffer(raw, np.uint8).copy()
        for section in elf.sections:
            between[section.offset : section.offset + section.file_size] = 0
        # The table of section headers moves when sizes change; it is structure, and no content.
        start, size = elf.section_headers
        between[start : start + size] = 0
    with path.open("rb") as stream:
        try:
            sections = [(s.name, s.data()) for s in ELFFile(stream).iter_sections() if s.name]
        except (ELFError, ValueError) as error:
            raise BinaryError(f"{path} is a damaged ELF file ({error}): build it again.") from error
    return {**dict(sections), OUTSIDE: between.tobytes()}


def differences(a: Path, b: Path, masked: Mapping[str, str] | None = None) -> Table[Difference]:
    """Return the sections in which two files differ, in the order of the first file.

    Args:
        a: a file.
        b: another build of the same source.
        masked: words that are not to be shown, a folder of this machine for example, each with
            what stands in its place.

    Raises:
        BinaryError: a file cannot be read.
    """
    ours, theirs = contents(a), contents(b)
    rows: Table[Difference] = Table()
    with open_elf(a) as elf:
        for name in dict.fromkeys([*ours, *theirs]):
            first, second = ours.get(name, b""), theirs.get(name, b"")
            # Where the files' sizes differ, everything behind the change has moved.
            if first == second or (name == OUTSIDE and len(first) != len(second)):
                continue
            at, count = _first_difference(first, second)
            words = (_words(text, at, masked or {}) for text in (first, second))
            rows.append(Difference(name, len(first), count, _place(elf, name, at), *words))
    return rows


def find(path: Path, wanted: Mapping[str, str]) -> Table[Found]:
    """Return in which sections of a file some words stand; `wanted` maps their names to them.

    Raises:
        BinaryError: the file cannot be read.
    """
    return Table(
        Found(section, what, times)
        for section, content in contents(path).items()
        for what, words in wanted.items()
        if (times := content.count(words.encode()))
    )


def section_names(path: Path, *prefixes: str) -> list[str]:
    """Return the names of a file's sections that begin with one of these."""
    with open_elf(path) as elf:
        return [s.name for s in elf.sections if s.name and s.name.startswith(prefixes)]


def _first_difference(first: bytes, second: bytes) -> tuple[int, int | None]:
    """Return where two contents part, and in how many bytes if their sizes are equal."""
    common = min(len(first), len(second))
    unlike = np.flatnonzero(
        np.frombuffer(first, np.uint8, common) != np.frombuffer(second, np.uint8, common)
    )
    at = int(unlike[0]) if len(unlike) else common
    return at, len(unlike) if len(first) == len(second) else None


def _words(content: bytes, at: int, masked: Mapping[str, str]) -> str:
    """Return the printable words around a byte, "" where there are none."""
    start = max(0, at - 512)
    window = content[start : at + 512]
    text = window.decode("ascii", "replace")
    around = [m for m in re.finditer(r"[ -~]{4,}", text) if m.start() <= at - start < m.end()]
    if not around:
        return ""
    found: str = around[0].group()
    for words, instead in sorted(masked.items(), key=lambda pair: -len(pair[0])):
        found = found.replace(words, instead)
    position = max(0, _shared(found, at - start - around[0].start()) - CONTEXT)
    return found if len(found) <= 3 * CONTEXT else f"…{found[position : position + 3 * CONTEXT]}…"


def _shared(found: str, position: int) -> int:
    """Return a position within words that masking may have made shorter."""
    return min(position, max(0, len(found) - CONTEXT))


def _place(elf: Elf, name: str, at: int) -> str:
    """Return the table or symbol that a byte of a section belongs to, "" where none is known."""
    section = elf.section(name)
    if section is None or not section.flags & 2:
        return ""
    if "gopclntab" in name:
        table = read_pclntab(elf, relative_pointers(elf))
        parts = table.parts if table else ()
        return next((part for part, start, end in parts if start <= at < end), "")
    symbols = read_symbols(elf)
    if symbols is None:
        return ""
    address = section.address + at
    inside = np.flatnonzero((symbols.value <= address) & (address < symbols.value + symbols.size))
    return symbols.names[int(inside[0])] if len(inside) else ""


def masks(**folders: Path | str) -> dict[str, str]:
    """Return masks that show a folder by its name: `masks(source=folder)` shows `<source>`."""
    return {str(folder): f"<{name}>" for name, folder in folders.items()}
