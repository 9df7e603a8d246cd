"""What the linker wrote over each relocation of an object file, computed again by hand.

An object file leaves a gap wherever an instruction needs an address that is not known yet, and a
relocation says how to fill it: with S + A − P, seen from the instruction, or with S + A, where S is
the symbol's address, A the addend, P the gap's own address (System V ABI, AMD64 supplement, 4.4).
"""

import platform
import struct
from dataclasses import dataclass
from pathlib import Path

from labhelpers.binary.elf import BinaryError, Elf, Section, open_elf
from labhelpers.binary.symbols import FUNCTION, OBJECT, SECTION, Symbols, read_symbols
from labhelpers.table import Table

RELATIVE = "S + A − P"
ABSOLUTE = "S + A"
TYPES = {
    1: ("R_X86_64_64", ABSOLUTE, "<q"),
    2: ("R_X86_64_PC32", RELATIVE, "<i"),
    4: ("R_X86_64_PLT32", RELATIVE, "<i"),
    9: ("R_X86_64_GOTPCREL", RELATIVE, "<i"),
    10: ("R_X86_64_32", ABSOLUTE, "<I"),
    11: ("R_X86_64_32S", ABSOLUTE, "<i"),
    41: ("R_X86_64_GOTPCRELX", RELATIVE, "<i"),
    42: ("R_X86_64_REX_GOTPCRELX", RELATIVE, "<i"),
}
"""Number → name, formula and form of the field. The last two name a slot of the GOT; a linker that
knows the address puts it there itself and needs no slot, and then the formula is the same."""


@dataclass(frozen=True)
class Symbol:
    """A symbol of a small file: `section` is empty where it is undefined."""

    name: str
    kind: str
    section: str
    value: int
    size: int


@dataclass(frozen=True)
class Patch:
    """One relocation and what became of it in a linked file.

    `offset` counts bytes within .text of the object file; `s`, `a`, `p` are those of the formula.
    `computed` and `found` are the field as a number, `before` and `after` its bytes. `s` and
    `computed` are None where the linked file's symbol table does not name the place, as with the
    text of a string, or where the symbol comes from a library at run time.
    """

    offset: int
    type: str
    symbol: str
    formula: str
    before: str
    after: str
    s: int | None
    a: int
    p: int
    computed: int | None
    found: int
    leads_to: str

    @property
    def equal(self) -> bool | None:
        """Whether the file holds what the formula gives; None where it cannot be computed."""
        return None if self.computed is None else self.computed == self.found


def impossible() -> str | None:
    """Return why no program made on this machine can be read here, in a sentence; None: it can."""
    machine = platform.machine()
    if machine == "x86_64":
        return None
    return f"The formulas are those of x86-64, and this machine is {machine}."


def symbols(path: Path) -> Table[Symbol]:
    """Return the named symbols of a small file, those of sections and files left out.

    Raises:
        BinaryError: it is no ELF file, or has no symbol table.
    """
    with open_elf(path) as elf:
        table = _symbols(elf)
        rows = zip(
            table.names,
            table.kind.tolist(),
            table.section.tolist(),
            table.value.tolist(),
            table.size.tolist(),
            strict=True,
        )
        words = {FUNCTION: "function", OBJECT: "object"}
        return Table(
            Symbol(name, words.get(kind, "none"), _section_name(elf, section), value, size)
            for name, kind, section, value, size in rows
            if name and kind < SECTION
        )


