"""What steps do to starts on average over a study's programs, and all three where they do most.

One program's interval is wide and one program's luck is nobody's. The mean of the logarithms over
all programs and releases is what a step does "in general"; its interval comes from drawing the
rounds of every block anew (percentile bootstrap; Efron & Tibshirani 1993, chapter 13).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from labhelpers.startup.analysis import by_command
from labhelpers.startup.estimate import LEAST_ROUNDS, RESAMPLES, Values, floor_of, verdict
from labhelpers.startup.rounds import CacheState
from labhelpers.study import BASELINE, TWIN, Cell, Study, label
from labhelpers.table import Table
from labhelpers.verdict import all_steps

TAKES_AWAY = 0.001
"""Part of a file by which a trim changes it at least, where there is C to be trimmed."""
WORTH_HAVING = 0.05
"""A smaller part of a start than this nobody notices, and two copies of a file may differ by it."""
ALL_THREE = "strip+external+trim-tags"
ASKED = (
    ("strip", BASELINE, "all"),
    ("external", BASELINE, "with C"),
    ("external", BASELINE, "without C"),
    ("trim", BASELINE, "with C"),
    (ALL_THREE, "external+trim-tags", "all"),
    (ALL_THREE, "strip+trim-tags", "all"),
    (ALL_THREE, "strip+external", "all"),
    (ALL_THREE, BASELINE, "all"),
)
"""Candidate, baseline, and the programs over which they are compared."""


@dataclass(frozen=True)
class Pooled:
    """How long `steps` take as a multiple of `against`: the geometric mean over `blocks`.

    A block is one program built by one release. `low` and `high` are the 95 % interval, `floor` is
    what the default build's twin shows in the same blocks; `verdict` is "faster", "slower" or "not
    resolved".
    """

    steps: str
    against: str
    programs: str
    blocks: int
    ratio: float
    low: float
    high: float
    floor: float
    verdict: str


def pooled(study: Study, cache: CacheState = "cold") -> Table[Pooled]:
    """Return what the steps do on average; a row each for which there are starts.

    Args:
        study: its programs are taken together.
        cache: the state that counts.
    """
    rows: Table[Pooled] = Table()
    floors: dict[str, float] = {}
    for steps, against, programs in ASKED:
        cells = [
            cell
            for cell in study.launches
            if cell.cache == cache
            and programs in ("all", "with C" if has_c(study, cell) else "without C")
            and {steps, against} <= set(study.measured_configs(cell))
            and study.rounds >= LEAST_ROUNDS
        ]
        if cells:
            ratio, interval = _mean(_logs(study, cells, steps, against), study.seed)
            if programs not in floors:
                _, twins = _mean(_logs(study, cells, TWIN, BASELINE), study.seed)
                floors[programs] = floor_of(twins)
            word = verdict(ratio, interval, floors[programs])
            rows.append(
                Pooled(
                    steps=steps,
                    against=against,
                    programs=programs,
                    blocks=len(cells),
                    ratio=ratio,
                    low=interval[0],
                    high=interval[1],
                    floor=floors[programs],
                    verdict=word,
                )
            )
    return rows


def gain(rows: Iterable[Pooled], steps: str, against: str, programs: str = "all") -> bool | None:
    """Say whether steps gain what is worth having: resolved, and at least `WORTH_HAVING` less.

    False: the whole interval excludes so large a gain. None: neither, or there is no such row.
    """
    for own in rows:
        if (own.steps, own.against, own.programs) == (steps, against, programs):
            most = 1 - WORTH_HAVING
            if own.verdict == "faster" and own.ratio <= most:
                return True
            return False if own.low > most else None
    return None


def every(answers: Iterable[bool | None]) -> bool | None:
    """Return whether all are true: one that is false settles it, one that is open leaves it so."""
    found = set(answers)
    return False if False in found else None if None in found else True


def has_c(study: Study, cell: Cell) -> bool:
    """Say whether a program holds C as it is built by default: trimming it changes the file."""
    default, trimmed = (study.size(cell.program, cell.go, c) for c in (BASELINE, "trim"))
    return bool(default and trimmed and abs(trimmed / default - 1) > TAKES_AWAY)


@dataclass(frozen=True)
class AllThree:
    """What all three steps do to one program: per cent less time, and per cent more speed.

    The intervals are those of the ratio, turned into each.
    """

    where: str
    less: float
    less_ci95: tuple[float, float]
    speed: float
    speed_ci95: tuple[float, float]


def all_three(study: Study, cache: CacheState = "cold") -> Table[AllThree]:
    """Return what the three steps do together, the program first that gains most."""
    rows: Table[AllThree] = Table()
    for cell in study.launches:
        for own in all_steps(study, cell) if cell.cache == cache else []:
            low, high = own.ci95
            rows.append(
                AllThree(
                    where=label(cell),
                    less=_less(own.ratio),
                    less_ci95=(_less(high), _less(low)),
                    speed=_speed(own.ratio),
                    speed_ci95=(_speed(high), _speed(low)),
                )
            )
    rows.sort(key=lambda row: -row.less)
    return rows


def _less(ratio: float) -> float:
    return round((1 - ratio) * 100, 2)


def _speed(ratio: float) -> float:
    return round((1 / ratio - 1) * 100, 2)


def _logs(study: Study, cells: Sequence[Cell], steps: str, against: str) -> list[Values]:
    """Return the logarithms of the ratios of each block's rounds."""
    made = []
    for cell in cells:
        values = by_command(study.launches[cell])
        above, below = values[steps], values[against]
        usable = (above > 0) & (below > 0)
        made.append(np.log(above[usable] / below[usable]))
    return made


def _mean(blocks: Sequence[Values], seed: int) -> tuple[float, tuple[float, float]]:
    """Return the geometric mean over the blocks of each one's median, with its interval."""
    rng = np.random.default_rng(seed)
    middle = float(np.mean([np.median(logs) for logs in blocks]))
    drawn = [np.median(rng.choice(logs, (RESAMPLES, len(logs))), axis=1) for logs in blocks]
    low, high = np.percentile(np.mean(drawn, axis=0), [2.5, 97.5])
    return float(np.exp(middle)), (float(np.exp(low)), float(np.exp(high)))
