"""Every reading under which "63 %" could be true, tried on every cell of a study.

Picking the best of many noisy ratios flatters it. So the best one is picked on the even rounds and
estimated on the odd ones, which had no part in the picking. That a reading holds nowhere is said
only where every pair of builds excludes it, not just the one that was picked.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from labhelpers.startup.analysis import Quantity, by_command, cpu_us, start_ns
from labhelpers.startup.estimate import LEAST_ROUNDS, Values, percent, ratio_interval
from labhelpers.startup.rounds import Launch
from labhelpers.startup.tomain import main_ns
from labhelpers.study import BASELINE, LEAST_FOR_READINGS, Cell, Study

CLAIMED = 0.63
LESS = 1 - CLAIMED
TIMES_AS_FAST = 1 / (1 + CLAIMED)
SLOWER = 1 + CLAIMED


@dataclass(frozen=True)
class Reading:
    """One way to read the claim, and what the study says of it.

    `threshold` is the ratio that the reading asks for: at most that, or for "slower" at least.
    `best` is the ratio that comes closest to it or passes it, found at `where`. `holds` is True
    where its interval lies wholly beyond the threshold, False where it and that of every other pair
    of builds lie wholly short of it, None where neither is so. A file's size has no cache state
    and no spread.
    """

    reading: str
    cache: str | None
    threshold: float
    best: float
    ci95: tuple[float, float]
    holds: bool | None
    where: dict[str, str]

    @property
    def answer(self) -> str:
        """`holds` in a word."""
        return {True: "yes", False: "no", None: "not resolved"}[self.holds]

    @property
    def change(self) -> str:
        """The best value as people say it."""
        return percent(self.best)

    @property
    def place(self) -> str:
        """Where it was found, in words."""
        return (
            f"{self.where['program']}, Go {self.where['go']}: "
            f"{self.where['candidate']} against {self.where['baseline']}"
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON takes them."""
        return asdict(self)


@dataclass(frozen=True)
class _Kind:
    """A reading before it meets data: its words, its threshold, and what it compares."""

    words: str
    threshold: float
    quantity: Quantity = start_ns
    any_pair: bool = False
    to_main: bool = False

    def launches(self, study: Study) -> Mapping[Cell, Sequence[Launch]]:
        """The starts it goes by: those for the time to main are others than the rest."""
        return study.main_launches if self.to_main else study.launches


KINDS = [
    _Kind("starts in 63 % less time", LESS),
    _Kind("starts 1.63 times as fast", TIMES_AS_FAST),
    _Kind("reaches main in 63 % less time", LESS, main_ns, to_main=True),
    _Kind("needs 63 % less processor time", LESS, cpu_us),
    _Kind("worst to best: 63 % less time", LESS, any_pair=True),
    _Kind("worst to best: 1.63 times as fast", TIMES_AS_FAST, any_pair=True),
    _Kind("starts 63 % slower", SLOWER),
]
SIZE = "the file is 63 % smaller"


def readings(study: Study) -> list[Reading]:
    """Return every reading, warm and cold each, with the best that the study has to offer it.

    Raises:
        ValueError: the study has fewer than LEAST_FOR_READINGS rounds.
    """
    if study.rounds < LEAST_FOR_READINGS:
        raise ValueError(f"readings need at least {LEAST_FOR_READINGS} rounds, not {study.rounds}")
    caches = dict.fromkeys(cell.cache for cell in study.launches)
    timed = [_timed(study, kind, cache) for kind in KINDS for cache in caches]
    return [*filter(None, timed), _size(study)]


@dataclass(frozen=True)
class _Pair:
    """Two builds of one cell, and what was measured of them, in the order of the rounds."""

    cell: Cell
    baseline: str
    candidate: str
    above: Values
    below: Values

    def score(self) -> float:
        """The ratio on the even rounds: what picking goes by."""
        return _median_ratio(self.above[::2], self.below[::2])

    def on_odd_rounds(self, seed: int) -> tuple[float, tuple[float, float]]:
        """The ratio and its interval on the rounds that had no part in the picking."""
        return ratio_interval(self.above[1::2], self.below[1::2], seed)


def _timed(study: Study, kind: _Kind, cache: str) -> Reading | None:
    """Try a reading on every pair of builds in one cache state.

    None: a kernel that counts processor time in ticks has none to show for so short a start; the
    time to main was not measured.
    """
    pairs = [
        pair
        for cell in kind.launches(study)
        if cell.cache == cache
        for pair in _pairs(study, cell, kind)
        if np.count_nonzero(((pair.above > 0) & (pair.below > 0))[1::2]) >= LEAST_ROUNDS
    ]
    if not pairs:
        return None
    sign = -1 if kind.threshold > 1 else 1
    best = min(pairs, key=lambda pair: sign * pair.score())
    ratio, interval = best.on_odd_rounds(study.seed)
    holds: bool | None = None
    if _beyond(interval, kind.threshold):
        holds = True
    elif _short(interval, kind.threshold) and all(
        _short(_interval(pair, kind, study.seed), kind.threshold) for pair in pairs
    ):
        holds = False
    where = {
        "program": best.cell.program,
        "go": best.cell.go,
        "cache": best.cell.cache,
        "baseline": best.baseline,
        "candidate": best.candidate,
    }
    return Reading(kind.words, cache, kind.threshold, ratio, interval, holds, where)


def _pairs(study: Study, cell: Cell, kind: _Kind) -> Iterator[_Pair]:
    """Yield each build against the default, or the best of a cell against its worst."""
    values = by_command(kind.launches(study)[cell], kind.quantity)
    configs = [config for config in study.configs if config in values]
    if BASELINE not in configs:
        return
    chosen = [(BASELINE, config) for config in configs if config != BASELINE]
    if kind.any_pair:
        even = {
            config: _median_ratio(values[config][::2], values[BASELINE][::2]) for config in configs
        }
        chosen = [(max(configs, key=even.__getitem__), min(configs, key=even.__getitem__))]
    for baseline, candidate in chosen:
        yield _Pair(cell, baseline, candidate, values[candidate], values[baseline])


def _interval(pair: _Pair, kind: _Kind, seed: int) -> tuple[float, float]:
    """Return a pair's interval: on all rounds, unless the even ones had a part in choosing it."""
    if kind.any_pair:
        return pair.on_odd_rounds(seed)[1]
    return ratio_interval(pair.above, pair.below, seed)[1]


def _median_ratio(above: Values, below: Values) -> float:
    usable = (above > 0) & (below > 0)
    return float(np.median(above[usable] / below[usable])) if usable.any() else 1.0


def _beyond(interval: tuple[float, float], threshold: float) -> bool:
    return interval[1] <= threshold if threshold < 1 else interval[0] >= threshold


def _short(interval: tuple[float, float], threshold: float) -> bool:
    return interval[0] > threshold if threshold < 1 else interval[1] < threshold


def _size(study: Study) -> Reading:
    """Return the reading of the file's size: exact, so its interval is a point."""
    sizes = {(b.program, b.go, b.config): b.bytes for b in study.binaries if b.bytes}
    ratio, (program, go, config) = min(
        (size / sizes[program, go, BASELINE], (program, go, config))
        for (program, go, config), size in sizes.items()
        if config != BASELINE
    )
    where = {"program": program, "go": go, "baseline": BASELINE, "candidate": config}
    return Reading(SIZE, None, LESS, ratio, (ratio, ratio), ratio <= LESS, where)
