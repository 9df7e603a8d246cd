"""Go's type descriptors: where they are, and the package whose type each describes.

Descriptors have no symbols. They are reached from those that the linker lists (typelinks and
itablinks; since Go 1.27 by standing first) by following their pointers; what is reached only from
code stays unknown. Layout: Go's internal/abi/type.go and map*.go, runtime/type.go.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labhelpers.binary.cover import Stretches, Words, joined, one, stretches
from labhelpers.binary.elf import BinaryError, Elf, Section
from labhelpers.binary.moduledata import ModuleData
from labhelpers.binary.owners import UNNAMED, WHOLE
from labhelpers.binary.relocations import Pointers, loaded
from labhelpers.binary.symbols import Flags, Ints

ARRAY, CHAN, FUNC, INTERFACE, MAP, POINTER, SLICE, STRING, STRUCT, UNSAFE = range(17, 27)
KIND_MASK = 31
UNCOMMON = 1
"""The flag (TFlagUncommon) of types that have a package or methods."""
MOST_REFERENCES = 1 << 26
"""More references than a real file has; only damaged descriptors claim them."""
HEAD, UNCOMMON_SIZE, METHOD, FIELD = 48, 16, 16, 24
BASE = {ARRAY: 72, CHAN: 64, FUNC: 56, INTERFACE: 80, POINTER: 56, SLICE: 56, STRUCT: 80}
MAP_BASES = (136, 112, 88)
"""Sizes of a map's descriptor: Go 1.27, Go 1.24 to 1.26, and before."""
ELEMENT = 48
"""Where arrays, channels, pointers and slices point to their element."""


