"""What each step does: alone, together, and by how much the whole differs from its parts."""

from dataclasses import dataclass

import numpy as np

from labhelpers.startup.analysis import Quantity, by_command, comparisons, cpu_us, floor, start_ns
from labhelpers.startup.estimate import (
    LEAST_ROUNDS,
    Comparison,
    median_interval,
    verdict,
)
from labhelpers.startup.tomain import main_ns
from labhelpers.study import BASELINE, TWIN, Cell, Study


@dataclass(frozen=True)
class Interaction:
    """How far steps taken together differ from the product of the same steps taken alone.

    `ratio` 1 means that they act independently; above 1 the whole takes longer than its parts
    foretell. `verdict` is "slower" or "faster" than foretold, or "not resolved".
    """

    steps: tuple[str, ...]
    ratio: float
    ci95: tuple[float, float]
    floor: float
    verdict: str


def cell_comparisons(study: Study, cell: Cell, quantity: Quantity = start_ns) -> list[Comparison]:
    """Compare every configuration of a cell with the default build."""
    candidates = [config for config in study.measured_configs(cell) if config != BASELINE]
    launches = study.launches[cell]
    return comparisons(launches, BASELINE, candidates, {BASELINE: TWIN}, study.seed, quantity)


def cpu_comparisons(study: Study, cell: Cell) -> list[Comparison]:
    """Compare the processor time of every configuration of a cell with that of the default build.

    Empty: a kernel that counts it in ticks has too little to show for so short a start.
    """
    try:
        return cell_comparisons(study, cell, cpu_us)
    except ValueError:
        return []


def main_comparisons(study: Study, cell: Cell) -> list[Comparison]:
    """Compare the time to main of every configuration of a cell with that of the default build.

    Empty: it was not measured, or in too few rounds for an interval.
    """
    launches = study.main_launches.get(cell, [])
    started = [config for config in study.configs if any(x.command == config for x in launches)]
    if BASELINE not in started or not any(x.command == TWIN for x in launches):
        return []
    if len({launch.round for launch in launches}) < LEAST_ROUNDS:
        return []
    candidates = [config for config in started if config != BASELINE]
    return comparisons(launches, BASELINE, candidates, {BASELINE: TWIN}, study.seed, main_ns)


def interactions(study: Study, cell: Cell) -> list[Interaction]:
    """Return the interaction of every combination of which each step was also measured alone."""
    values = {name: np.log(own) for name, own in by_command(study.launches[cell]).items()}
    least = floor(study.launches[cell], {BASELINE: TWIN}, study.seed)
    found = []
    for config in study.measured_configs(cell):
        steps = tuple(config.split("+"))
        if len(steps) < 2 or not values.keys() >= set(steps):
            continue
        foretold = sum(values[step] - values[BASELINE] for step in steps)
        middle, (low, high) = median_interval(
            values[config] - values[BASELINE] - foretold, study.seed
        )
        ratio, interval = float(np.exp(middle)), (float(np.exp(low)), float(np.exp(high)))
        found.append(Interaction(steps, ratio, interval, least, verdict(ratio, interval, least)))
    return found
