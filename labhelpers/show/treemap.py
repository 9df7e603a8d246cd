"""Nested rectangles: what a file consists of, each area in proportion to its bytes.

The layout is that of Bruls, Huizing & van Wijk, "Squarified Treemaps" (2000): a row is filled as
long as that makes its rectangles less oblong.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labhelpers.binary.anatomy import Anatomy
    from labhelpers.binary.diff import Diff

Rectangle = tuple[float, float, float, float]
"""Left, top, width and height."""
UNDIVIDED = "(not divided further)"


@dataclass
class Node:
    """Something with a size, and what it is made of: the children's sizes sum to its own.

    `size` decides the area, in bytes; `change` is after minus before where two files are compared.
    """

    name: str
    size: int = 0
    change: int = 0
    children: list["Node"] = field(default_factory=list)

    def __iter__(self) -> Iterator["Node"]:
        """Yield it and all below it."""
        yield self
        for child in self.children:
            yield from child


def tree(name: str, leaves: Iterable[tuple[Sequence[str], int, int]]) -> Node:
    """Return the tree of some leaves: path, size, change. What has no size has no place in it.

    No leaf's path may be the beginning of another's.
    """
    root = Node(name)
    known: dict[tuple[str, ...], Node] = {(): root}
    for path, size, change in leaves:
        for depth in range(len(path) + 1) if size else ():
            key = tuple(path[:depth])
            if key not in known:
                known[key] = Node(key[-1])
                known[key[:-1]].children.append(known[key])
            known[key].size += size
            known[key].change += change
    for node in known.values():
        node.children.sort(key=lambda child: (-child.size, child.name))
    return root


def cut(node: Node, least: float) -> Node:
    """Return the tree with what is smaller than `least` put together as "(n smaller)".

    A node whose only child says no more than that it is not divided keeps no child.
    """
    large = [cut(child, least) for child in node.children if child.size >= least]
    small = [child for child in node.children if child.size < least]
    if small and large:
        name = small[0].name if len(small) == 1 else f"({len(small):,} smaller)"
        sizes, changes = sum(child.size for child in small), sum(child.change for child in small)
        large.append(Node(name, sizes, changes))
    if len(large) == 1 and large[0].name.startswith("(") and not large[0].children:
        large = []
    large.sort(key=lambda child: (-child.size, child.name))
    return Node(node.name, node.size, node.change, large)


def squarify(sizes: Sequence[int], box: Rectangle) -> list[Rectangle]:
    """Return a rectangle in the box for each size; together they fill it.

    Args:
        sizes: above zero, the largest first.
        box: what to fill, in any unit; not empty.
    """
    found: list[Rectangle] = []
    left, top, width, height = box
    while len(found) < len(sizes):
        rest = sizes[len(found) :]
        short, total = min(width, height), sum(rest)
        row = _row(rest, short * short * total / (width * height))
        thick = max(width, height) * sum(row) / total
        for along, size in zip(accumulate(row, initial=0), row, strict=False):
            start, length = short * along / sum(row), short * size / sum(row)
            found.append(
                (left, top + start, thick, length)
                if width >= height
                else (left + start, top, length, thick)
            )
        if width >= height:
            left, width = left + thick, width - thick
        else:
            top, height = top + thick, height - thick
    return found


def _row(sizes: Sequence[int], side: float) -> Sequence[int]:
    """Return the sizes, from the first on, that make the least oblong row.

    `side` is the square of the row's length, in the unit of the sizes.
    """
    total, worst = 0, float("inf")
    for count, size in enumerate(sizes):
        total += size
        oblong = max(side * sizes[0] / total**2, total**2 / (side * size))
        if oblong > worst:
            return sizes[:count]
        worst = oblong
    return sizes


def anatomy_tree(anatomy: "Anatomy") -> Node:
    """Return a file as section, part, package, symbol; every byte is in it."""
    words = anatomy.ledger.words
    ledger = anatomy.ledger
    columns = (ledger.section, ledger.part, ledger.package, ledger.name)
    paths = zip(*([words[i] for i in column.tolist()] for column in columns), strict=True)
    sizes = ledger.file_bytes.tolist()
    return tree(
        anatomy.path.name,
        ((_path(labels), size, 0) for labels, size in zip(paths, sizes, strict=True)),
    )


def diff_tree(diff: "Diff") -> Node:
    """Return two files as one tree: each leaf as large as it is in the file with more of it."""
    from labhelpers.binary.diff import labelled

    sizes: dict[tuple[str, ...], list[int]] = defaultdict(lambda: [0, 0])
    for which, anatomy in enumerate((diff.a, diff.b)):
        for labels, size in labelled(anatomy.ledger):
            sizes[_path(labels)][which] += size
    both = ((path, max(pair), pair[1] - pair[0]) for path, pair in sizes.items())
    return tree(f"{diff.a.path.name} → {diff.b.path.name}", both)


def _path(labels: tuple[str, ...]) -> tuple[str, ...]:
    """Return the labels that are there; a leaf without symbol is told from others of its place."""
    section, part, package, name = labels
    return (section, *filter(None, (part, package)), name or UNDIVIDED)
