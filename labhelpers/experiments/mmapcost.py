"""What a call of mmap(2) takes, by what it asks for; what a refusal and a low hint add to it.

The calls are timed in C, in one process without capabilities; all kinds take turns in random order
and one of them takes two turns in each round: what it says against itself is the floor.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from labhelpers.experiments.cbuild import CFolder
from labhelpers.experiments.mmapcalls import PAGE, Limits, said
from labhelpers.startup.estimate import floor_of, median_interval, ratio_interval, verdict
from labhelpers.table import Table

ROUNDS, CALLS, SEED = 60, 100, 41
HIGH = 1 << 30
"""An address that is free in every process of ours, and far above any limit."""

KINDS = {
    "getppid": "a system call that does nothing",
    "no-length": "mmap refused: no length",
    "too-low": "mmap refused: too low",
    "anywhere": "mmap anywhere, munmap",
    "hint-low": "mmap at one page, munmap",
    "hint-limit": "mmap at the limit, munmap",
    "hint-high": "mmap at 1 GB, munmap",
    "touched": "mmap, one write, munmap",
    "reading": "reading the limit's file",
    "helper": "the helper at one page, munmap",
}
TWIN = "anywhere-again"
WORSE = {"faster": "cheaper", "slower": "dearer", "not resolved": "not resolved"}

Nanoseconds = Mapping[str, Sequence[float]]
"""By kind, nanoseconds for each call, a value a round."""


@dataclass(frozen=True)
class Cost:
    """What one kind of call takes: the median over rounds in ns, and its 95 % interval."""

    kind: str
    median_ns: float
    low_ns: float
    high_ns: float


@dataclass(frozen=True)
class Ratio:
    """One kind against another: the median ratio of pairs within a round, and its interval.

    `floor` is the largest deviation from 1 that a kind has against itself. `verdict` is "dearer",
    "cheaper" or "not resolved".
    """

    kind: str
    against: str
    ratio: float
    low: float
    high: float
    floor: float
    verdict: str


@dataclass(frozen=True)
class Difference:
    """What one kind takes beyond another: the median of the rounds in ns, and its interval."""

    kind: str
    against: str
    median_ns: float
    low_ns: float
    high_ns: float


def time_calls(
    folder: CFolder, limits: Limits, rounds: int = ROUNDS, calls: int = CALLS
) -> Nanoseconds:
    """Time all kinds of calls, so many in a row in each round.

    Raises:
        LabError: there is no C compiler, or a call is not answered as it should be.
    """
    numbers = (rounds, calls, PAGE, limits.lowest, HIGH)
    found: dict[str, list[float]] = {}
    for _, kind, value in said(folder, "cost", *map(str, numbers)):
        found.setdefault(kind, []).append(float(value))
    return found


def as_rows(found: Nanoseconds) -> list[dict[str, float]]:
    """Return the times as a record takes them: a row a round."""
    return [dict(zip(found, values, strict=True)) for values in zip(*found.values(), strict=True)]


def from_rows(rows: Sequence[Mapping[str, float]]) -> Nanoseconds:
    """Return the times that `as_rows` wrote."""
    return {kind: [row[kind] for row in rows] for kind in rows[0]}


def costs(found: Nanoseconds) -> Table[Cost]:
    """Return what each kind takes."""
    return Table(Cost(kind, *_rounded(found[kind])) for kind in KINDS)


def ratio(found: Nanoseconds, kind: str, against: str = "anywhere") -> Ratio:
    """Return one kind against another, with a verdict."""
    middle, (low, high) = ratio_interval(found[kind], found[against], SEED)
    _, twins = ratio_interval(found[TWIN], found["anywhere"], SEED)
    floor = floor_of(twins)
    word = WORSE[verdict(middle, (low, high), floor)]
    middle, low, high, floor = (round(value, 3) for value in (middle, low, high, floor))
    return Ratio(kind, against, middle, low, high, floor, word)


def difference(found: Nanoseconds, kind: str, against: str) -> Difference:
    """Return what one kind takes beyond another, round by round."""
    gaps = np.asarray(found[kind], dtype=float) - np.asarray(found[against], dtype=float)
    return Difference(kind, against, *_rounded(gaps.tolist()))


def takes(gap: Difference, nanoseconds: float) -> bool | None:
    """Return whether one kind takes so much longer than the other; None: it is not resolved."""
    if gap.low_ns >= nanoseconds:
        return True
    return False if gap.high_ns < nanoseconds else None


def cannot_time(folder: CFolder, limits: Limits) -> str | None:
    """Return why these calls cannot be timed here, in a sentence; None where they can."""
    if limits.file == 0:
        return "The limit of this machine is 0, so that no address is too low."
    return folder.impossible


def _rounded(values: Sequence[float]) -> tuple[float, float, float]:
    median, (low, high) = median_interval(values, SEED)
    return round(median, 1), round(low, 1), round(high, 1)
