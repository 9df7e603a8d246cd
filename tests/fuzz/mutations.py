"""Ways to damage an ELF file: each takes its bytes and a source of chance, and returns other bytes.

The places to damage are found by a reader of its own (struct, elf(5)), in the sound file; no code
under test is used. `mutate` applies one to three of them and says what it did.
"""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

PCLNTAB = (".gopclntab", ".data.rel.ro.gopclntab")
MODULE_DATA = (".go.module", ".noptrdata")
COMPRESSED = 0x800
INTERESTING = (
    0,
    1,
    2,
    3,
    4,
    7,
    8,
    0x7F,
    0xFF,
    0xFFFF,
    0x7FFFFFFF,
    0xFFFFFFFF,
    1 << 40,
    (1 << 63) - 1,
)


@dataclass(frozen=True)
class Field:
    """A number in the file: its name, where it stands, and how many bytes it has."""

    name: str
    offset: int
    size: int


@dataclass(frozen=True)
class Part:
    """One section: where its header and its bytes stand."""

    index: int
    name: str
    type: int
    flags: int
    address: int
    offset: int
    size: int
    header: int


class Layout:
    """Where the headers of a sound ELF file stand."""

    def __init__(self, data: bytes) -> None:
        """Read them."""
        self.wide = data[4] == 2
        self.order = "<" if data[5] == 1 else ">"
        self.word = 8 if self.wide else 4
        kinds = "HHIQQQIHHHHHH" if self.wide else "HHIIIIIHHHHHH"
        names = (
            "type machine version entry phoff shoff flags ehsize phentsize phnum shentsize shnum"
        )
        self.header = self.fields("e_", 16, kinds, [*names.split(), "shstrndx"])
        self.values = struct.unpack_from(self.order + kinds, data, 16)
        _, _, _, _, phoff, shoff, _, _, self.phentsize, phnum, self.shentsize, shnum, strings = (
            self.values
        )
        self.segments = [phoff + i * self.phentsize for i in range(phnum)]
        headers = [shoff + i * self.shentsize for i in range(shnum)]
        sections = [self.section(data, at) for at in headers]
        _, _, _, _, names_at, names_size = sections[strings][:6] if sections else (0,) * 6
        names_blob = data[names_at : names_at + names_size]
        self.parts = [
            Part(
                index=index,
                name=names_blob[s[0] : names_blob.find(b"\0", s[0])].decode("latin-1"),
                type=s[1],
                flags=s[2],
                address=s[3],
                offset=s[4],
                size=0 if s[1] in (0, 8) else s[5],
                header=headers[index],
            )
            for index, s in enumerate(sections)
        ]

    def section(self, data: bytes, at: int) -> tuple[int, ...]:
        """Return the numbers of a section header."""
        return struct.unpack_from(self.order + ("IIQQQQIIQQ" if self.wide else "10I"), data, at)

    def fields(self, prefix: str, at: int, kinds: str, names: list[str]) -> list[Field]:
        """Return the fields of a structure at an offset."""
        found = []
        for name, kind in zip(names, kinds, strict=True):
            size = struct.calcsize("<" + kind)
            found.append(Field(prefix + name, at, size))
            at += size
        return found

    def section_fields(self, part: Part) -> list[Field]:
        """Return the fields of a section header."""
        names = ["name", "type", "flags", "addr", "offset", "size", "link", "info"]
        names += ["addralign", "entsize"]
        kinds = "IIQQQQIIQQ" if self.wide else "I" * 10
        return self.fields(f"{part.name} sh_", part.header, kinds, names)

    def segment_fields(self, at: int) -> list[Field]:
        """Return the fields of a program header."""
        if self.wide:
            names = ["type", "flags", "offset", "vaddr", "paddr", "filesz", "memsz", "align"]
            return self.fields("p_", at, "IIQQQQQQ", names)
        names = ["type", "offset", "vaddr", "paddr", "filesz", "memsz", "flags", "align"]
        return self.fields("p_", at, "I" * 8, names)

    def named(self, *names: str) -> list[Part]:
        """Return the sections of these names that have bytes."""
        return [part for part in self.parts if part.name in names and part.size]

    def typed(self, *types: int) -> list[Part]:
        """Return the sections of these types that have bytes."""
        return [part for part in self.parts if part.type in types and part.size]


