"""Which function an address belongs to, in a file that has its symbols."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from labhelpers.binary.elf import open_elf
from labhelpers.binary.names import without_abi
from labhelpers.binary.symbols import read_symbols
from labhelpers.errors import LabError
from labhelpers.experiments.traces import Addresses

STT_FUNC = 2


@dataclass(frozen=True)
class Code:
    """The functions of a file that has its symbols, in the order of their addresses, in bytes."""

    names: list[str]
    starts: Addresses
    ends: Addresses

    def start(self, name: str) -> int:
        """Return a function's first address.

        Raises:
            LabError: there is none of that name.
        """
        if name not in self.names:
            raise LabError(f"There is no function {name} in this file: it was inlined, or renamed.")
        return int(self.starts[self.names.index(name)])

    def whose(self, addresses: Addresses) -> Addresses:
        """Return for each address the place of its function in `names`; -1: of none."""
        place = np.searchsorted(self.starts, addresses, "right") - 1
        inside = (place >= 0) & (addresses < self.ends[place])
        return np.where(inside, place, -1).astype(np.int64)


@lru_cache(maxsize=64)
def read_code(path: Path) -> Code:
    """Return the functions in a file's symbol table.

    Raises:
        LabError: the file has none.
    """
    with open_elf(path) as elf:
        symbols = read_symbols(elf)
        if symbols is None:
            raise LabError(f"{path.name} has no symbols: build it without -s.")
        names, rows = (
            symbols.names,
            np.flatnonzero((symbols.kind == STT_FUNC) & (symbols.value > 0)),
        )
        rows = rows[np.argsort(symbols.value[rows], kind="stable")]
        starts = symbols.value[rows].astype(np.int64)
        # Assembly gives no sizes: such a function reaches to the next one.
        sizes = symbols.size[rows].astype(np.int64)
        ends = np.where(sizes > 0, starts + sizes, np.append(starts[1:], starts[-1:] + 1))
        return Code([without_abi(names[row]) for row in rows.tolist()], starts, ends)
