"""What each package put into a file, with named rows for what belongs to none.

Everything but DWARF is counted byte by byte from the ledger; all rows and columns together are the
size of the file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from labhelpers.binary.elf import Elf, Section
from labhelpers.binary.ledger import Ledger
from labhelpers.binary.owners import DEBUGGING
from labhelpers.binary.pclntab import PARTS, SECTIONS
from labhelpers.table import Table

COLUMNS = ("text", "tables", "symbols", "dwarf", "data", "types", "other")


@dataclass(frozen=True)
class PackageRow:
    """Bytes in the file that are one package's.

    `text`: instructions. `tables`: in the function table, and the collector's. `symbols`: entries
    and names in the symbol table. `dwarf`: debugging information, estimated where it is shared out
    by compile units. `data`: variables and constants. `types`: type descriptors. In brackets
    stands what is no package.
    """

    package: str
    text: int = 0
    tables: int = 0
    symbols: int = 0
    dwarf: int = 0
    data: int = 0
    types: int = 0
    other: int = 0

    @property
    def bytes(self) -> int:
        """All of them."""
        return sum(getattr(self, column) for column in COLUMNS)


def package_table(elf: Elf, ledger: Ledger, dwarf: Mapping[str, int]) -> Table[PackageRow]:
    """Return a row a package, the largest first.

    Args:
        elf: the file.
        ledger: its ledger.
        dwarf: bytes of the debug sections by package; their sum is those sections' size. Empty
            where it is not known: then they are a row of their own.
    """
    words = ledger.words
    kinds = {words.of(s.name): COLUMNS.index(_column(s)) for s in elf.regions}
    column = np.full(len(words.words), COLUMNS.index("other"))
    column[list(kinds)] = list(kinds.values())
    column = column[ledger.section]
    column[np.isin(ledger.part, [words.of("types"), words.of("itabs")])] = COLUMNS.index("types")
    # The C linker of a PIE puts the table among other things (.data.rel.ro).
    column[np.isin(ledger.part, [words.of(part) for part in PARTS])] = COLUMNS.index("tables")
    packages, which = np.unique(ledger.package, return_inverse=True)
    sums = np.zeros((len(packages), len(COLUMNS)), np.int64)
    np.add.at(sums, (which, column), ledger.file_bytes)
    rows = {
        words[package]: PackageRow(words[package], *values)
        for package, values in zip(packages.tolist(), sums.tolist(), strict=True)
    }
    if dwarf:
        whole = rows.pop(DEBUGGING)
        assert whole.bytes == sum(dwarf.values()), (whole.bytes, sum(dwarf.values()))
        for package, size in dwarf.items():
            row = rows.get(package, PackageRow(package))
            rows[package] = replace(row, dwarf=row.dwarf + size)
    found = [row for row in rows.values() if row.bytes]
    return Table(sorted(found, key=lambda row: (-row.bytes, row.package)))


def _column(section: Section) -> str:
    if section.name.startswith((".debug_", ".zdebug_")):
        return "dwarf"
    if section.name in (".symtab", ".strtab"):
        return "symbols"
    if section.name in SECTIONS:
        return "tables"
    if section.executable:
        return "text"
    return "data" if section.flags & 0x2 else "other"
