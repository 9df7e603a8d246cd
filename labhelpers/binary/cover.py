"""Labelled stretches that cover a range exactly: no byte twice, no byte left out.

Several readers may know something about the same bytes. They are asked in order, and each byte goes
to the first that claims it, so that a sum over labels is the size of the range by construction.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from labhelpers.binary.symbols import Ints


@dataclass(frozen=True)
class Stretches:
    """Stretches of bytes with their labels: one array entry a stretch.

    `start` and `end` count bytes; `part`, `package` and `name` are indices into a `Words`.
    """

    start: Ints
    end: Ints
    part: Ints
    package: Ints
    name: Ints

    def __len__(self) -> int:
        """Return the number of stretches."""
        return len(self.start)

    @property
    def size(self) -> Ints:
        """Bytes of each."""
        return self.end - self.start

    def take(self, which: Ints) -> "Stretches":
        """Return some of them, by index or by mask."""
        return Stretches(*(column[which] for column in self.columns()))

    def columns(self) -> tuple[Ints, ...]:
        """Return the five arrays."""
        return (self.start, self.end, self.part, self.package, self.name)

    def moved(self, by: int) -> "Stretches":
        """Return the same stretches, so many bytes further on."""
        return replace(self, start=self.start + by, end=self.end + by)


class _Index(dict[str, int]):
    """Words by number the other way round: a word that is not there is added (in C's own loops)."""

    def __init__(self, words: list[str]) -> None:
        super().__init__({word: index for index, word in enumerate(words)})
        self.words = words

    def __missing__(self, word: str) -> int:
        self[word] = index = len(self.words)
        self.words.append(word)
        return index


class Words:
    """Words by index: what labels are made of. Index 0 is no word."""

    def __init__(self) -> None:
        """Begin with no word."""
        self.words = [""]
        self._index = _Index(self.words)

    def __getitem__(self, index: int) -> str:
        """Return the word of an index."""
        return self.words[index]

    def of(self, word: str) -> int:
        """Return the index of a word, a new one if need be."""
        return self._index[word]

    def of_all(self, words: Sequence[str]) -> Ints:
        """Return the indices of many words."""
        return np.fromiter(map(self._index.__getitem__, words), np.int64, len(words))


def stretches(
    start: Ints,
    end: Ints,
    part: Ints | int = 0,
    package: Ints | int = 0,
    name: Ints | int = 0,
) -> Stretches:
    """Return stretches from arrays; a label that is one number holds for all."""
    labels = [np.broadcast_to(np.asarray(x, np.int64), start.shape) for x in (part, package, name)]
    return Stretches(start.astype(np.int64), end.astype(np.int64), *labels)


def one(start: int, end: int, part: int = 0, package: int = 0, name: int = 0) -> Stretches:
    """Return a single stretch."""
    return stretches(np.array([start]), np.array([end]), part, package, name)


def disjoint(layer: Stretches, size: int) -> Stretches:
    """Return a layer in order, cut to [0, size), each byte left to the stretch that begins first.

    Of two that begin together the longer one counts: a symbol and its alias.
    """
    layer = replace(layer, start=np.clip(layer.start, 0, size), end=np.clip(layer.end, 0, size))
    layer = layer.take(np.flatnonzero(layer.size > 0))
    if np.all(layer.start[1:] >= layer.end[:-1]):
        return layer
    layer = layer.take(np.lexsort((-layer.size, layer.start)))
    reached = np.concatenate([[0], np.maximum.accumulate(layer.end)[:-1]])
    layer = replace(layer, start=np.maximum(layer.start, reached))
    return layer.take(np.flatnonzero(layer.start < layer.end))


def lay(layers: Sequence[Stretches], size: int) -> tuple[Stretches, Stretches]:
    """Lay layers over [0, size), each byte going to the first layer that claims it.

    Returns:
        The stretches with a label, and the gaps that nobody claims; together they fill the range.
    """
    free = one(0, size)
    held = []
    for layer in layers:
        clean = disjoint(layer, size)
        pieces, free = _divide(clean, free)
        if len(pieces):
            held.append(pieces)
    found = joined(held)
    if len(held) > 1:
        found = found.take(np.argsort(found.start, kind="stable"))
    return _joined(found), free


def _divide(layer: Stretches, free: Stretches) -> tuple[Stretches, Stretches]:
    """Return the parts of a layer that are in free stretches, and what of those stays free."""
    if not len(layer) or not len(free):
        return layer.take(np.empty(0, np.int64)), free
    if len(free) == 1 and free.start[0] <= layer.start[0] and layer.end[-1] <= free.end[0]:
        start = np.concatenate([free.start, layer.end])
        rest = stretches(start, np.concatenate([layer.start, free.end]))
        return layer, rest.take(np.flatnonzero(rest.size > 0))
    edges = np.concatenate([layer.start, layer.end, free.start, free.end])
    edges.sort(kind="stable")
    edges = edges[np.concatenate([[True], edges[1:] != edges[:-1]])]
    left, right = edges[:-1], edges[1:]
    mine, open_ = _at(layer, left), _at(free, left)
    both = np.flatnonzero((mine >= 0) & (open_ >= 0))
    pieces = replace(layer.take(mine[both]), start=left[both], end=right[both])
    still = np.flatnonzero((mine < 0) & (open_ >= 0))
    return pieces, _joined(stretches(left[still], right[still]))


def _at(layer: Stretches, places: Ints) -> Ints:
    """Return the index of the stretch at each place, −1 where there is none."""
    at = np.searchsorted(layer.start, places, "right") - 1
    return np.where((at >= 0) & (places < layer.end[np.maximum(at, 0)]), at, -1)


def _labels(layer: Stretches) -> tuple[Ints, ...]:
    return layer.columns()[2:]


def _joined(layer: Stretches) -> Stretches:
    """Join neighbours that have the same labels."""
    if not len(layer):
        return layer
    new = layer.start[1:] != layer.end[:-1]
    for label in _labels(layer):
        new |= label[1:] != label[:-1]
    first = np.flatnonzero(np.concatenate([[True], new]))
    last = np.append(first[1:], len(layer)) - 1
    return replace(layer.take(first), end=layer.end[last])


def joined(parts: Sequence[Stretches]) -> Stretches:
    """Return stretches of several sources one after the other."""
    if not parts:
        nothing = np.empty(0, np.int64)
        return stretches(nothing, nothing)
    return Stretches(
        *(np.concatenate(columns) for columns in zip(*(p.columns() for p in parts), strict=True))
    )