@dataclass(frozen=True)
class Image:
    """A section with type descriptors as it is in memory; `base` is its address."""

    section: Section
    content: npt.NDArray[np.uint8]
    base: int
    types: int
    order: str
    map_base: int

    def number(self, at: Ints, width: int) -> Ints:
        """Return numbers of 1, 2, 4 or 8 bytes at offsets that are inside, and aligned."""
        kind = f"{self.order}{'i' if width > 2 else 'u'}{width}"
        whole = self.content[: len(self.content) - len(self.content) % width].view(kind)
        numbers: Ints = whole[at // width].astype(np.int64)
        return numbers

    def holds(self, at: Ints, size: Ints | int = HEAD) -> Flags:
        """Say of each offset whether so many bytes from there are inside."""
        return (at >= 0) & (size >= 0) & (at + size <= len(self.content))


@dataclass(frozen=True)
class Descriptors:
    """Descriptors by offset in their section; the arrays have one entry each."""

    at: Ints
    kind: Ints
    base: Ints
    uncommon: Ints
    count: Ints
    end: Ints


def type_stretches(
    elf: Elf, module: ModuleData, pointers: Pointers, words: Words
) -> tuple[Section | None, Stretches]:
    """Return the section with the type descriptors, and the package of each; 64-bit files only."""
    nothing = np.empty(0, np.int64)
    section = elf.section_at(module.types)
    if section is None or elf.word != 8:
        return None, stretches(nothing, nothing)
    content = np.frombuffer(loaded(elf, section, pointers), np.uint8)
    best: tuple[Image, Descriptors] | None = None
    for map_base in MAP_BASES[:1] if module.descriptors else MAP_BASES[1:]:
        image = Image(section, content, section.address, module.types, elf.order, map_base)
        listed = module.descriptors > 0
        roots = _listed(image, module) if listed else _roots(elf, module, pointers, image)
        found = _reached(image, roots)
        # Of two possible layouts the right one leads to more descriptors that make sense.
        if best is None or len(found.at) > len(best[1].at):
            best = image, found
    if best is None or not len(best[1].at):
        return None, stretches(nothing, nothing)
    image, found = best
    package = _packages(image, found, words)
    found_types = stretches(found.at, found.end, words.of("types"), package)
    start = image.types - image.base + module.itabs
    itabs = one(start, start + module.itab_bytes, words.of("itabs"), words.of(WHOLE))
    return section, joined([found_types, itabs])


def _describe(image: Image, at: Ints) -> Descriptors:
    """Return the descriptors at these offsets, those left out that make no sense."""
    at = at[image.holds(at) & (at % 8 == 0)]
    kind = image.number(at + 23, 1) & KIND_MASK
    alignment, field_alignment = image.number(at + 21, 1), image.number(at + 22, 1)
    sound = (kind >= 1) & (kind <= UNSAFE) & (alignment == field_alignment)
    sound &= (alignment & (alignment - 1) == 0) & (alignment <= 64) & (alignment > 0)
    sound &= image.number(at, 8) >= image.number(at + 8, 8)
    at, kind = at[sound], kind[sound]
    bases = np.full(UNSAFE + 1, HEAD)
    for which, size in (*BASE.items(), (MAP, image.map_base)):
        bases[which] = size
    base = bases[kind]
    inside = image.holds(at, base + UNCOMMON_SIZE)
    at, kind, base = at[inside], kind[inside], base[inside]
    uncommon = (image.number(at + 20, 1) & UNCOMMON).astype(bool)
    methods = np.where(uncommon, image.number(at + base + 4, 2), 0)
    count = np.zeros(len(at), np.int64)
    behind = np.zeros(len(at), np.int64)
    for which, offset, width, each in (
        (INTERFACE, 64, 8, 8),
        (STRUCT, 64, 8, FIELD),
        (FUNC, 48, 2, 8),
    ):
        own = kind == which
        number = image.number(at[own] + offset, width)
        if which == FUNC:
            number = number + (image.number(at[own] + offset + 2, 2) & 0x7FFF)
        count[own] = number
        behind[own] = number * each
    end = at + base + UNCOMMON_SIZE * uncommon + behind + METHOD * methods
    fits = (count >= 0) & (count < len(image.content)) & (end <= len(image.content))
    columns = (column[fits] for column in (at, kind, base, uncommon, count, end))
    return Descriptors(*columns)


def _listed(image: Image, module: ModuleData) -> Ints:
    """Return the offsets of the descriptors that Go 1.27 lists by putting them first, in a row.

    Every place where one could begin is read as one, all at once; the true ones are those that a
    walk from the first comes by. Behind them come the itabs' pointers, which are also places.
    """
    first = module.types - image.base
    last = first + module.descriptors
    candidates = _describe(image, np.arange(first + 8, last, 8))
    following = dict(zip(candidates.at.tolist(), candidates.end.tolist(), strict=True))
    steps = []
    place = first + 8
    while (end := following.get(place)) is not None:
        steps.append(place)
        place = end + -end % 8
    tables = np.arange(first + module.itabs, first + module.itabs + module.itab_bytes - 7, 8)
    tables = tables[image.holds(tables, 8)]
    return np.unique(np.concatenate([steps, image.number(tables, 8) - image.base])).astype(np.int64)


def _columns(found: Descriptors) -> tuple[Ints, ...]:
    return (found.at, found.kind, found.base, found.uncommon, found.count, found.end)


def _roots(elf: Elf, module: ModuleData, pointers: Pointers, image: Image) -> Ints:
    """Return the offsets of the types that typelinks and itablinks name (up to Go 1.26)."""
    offsets = _array(elf, pointers, module.typelinks, module.typelink_count, elf.order + "i4")
    tables = _array(elf, pointers, module.itablinks, module.itablink_count, elf.order + "u8")
    pairs = [offsets + (image.types - image.base)]
    tables = tables - image.base
    tables = tables[image.holds(tables, 24)]
    if len(tables):
        pairs += [image.number(tables + word, 8) - image.base for word in (0, 8)]
    return np.unique(np.concatenate(pairs))


def _array(elf: Elf, pointers: Pointers, address: int, count: int, kind: str) -> Ints:
    """Return numbers that stand at an address."""
    section = elf.section_at(address)
    width = np.dtype(kind).itemsize
    if section is None or address + count * width > section.address + section.size:
        return np.empty(0, np.int64)
    start = address - section.address
    content = loaded(elf, section, pointers)[start : start + count * width]
    return np.frombuffer(content, kind).astype(np.int64)


def _reached(image: Image, roots: Ints) -> Descriptors:
    """Return all descriptors that pointers lead to from some first ones."""
    found: list[Descriptors] = []
    roots = roots[image.holds(roots) & (roots % 8 == 0)]
    known = np.zeros(len(image.content) // 8 + 1, bool)
    frontier = roots
    while len(frontier):
        new = _describe(image, frontier)
        found.append(new)
        known[frontier[image.holds(frontier)] // 8] = True
        following = np.unique(np.concatenate(list(_targets(image, new))))
        following = following[image.holds(following) & (following % 8 == 0)]
        frontier = following[~known[following // 8]]
    columns = [np.concatenate(parts) for parts in zip(*map(_columns, found), strict=True)]
    if not columns:
        nothing = np.empty(0, np.int64)
        return Descriptors(nothing, nothing, nothing, nothing, nothing, nothing)
    order = np.argsort(columns[0])
    return Descriptors(*(column[order] for column in columns))


def _targets(image: Image, found: Descriptors) -> Iterable[Ints]:
    """Yield the offsets of the descriptors that some descriptors point to."""
    shift = image.types - image.base
    at, kind = found.at, found.kind
    pointer_to = image.number(at + 44, 4)
    yield pointer_to[pointer_to > 0] + shift
    for kinds, word in (
        ((ARRAY, CHAN, POINTER, SLICE, MAP), ELEMENT),
        ((ARRAY, MAP), 56),
        ((MAP,), 64),
    ):
        yield image.number(at[np.isin(kind, kinds)] + word, 8) - image.base
    after = at + found.base + UNCOMMON_SIZE * found.uncommon
    parameters = _run(after, found.count, kind == FUNC, 8)
    yield image.number(parameters, 8) - image.base
    for which, each, word, width in ((STRUCT, FIELD, 8, 8), (INTERFACE, 8, 4, 4)):
        own = kind == which
        first = image.number(at[own] + 56, 8) - image.base
        runs = _run(first, found.count[own], image.holds(first, found.count[own] * each), each)
        values = image.number(runs + word, width)
        yield values - image.base if width == 8 else values + shift
    own = found.uncommon.astype(bool)
    head = (at + found.base)[own]
    first, methods = head + image.number(head + 8, 4), image.number(head + 4, 2)
    runs = _run(first, methods, image.holds(first, methods * METHOD), METHOD)
    yield image.number(runs + 4, 4) + shift


def _run(start: Ints, count: Ints, which: Flags, each: int) -> Ints:
    """Return the offsets of `count` entries of `each` bytes behind every chosen start."""
    start, count = start[which], count[which]
    if count.sum() > MOST_REFERENCES:
        raise BinaryError("The type descriptors refer to one another more often than can be.")
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    offsets: Ints = np.repeat(start, count) + each * within
    return offsets


def _packages(image: Image, found: Descriptors, words: Words) -> Ints:
    """Return each type's package: its own, else that of what it is made of."""
    package = np.zeros(len(found.at), np.int64)
    own = np.flatnonzero(found.uncommon)
    named = image.number(found.at[own] + found.base[own], 4)
    names = {offset: words.of(_name(image, offset)) for offset in np.unique(named).tolist()}
    package[own] = [names[offset] for offset in named.tolist()]
    for which in (STRUCT, INTERFACE):
        some = np.flatnonzero((found.kind == which) & (package == 0))
        address = image.number(found.at[some] + HEAD, 8)
        at = address - image.types
        package[some] = [
            words.of(_name(image, o)) if a else 0 for a, o in zip(address, at, strict=True)
        ]
    made_of = np.isin(found.kind, (ARRAY, CHAN, POINTER, SLICE, MAP))
    targets = np.full(len(found.at), -1)
    element = np.where(found.kind == MAP, ELEMENT + 8, ELEMENT)
    some = np.flatnonzero(made_of)
    wanted = image.number(found.at[some] + element[some], 8) - image.base
    place = np.searchsorted(found.at, wanted)
    place = np.minimum(place, len(found.at) - 1)
    targets[some] = np.where(found.at[place] == wanted, place, -1)
    for _ in range(8):  # a pointer to a slice of pointers …
        open_ = np.flatnonzero((package == 0) & (targets >= 0))
        if not len(open_):
            break
        package[open_] = package[targets[open_]]
    package[package == 0] = words.of(UNNAMED)
    return package


def _name(image: Image, offset: int) -> str:
    """Return the name at an offset from `types`: flags, a length in base 128, text."""
    at = int(offset) + image.types - image.base + 1
    if offset <= 0 or at + 2 >= len(image.content):
        return ""
    size = int(image.content[at])
    if size & 0x80:
        size = (size & 0x7F) | int(image.content[at + 1]) << 7
        at += 1
    return bytes(image.content[at + 1 : at + 1 + size]).decode("utf-8", "replace")