@dataclass
class Damage:
    """A file under damage, with what was done to it."""

    data: bytearray
    layout: Layout
    chance: Random
    done: list[str]

    def number(self, field: Field) -> int:
        """Return a value for a field: an extreme one, one near the old one, or any."""
        old = self.get(field)
        size = len(self.data)
        choices = (
            lambda: self.chance.choice(INTERESTING),
            lambda: old + self.chance.choice((-8, -1, 1, 8)),
            lambda: old ^ (1 << self.chance.randrange(8 * field.size)),
            lambda: size - self.chance.choice((0, 1, 8, 64, 4096)),
            lambda: self.chance.randrange(max(1, size)),
            lambda: -self.chance.choice((1, 8, 4096)),
            lambda: old * self.chance.choice((2, 16, 1000)),
        )
        return self.chance.choice(choices)()

    def get(self, field: Field) -> int:
        """Return a field's value, 0 outside of the file."""
        raw = bytes(self.data[field.offset : field.offset + field.size])
        return int.from_bytes(raw, "little" if self.layout.order == "<" else "big")

    def put(self, field: Field, value: int) -> None:
        """Write a field, if it is in the file; what is too large is cut to its bytes."""
        if 0 <= field.offset <= len(self.data) - field.size:
            value %= 1 << (8 * field.size)
            order = "little" if self.layout.order == "<" else "big"
            self.data[field.offset : field.offset + field.size] = value.to_bytes(
                field.size, "little" if order == "little" else "big"
            )
            self.done.append(f"{field.name} := {value:#x}")

    def spoil(self, field: Field) -> None:
        """Write an odd value into a field."""
        self.put(field, self.number(field))

    def pick(self, parts: list[Part]) -> Part | None:
        """Return one of the sections, None where there are none."""
        return self.chance.choice(parts) if parts else None

    def cell(self, part: Part, size: int, within: int | None = None) -> Field:
        """Return any aligned number of a section, or of its first `within` bytes."""
        count = max(1, min(part.size, within or part.size) // size)
        at = self.chance.randrange(count) * size
        return Field(f"{part.name}+{at:#x}", part.offset + at, size)

    def replace(self, part: Part, content: bytes, compressed: bool | None = None) -> None:
        """Append new bytes for a section to the file and let its header name them."""
        fields = {
            field.name.rpartition("_")[2]: field for field in self.layout.section_fields(part)
        }
        self.put(fields["offset"], len(self.data))
        self.put(fields["size"], len(content))
        if compressed is not None:
            flags = self.get(fields["flags"]) & ~COMPRESSED
            self.put(fields["flags"], flags | (COMPRESSED if compressed else 0))
        self.data += content


def truncate(damage: Damage) -> None:
    """Cut the file anywhere, or near where a section begins or ends."""
    chance, size = damage.chance, len(damage.data)
    edges = [part.offset + at for part in damage.layout.parts for at in (0, part.size)]
    near = chance.choice(edges or [size]) + chance.choice((-1, 0, 1, 5))
    at = max(0, min(size, chance.choice((near, chance.randrange(size + 1), chance.randrange(300)))))
    del damage.data[at:]
    damage.done.append(f"truncated to {at}")


def flip_bits(damage: Damage) -> None:
    """Flip bits anywhere, or in one section, or in the first 4 KB."""
    chance, size = damage.chance, len(damage.data)
    part = damage.pick([part for part in damage.layout.parts if part.size])
    start, length = chance.choice(
        [(0, size), (0, min(size, 4096)), (part.offset, part.size) if part else (0, size)]
    )
    for _ in range(chance.choice((1, 2, 8, 64))):
        at = start + chance.randrange(max(1, length))
        if at < size:
            damage.data[at] ^= 1 << chance.randrange(8)
    damage.done.append(f"bits flipped in {start:#x}+{length:#x}")


def file_header(damage: Damage) -> None:
    """Spoil a field of the ELF header, or one of its first bytes (class, order, version)."""
    if damage.chance.random() < 0.2:
        at = damage.chance.choice((4, 5, 6, 7))
        damage.put(Field(f"e_ident[{at}]", at, 1), damage.chance.choice((0, 1, 2, 3, 255)))
    else:
        damage.spoil(damage.chance.choice(damage.layout.header))


def section_header(damage: Damage) -> None:
    """Spoil fields of a section header."""
    if part := damage.pick(damage.layout.parts):
        for _ in range(damage.chance.choice((1, 1, 2))):
            damage.spoil(damage.chance.choice(damage.layout.section_fields(part)))


def swap_sections(damage: Damage) -> None:
    """Give a section the header, the name or the bytes of another one."""
    chance, layout = damage.chance, damage.layout
    if len(layout.parts) < 2:
        return
    one, other = chance.sample(layout.parts, 2)
    size = layout.shentsize
    whole = bytes(damage.data[other.header : other.header + size])
    match chance.choice(("header", "name", "bytes")):
        case "header":
            damage.data[one.header : one.header + size] = whole
        case "name":
            damage.data[one.header : one.header + 4] = whole[:4]
        case "bytes":
            content = bytes(damage.data[other.offset : other.offset + min(one.size, other.size)])
            damage.data[one.offset : one.offset + len(content)] = content
    damage.done.append(f"{one.name} got of {other.name}")


def section_name(damage: Damage) -> None:
    """Rename a section to one that Go's own tables have."""
    names = (b".gopclntab", b".text", b".symtab", b".strtab", b".debug_info", b".go.buildinfo", b"")
    part = damage.pick(damage.layout.parts)
    blob = damage.pick(damage.layout.named(".shstrtab"))
    if part and blob and part.name:
        at = damage.data.find(part.name.encode() + b"\0", blob.offset)
        name = damage.chance.choice(names)
        damage.data[at : at + len(name) + 1] = name + b"\0"
        damage.done.append(f"{part.name} renamed to {name.decode()}")


def program_header(damage: Damage) -> None:
    """Spoil a field of a program header."""
    if damage.layout.segments:
        at = damage.chance.choice(damage.layout.segments)
        damage.spoil(damage.chance.choice(damage.layout.segment_fields(at)))


def compression_header(damage: Damage) -> None:
    """Spoil the header of a compressed section, or claim that a section is compressed."""
    chance, layout = damage.chance, damage.layout
    packed = [part for part in layout.parts if part.flags & COMPRESSED and part.size]
    part = damage.pick(packed if packed and chance.random() < 0.8 else layout.parts)
    if part is None:
        return
    if not part.flags & COMPRESSED:
        flags = layout.section_fields(part)[2]
        damage.put(flags, damage.get(flags) | COMPRESSED)
    kinds, names = ("IIQQ", ["type", "reserved", "size", "addralign"])
    if not layout.wide:
        kinds, names = ("III", ["type", "size", "addralign"])
    damage.spoil(chance.choice(layout.fields(f"{part.name} ch_", part.offset, kinds, names)))


def pclntab(damage: Damage) -> None:
    """Spoil the header of .gopclntab, an entry of its table of functions, or any word of it."""
    chance, layout = damage.chance, damage.layout
    if not (part := damage.pick(layout.named(*PCLNTAB))):
        return
    match chance.choice(("magic", "header", "functab", "any")):
        case "magic":
            at = chance.choice((0, 4, 5, 6, 7))
            values = (0, 1, 4, 8, 0xF0, 0xF1, 0xF2, 0xFA, 0xFB, 255)
            damage.put(Field(f"pclntab[{at}]", part.offset + at, 1), chance.choice(values))
        case "header":
            word = chance.randrange(8)
            at = part.offset + 8 + word * layout.word
            damage.spoil(Field(f"pclntab word {word}", at, layout.word))
        case "functab":
            last = Field("pclnOffset", part.offset + 8 + 7 * layout.word, layout.word)
            count = damage.get(Field("nfunc", part.offset + 8, layout.word))
            entry = chance.choice((0, 1, count - 1, count, chance.randrange(max(1, count))))
            at = part.offset + damage.get(last) + 8 * entry + chance.choice((0, 4))
            damage.spoil(Field(f"functab entry {entry}", at, 4))
        case _:
            for _ in range(chance.choice((1, 16))):
                damage.spoil(damage.cell(part, 4))


def module_data(damage: Damage) -> None:
    """Spoil words of the section that holds the runtime's module data."""
    if part := damage.pick(damage.layout.named(*MODULE_DATA)):
        for _ in range(damage.chance.choice((1, 4, 32))):
            damage.spoil(damage.cell(part, damage.layout.word, within=1 << 12))


def symbols(damage: Damage) -> None:
    """Spoil fields of symbols, or the names that they refer to."""
    chance, layout = damage.chance, damage.layout
    if not (part := damage.pick(layout.typed(2, 11))):
        return
    if chance.random() < 0.2 and (names := damage.pick(layout.named(".strtab", ".dynstr"))):
        for _ in range(16):
            damage.put(damage.cell(names, 1), chance.choice((0, 0x2E, 0x2F, 0x5B, 0xFF)))
        return
    kinds = "IBBHQQ" if layout.wide else "IIIBBH"
    names_of = (
        "name info other shndx value size" if layout.wide else "name value size info other shndx"
    )
    each = struct.calcsize("<" + kinds)
    for _ in range(chance.choice((1, 8, 100))):
        at = part.offset + each * chance.randrange(max(1, part.size // each))
        damage.spoil(chance.choice(layout.fields("st_", at, kinds, names_of.split())))


def notes(damage: Damage) -> None:
    """Spoil the sizes or the kind of a note."""
    if part := damage.pick(damage.layout.typed(7)):
        names = ["namesz", "descsz", "type"]
        fields = damage.layout.fields(f"{part.name} n_", part.offset, "III", names)
        damage.spoil(damage.chance.choice(fields))


def dynamic(damage: Damage) -> None:
    """Spoil entries of the dynamic section."""
    if part := damage.pick(damage.layout.typed(6)):
        for _ in range(damage.chance.choice((1, 4))):
            damage.spoil(damage.cell(part, damage.layout.word))


def relocations(damage: Damage) -> None:
    """Spoil relocations."""
    if part := damage.pick(damage.layout.typed(4, 9)):
        for _ in range(damage.chance.choice((1, 100))):
            damage.spoil(damage.cell(part, damage.layout.word))


def build_info(damage: Damage) -> None:
    """Spoil the build info: its flags, its lengths, or its text."""
    if part := damage.pick(damage.layout.named(".go.buildinfo")):
        at = damage.chance.choice((14, 15, 16, 24, 32, 33, 34, damage.chance.randrange(part.size)))
        damage.spoil(Field(f"buildinfo[{at}]", part.offset + at, 1))


def dwarf(damage: Damage) -> None:
    """Spoil DWARF under its compression, and compress it again."""
    chance, layout = damage.chance, damage.layout
    names = (".debug_info", ".debug_abbrev", ".debug_line", ".debug_str", ".debug_line_str")
    if not (part := damage.pick(layout.named(*names))):
        return
    header = 24 if layout.wide else 12
    content = bytearray(damage.data[part.offset : part.offset + part.size])
    if part.flags & COMPRESSED:
        try:
            content = bytearray(zlib.decompress(bytes(content[header:])))
        except zlib.error:
            return  # damaged before
    if not content:
        return
    inner = Damage(content, layout, chance, damage.done)
    for _ in range(chance.choice((1, 4, 64))):
        at = chance.choice((0, 4, 6, 7, 8, 11, 12, 13, chance.randrange(len(content))))
        inner.spoil(Field(f"{part.name}[{at:#x}]", at, chance.choice((1, 2, 4))))
    damage.replace(part, packed(layout, bytes(content), len(content)), compressed=True)


def bomb(damage: Damage) -> None:
    """Put a compressed stream of very many zeros in the place of DWARF, honest or not about it."""
    chance, layout = damage.chance, damage.layout
    parts = [part for part in layout.parts if part.name.startswith(".debug_")] or layout.parts
    if part := damage.pick(parts):
        claim = chance.choice((0, 100, BOMB_SIZE, 100 << 30))
        content = with_header(layout, BOMB, claim)
        damage.replace(part, content, compressed=True)


def packed(layout: Layout, content: bytes, claim: int) -> bytes:
    """Return a compressed section: header (elf(5), Elf64_Chdr) and zlib stream."""
    return with_header(layout, zlib.compress(content, 1), claim)


def with_header(layout: Layout, stream: bytes, claim: int) -> bytes:
    """Return a zlib stream behind a header that claims so many bytes."""
    if layout.wide:
        return struct.pack(layout.order + "IIQQ", 1, 0, claim, 1) + stream
    return struct.pack(layout.order + "III", 1, claim % (1 << 32), 1) + stream


def zeros(size: int) -> bytes:
    """Return a zlib stream of so many zeros, made piece by piece."""
    squeezer = zlib.compressobj(9)
    piece = bytes(1 << 20)
    return b"".join([squeezer.compress(piece) for _ in range(size >> 20)] + [squeezer.flush()])


BOMB_SIZE = 256 << 20
BOMB = zeros(BOMB_SIZE)
"""256 MB of zeros in some 250 KB."""

MUTATIONS: tuple[Callable[[Damage], None], ...] = (
    *(truncate, flip_bits, file_header, section_header, section_header, swap_sections),
    *(section_name, program_header, compression_header, pclntab, pclntab, module_data, symbols),
    *(notes, dynamic, relocations, build_info, dwarf, dwarf, bomb),
)


def mutate(data: bytes, layout: Layout, chance: Random) -> tuple[bytes, list[str]]:
    """Return damaged bytes, and what was done to them."""
    damage = Damage(bytearray(data), layout, chance, [])
    for _ in range(chance.choice((1, 1, 2, 3))):
        chance.choice(MUTATIONS)(damage)
    return bytes(damage.data), damage.done
