"""What the launches of one block say: every command against the baseline, beside the A/A floor."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from labhelpers.startup.estimate import Comparison, Values, compare, floor_of, ratio_interval
from labhelpers.startup.rounds import Launch

Quantity = Callable[[Launch], float]


def start_ns(launch: Launch) -> float:
    """Time of a start, in nanoseconds."""
    return launch.start_ns


def cpu_us(launch: Launch) -> float:
    """Processor time of a start, in microseconds."""
    return launch.cpu_us


def by_command(launches: Iterable[Launch], quantity: Quantity = start_ns) -> dict[str, Values]:
    """Return each command's values in the order of the rounds; entry i of all is one round."""
    rows: dict[str, list[tuple[int, float]]] = {}
    for launch in launches:
        rows.setdefault(launch.command, []).append((launch.round, quantity(launch)))
    return {name: np.array([value for _, value in sorted(pairs)]) for name, pairs in rows.items()}


def comparisons(
    launches: Sequence[Launch],
    baseline: str,
    twin: str,
    candidates: Sequence[str],
    seed: int,
    quantity: Quantity = start_ns,
) -> list[Comparison]:
    """Compare the candidates with the baseline; the twin, a copy of it, gives the floor."""
    values = by_command(launches, quantity)
    _, interval = ratio_interval(values[twin], values[baseline], seed)
    floor = floor_of(interval)
    base = (baseline, values[baseline])
    return [compare(base, (name, values[name]), floor, seed) for name in candidates]
