"""The symbol table as columns: one numpy array for each field, names only where asked for.

Format: elf(5), Elf32_Sym and Elf64_Sym.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from labhelpers.binary.elf import BinaryError, Elf, Section

if TYPE_CHECKING:
    import pandas as pd

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

NOTHING, OBJECT, FUNCTION, SECTION, FILE, COMMON, TLS = range(7)
"""Kinds of symbols: the lower half of st_info (STT_*)."""


def _layout(elf: Elf) -> np.dtype[Any]:
    o = elf.order
    if elf.bits == 64:
        fields = [("name", "u4"), ("info", "u1"), ("other", "u1"), ("section", "u2")]
        fields += [("value", "u8"), ("size", "u8")]
    else:
        fields = [("name", "u4"), ("value", "u4"), ("size", "u4")]
        fields += [("info", "u1"), ("other", "u1"), ("section", "u2")]
    return np.dtype([(name, o + kind) for name, kind in fields])


@dataclass(frozen=True)
class Symbols:
    """A symbol table. All arrays have one entry a symbol, in the table's order.

    `value` is an address, `size` bytes in memory, `section` an index (0: undefined here), `kind` a
    STT_* number; `name_start` counts bytes from the start of the table of names.
    """

    table: Section
    entry_size: int
    name_table: Section
    text: bytes = field(repr=False)
    name_start: Ints
    value: Ints
    size: Ints
    section: Ints
    kind: Ints

    def __len__(self) -> int:
        """Return the number of symbols."""
        return len(self.value)

    @cached_property
    def _strings(self) -> tuple[list[str], Ints]:
        """The strings of the table of names, and where each begins, and where the last ends."""
        pieces = self.text.split(b"\0")
        lengths = np.fromiter(map(len, pieces), np.int64, len(pieces)) + 1
        strings = self.text.decode("utf-8", "replace").split("\0")
        return strings, np.concatenate([[0], np.cumsum(lengths)])

    @cached_property
    def names(self) -> list[str]:
        """Every symbol's name. GNU ld lets a name be the end of a longer one."""
        strings, starts = self._strings
        at = np.searchsorted(starts, self.name_start, "right") - 1
        inside = np.flatnonzero(starts[at] != self.name_start)
        names = [strings[place] if place < len(strings) else "" for place in at.tolist()]
        for index in inside.tolist():
            skip = int(self.name_start[index] - starts[at[index]])
            whole = (
                strings[at[index]].encode("utf-8", "replace") if at[index] < len(strings) else b""
            )
            names[index] = whole[skip:].decode("utf-8", "replace")
        return names

    @property
    def name_end(self) -> Ints:
        """The end of each name, its zero included."""
        _, starts = self._strings
        after = np.searchsorted(starts, self.name_start, "right")
        return np.minimum(starts[np.minimum(after, len(starts) - 1)], len(self.text))

    def has(self, name: str) -> bool:
        """Say whether some symbol has this name, without decoding them all."""
        return self.find(name) is not None

    def find(self, name: str) -> int | None:
        """Return the value of the first symbol of this name, None where there is none."""
        wanted = name.encode() + b"\0"
        places = []
        at = self.text.find(wanted)
        while at >= 0:  # also at the end of a longer name, which may be where a symbol's begins
            places.append(at)
            at = self.text.find(wanted, at + 1)
        found = np.flatnonzero(np.isin(self.name_start, places))
        return int(self.value[found[0]]) if len(found) else None

    def to_frame(self) -> "pd.DataFrame":
        """Return a row a symbol."""
        import pandas as pd

        columns = {"value": self.value, "size": self.size, "section": self.section}
        return pd.DataFrame({"name": self.names, **columns, "kind": self.kind})


def read_symbols(elf: Elf, name: str = ".symtab") -> Symbols | None:
    """Return the symbol table of this name, None where there is none or it cannot be read."""
    table = elf.section(name)
    if table is None or table.type not in ("SHT_SYMTAB", "SHT_DYNSYM"):
        return None
    layout = _layout(elf)
    names = elf.sections[table.link] if table.link < len(elf.sections) else None
    if names is None or names.type != "SHT_STRTAB":
        elf.notes.append(f"{name} has no table of names, so its symbols are not read.")
        return None
    try:
        raw, text = elf.content(table), elf.content(names)
    except BinaryError as error:
        elf.notes.append(f"{name} is not read: {error}")
        return None
    whole = len(raw) - len(raw) % layout.itemsize
    rows = np.frombuffer(raw[:whole] if whole < len(raw) else raw, layout)
    starts = rows["name"].astype(np.int64)
    return Symbols(
        table=table,
        entry_size=layout.itemsize,
        name_table=names,
        text=text,
        name_start=np.minimum(starts, len(text)),
        value=rows["value"].astype(np.int64),
        size=np.maximum(rows["size"].astype(np.int64), 0),
        section=rows["section"].astype(np.int64),
        kind=(rows["info"] & 0xF).astype(np.int64),
    )
