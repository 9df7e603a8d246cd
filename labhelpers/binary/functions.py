"""Every Go function of a file, from the function table, with its package."""

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labhelpers.binary.elf import BinaryError
from labhelpers.binary.names import GENERATED as GENERATED_NAMES
from labhelpers.binary.names import package_of
from labhelpers.binary.owners import GENERATED, C
from labhelpers.binary.pclntab import NO_TABLE, Pclntab
from labhelpers.binary.symbols import Ints

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class NameTable:
    """The strings of funcnametab: names of functions, and of those that were only inlined.

    `start` and `end` count bytes from the start of the function table; `end` includes the zero.
    `packages` has import paths, and what stands in their place (owners.py).
    """

    start: Ints
    end: Ints
    names: list[str]
    packages: list[str]


@dataclass(frozen=True)
class Functions:
    """Functions in the order of their addresses: one entry each.

    `sizes` are bytes up to the next function, padding between them included. `packages` has import
    paths, and what stands in their place (owners.py): Go's own linker lists functions of C, too.
    `units` names the package that each compilation unit is of, by its offset in cutab.
    """

    names: list[str]
    packages: list[str]
    units: dict[int, str]
    entries: Ints
    sizes: Ints

    def __len__(self) -> int:
        """Return the number of functions."""
        return len(self.names)

    def to_frame(self) -> "pd.DataFrame":
        """Return a row a function."""
        import pandas as pd

        columns = {"function": self.names, "package": self.packages}
        return pd.DataFrame({**columns, "address": self.entries, "bytes": self.sizes})


def read_names(table: Pclntab) -> NameTable:
    """Return all names in the table of names; zeros at its end are padding."""
    first, last = table.part("funcnametab")
    text = table.raw[first:last]
    pieces = text.rstrip(b"\0").split(b"\0")
    lengths = np.fromiter(map(len, pieces), np.int64, len(pieces)) + 1
    ends = first + np.cumsum(lengths)
    # Where the compiler numbers what it generates it writes "·1", and the symbol table ".1".
    names = text.decode("utf-8", "replace").replace("·", ".").split("\0")[: len(pieces)]
    return NameTable(ends - lengths, np.minimum(ends, last), names, list(map(package_of, names)))


def read_functions(table: Pclntab, names: NameTable) -> Functions:
    """Return the functions of a table, and settle whose the names without a package are.

    Assembly may leave the package out of a name: its unit tells it. What has no unit is C.

    Raises:
        BinaryError: a name does not begin where the table says.
    """
    at = np.searchsorted(names.start, table.name_start, "right") - 1
    if not len(names.start) or np.any(names.start[at] != table.name_start):
        raise BinaryError("Go's function table is damaged: its names begin elsewhere.")
    places = at.tolist()
    units = _units(table, [names.packages[place] for place in places])
    known = set(units.values())
    for place, unit in zip(places, table.unit.tolist(), strict=True):
        package = names.packages[place]
        if not package and names.names[place].startswith(GENERATED_NAMES):
            names.packages[place] = GENERATED
        elif not package or (unit == NO_TABLE and package not in known):
            names.packages[place] = units.get(unit, C)
    names.packages[:] = [package or GENERATED for package in names.packages]
    return Functions(
        [names.names[place] for place in places],
        [names.packages[place] for place in places],
        units,
        table.entries,
        table.sizes,
    )


def _units(table: Pclntab, packages: list[str]) -> dict[int, str]:
    """Return the package of each compilation unit: the one that most of its functions have.

    Instances of other packages' generic functions are compiled in the unit that needs them.
    """
    counts: dict[int, Counter[str]] = {}
    for (unit, package), number in Counter(zip(table.unit.tolist(), packages, strict=True)).items():
        if package and unit != NO_TABLE:
            counts.setdefault(unit, Counter())[package] += number
    return {unit: own.most_common(1)[0][0] for unit, own in counts.items()}
