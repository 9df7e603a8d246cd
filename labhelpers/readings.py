"""Every reading under which "63 %" could be true, tried on every cell of a study.

Picking the best of many noisy ratios flatters it. So the best one is picked on the even rounds and
estimated on the odd ones, which had no part in the picking.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from labhelpers.startup.analysis import Quantity, by_command, cpu_us, start_ns
from labhelpers.startup.estimate import LEAST_ROUNDS, Values, percent, ratio_interval
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
    where the interval lies wholly beyond the threshold, False where it lies wholly short of it,
    None where it does not decide. A file's size has no cache state and no spread.
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


KINDS = [
    _Kind("starts in 63 % less time", LESS),
    _Kind("starts 1.63 times as fast", TIMES_AS_FAST),
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


def _timed(study: Study, kind: _Kind, cache: str) -> Reading | None:
    """Pick the pair that serves a reading best on the even rounds; estimate it on the odd ones.

    None: a kernel that counts processor time in ticks has none to show for so short a start.
    """
    sign = -1 if kind.threshold > 1 else 1
    best: tuple[float, Cell, str, str, Values, Values] | None = None
    for cell in study.launches:
        if cell.cache != cache:
            continue
        values = by_command(study.launches[cell], kind.quantity)
        for baseline, candidate in _pairs(study, cell, values, kind.any_pair):
            above, below = values[candidate], values[baseline]
            score = sign * _median_ratio(above[::2], below[::2])
            if best is None or score < best[0]:
                best = (score, cell, baseline, candidate, above[1::2], below[1::2])
    assert best is not None, "a study has a cell for each of its cache states"
    _, cell, baseline, candidate, above, below = best
    if np.count_nonzero((above > 0) & (below > 0)) < LEAST_ROUNDS:
        return None
    ratio, interval = ratio_interval(above, below, study.seed)
    where = {
        "program": cell.program,
        "go": cell.go,
        "cache": cell.cache,
        "baseline": baseline,
        "candidate": candidate,
    }
    holds = _holds(interval, kind.threshold)
    return Reading(kind.words, cache, kind.threshold, ratio, interval, holds, where)


def _pairs(
    study: Study, cell: Cell, values: dict[str, Values], any_pair: bool
) -> Iterator[tuple[str, str]]:
    """Yield (baseline, candidate): each against the default, or the worst against the best."""
    configs = study.measured_configs(cell)
    if any_pair:
        even = {
            config: _median_ratio(values[config][::2], values[BASELINE][::2]) for config in configs
        }
        yield max(configs, key=even.__getitem__), min(configs, key=even.__getitem__)
    else:
        yield from ((BASELINE, config) for config in configs if config != BASELINE)


def _median_ratio(above: Values, below: Values) -> float:
    usable = (above > 0) & (below > 0)
    return float(np.median(above[usable] / below[usable])) if usable.any() else 1.0


def _holds(interval: tuple[float, float], threshold: float) -> bool | None:
    low, high = interval
    if threshold < 1:
        return True if high <= threshold else False if low > threshold else None
    return True if low >= threshold else False if high < threshold else None


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
