"""What two files differ by: section by section, package by package, symbol by symbol.

All three tables are sums over the same two ledgers, in which every byte stands once. So each of
them sums to the difference of the files' sizes: nothing is counted twice, nothing is left over.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labhelpers.binary.ledger import NO_SYMBOL, Ledger
from labhelpers.binary.names import without_abi
from labhelpers.table import Table

if TYPE_CHECKING:
    from labhelpers.binary.anatomy import Anatomy

COUNTED = re.compile(
    r"(\.func|\.gowrap|\.deferwrap|\.dwrap\.|\.init\.|\.\.stmp_|\.\.gobytes\.|-range)\d+(?:\.\d+)*"
)
"""What the compiler names by counting: closures, wrappers, nameless values."""


@dataclass(frozen=True)
class Delta:
    """One thing in two files, in bytes of the file; `delta` is after minus before."""

    name: str
    before: int
    after: int
    delta: int


@dataclass(frozen=True)
class Diff:
    """Two files compared: `b` against `a`. `bytes` is b's size minus a's.

    Each table sums to `bytes`; the largest changes stand first. Things that did not change are in
    it too.
    """

    a: "Anatomy"
    b: "Anatomy"
    bytes: int
    sections: Table[Delta]
    packages: Table[Delta]
    symbols: Table[Delta]

    def as_dict(self) -> dict[str, Any]:
        """Return the changes, without what stayed the same."""
        tables = {name: getattr(self, name) for name in ("sections", "packages", "symbols")}
        changed = {name: [row for row in rows if row.delta] for name, rows in tables.items()}
        return {"bytes": self.bytes} | {n: Table(rows).to_dicts() for n, rows in changed.items()}


def same_name(symbol: str) -> str:
    """Return a symbol's name without what a change elsewhere can change.

    One more closure in a function renumbers the later ones: all of them count together, as
    "main.main.funcN". Assembly functions lose their .abi0.
    """
    return COUNTED.sub(r"\1N", without_abi(symbol))


def diff(a: "Anatomy", b: "Anatomy") -> Diff:
    """Compare two files: what `b` has more or less than `a`."""
    sections, packages, symbols = (
        compare(count(a), count(b)) for count in (_by_section, _by_package, _by_symbol)
    )
    size = b.file_bytes - a.file_bytes
    for table in (sections, packages, symbols):
        assert sum(row.delta for row in table) == size, (sum(row.delta for row in table), size)
    return Diff(a, b, size, sections, packages, symbols)


def compare(before: Mapping[str, int], after: Mapping[str, int]) -> Table[Delta]:
    """Return a row for each name in either, the largest change first."""
    both = [(name, before.get(name, 0), after.get(name, 0)) for name in {**before, **after}]
    rows = [Delta(name, old, new, new - old) for name, old, new in both if old or new]
    return Table(sorted(rows, key=lambda row: (-abs(row.delta), row.name)))


def labelled(ledger: Ledger) -> Iterator[tuple[tuple[str, str, str, str], int]]:
    """Yield section, part, package and name of every leaf, and its bytes in the file.

    The same thing has the same labels in both files: a section that a position-independent program
    keeps apart goes under its usual name, and bytes without a symbol are the section's own,
    whether or not others in it have one.
    """
    words = ledger.words
    names = {index: same_name(words[index]) for index in set(ledger.name.tolist())}
    parts = {index: words[index] for index in set(ledger.part.tolist())}
    parts[words.of(NO_SYMBOL)] = ""
    sections = {
        index: words[index].removeprefix(".data.rel.ro") or words[index]
        for index in set(ledger.section.tolist())
    }
    columns = (ledger.section, ledger.part, ledger.package, ledger.name, ledger.file_bytes)
    for section, part, package, name, size in zip(*(c.tolist() for c in columns), strict=True):
        yield (sections[section], parts[part], words[package], names[name]), size


def _by_section(anatomy: "Anatomy") -> Counter[str]:
    return Counter({row.section: row.file_bytes for row in anatomy.sections})


def _by_package(anatomy: "Anatomy") -> Counter[str]:
    return Counter({row.package: row.bytes for row in anatomy.packages})


def _by_symbol(anatomy: "Anatomy") -> Counter[str]:
    """Count by name; bytes without one by their section and what they are in it."""
    found: Counter[str] = Counter()
    for (section, part, _, name), size in labelled(anatomy.ledger):
        found[name or f"{section} {part}".rstrip()] += size
    return found