def patches(object_file: Path, linked: Path, anchor: str = "main") -> Table[Patch]:
    """Return what became of every relocation of an object file's .text.

    Args:
        object_file: what the compiler made.
        linked: a program or library that it was linked into.
        anchor: a function of the object file; where it is now says where its whole .text is.

    Raises:
        BinaryError: not ELF, not x86-64, stripped, or one was not linked into the other.
    """
    with open_elf(object_file) as before, open_elf(linked) as after:
        for elf in (before, after):
            if elf.machine != "EM_X86_64":
                raise BinaryError(f"{elf.path} is for {elf.machine}: these formulas are x86-64's.")
        old, new = _symbols(before), _symbols(after)
        text, rela = before.section(".text"), before.section(".rela.text")
        start, place = _defined(old, anchor), _defined(new, anchor)
        if text is None or rela is None or start is None or not place:
            raise BinaryError(f"{object_file} has no function {anchor} that is in {linked}, too.")
        base = place - start
        raw = before.content(text)
        raw_entries = before.content(rela)
        entries = struct.iter_unpack("<QQq", raw_entries[: len(raw_entries) // 24 * 24])
        return Table(_patch(before, old, after, new, raw, base, entry) for entry in sorted(entries))


def text_bytes(object_file: Path, linked: Path, anchor: str = "main") -> tuple[bytes, bytes]:
    """Return the same instructions before and after linking: .text of the object file.

    Raises:
        BinaryError: as `patches`.
    """
    with open_elf(object_file) as before, open_elf(linked) as after:
        text = before.section(".text")
        start, place = _defined(_symbols(before), anchor), _defined(_symbols(after), anchor)
        if text is None or start is None or not place:
            raise BinaryError(f"{object_file} has no function {anchor} that is in {linked}, too.")
        return before.content(text), _at(after, place - start, text.size)


def _patch(
    before: Elf,
    old: Symbols,
    after: Elf,
    new: Symbols,
    raw: bytes,
    base: int,
    entry: tuple[int, ...],
) -> Patch:
    offset, info, addend = entry
    number, index = info & 0xFFFFFFFF, info >> 32
    if number not in TYPES:
        raise BinaryError(f"{before.path} has a relocation of type {number}, which is not known.")
    type_name, formula, form = TYPES[number]
    width = struct.calcsize(form)
    if index >= len(old) or offset + width > len(raw):
        raise BinaryError(f"{before.path} is damaged: a relocation names what is not there.")
    p = base + offset
    field = _at(after, p, width)
    (found,) = struct.unpack(form, field)
    target = found - addend + (p if formula == RELATIVE else 0)
    name = old.names[index] or _section_name(before, int(old.section[index]))
    s = _defined(new, name) if name and int(old.kind[index]) < SECTION else None
    computed = None if s is None else s + addend - (p if formula == RELATIVE else 0)
    return Patch(
        offset=offset,
        type=type_name,
        symbol=name,
        formula=formula,
        before=raw[offset : offset + width].hex(" "),
        after=field.hex(" "),
        s=s,
        a=addend,
        p=p,
        computed=computed,
        found=found,
        leads_to=name if s == target else _what_is_at(after, new, target),
    )


def _defined(table: Symbols, name: str) -> int | None:
    """Return the address of a symbol that this file defines."""
    for index, own in enumerate(table.names):
        if own == name and table.section[index]:
            return int(table.value[index])
    return None


def _what_is_at(elf: Elf, table: Symbols, address: int) -> str:
    """Say in words what lies at an address: a symbol, a text, or the section."""
    for index, value in enumerate(table.value.tolist()):
        if value == address and table.section[index] and table.kind[index] in (OBJECT, FUNCTION):
            return table.names[index]
    section = elf.section_at(address)
    if section is None:
        return "nothing"
    if section.name.startswith(".rodata"):
        text = _at(elf, address, 24).partition(b"\0")[0]
        if text.isascii():
            return f"{section.name}: {text.decode()!r}"
    return section.name


def _at(elf: Elf, address: int, size: int) -> bytes:
    offset = elf.offset_of(address)
    if offset is None:
        raise BinaryError(f"{elf.path} loads nothing at {address:#x}.")
    return elf.read(offset, min(size, elf.size - offset))


def _symbols(elf: Elf) -> Symbols:
    table = read_symbols(elf)
    if table is None:
        raise BinaryError(f"{elf.path} has no symbol table: build it without strip or -s.")
    return table


def _section_name(elf: Elf, index: int) -> str:
    sections: tuple[Section, ...] = elf.sections
    if not index:
        return ""
    return sections[index].name if index < len(sections) else "absolute"
