"""What the launches of one block say: every command against the baseline, beside the A/A floor."""

from collections.abc import Callable, Iterable, Mapping, Sequence

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


def floor(
    launches: Iterable[Launch],
    twins: Mapping[str, str],
    seed: int,
    quantity: Quantity = start_ns,
) -> float:
    """Return the A/A floor: what commands against their twins in the same rounds say of nothing.

    Args:
        launches: of one block.
        twins: the name of each command's twin, by the command's name.
        seed: of the bootstrap.
        quantity: what to compare.
    """
    values = {(launch.round, launch.command): quantity(launch) for launch in launches}
    own_of = {twin: own for own, twin in twins.items()}
    rounds = [(number, name) for number, name in values if name in own_of]
    again = [values[number, twin] for number, twin in rounds]
    first = [values[number, own_of[twin]] for number, twin in rounds]
    return floor_of(ratio_interval(again, first, seed)[1])


def comparisons(
    launches: Sequence[Launch],
    baseline: str,
    candidates: Sequence[str],
    twins: Mapping[str, str],
    seed: int,
    quantity: Quantity = start_ns,
) -> list[Comparison]:
    """Compare the candidates with the baseline, each beside the floor that the twins give."""
    values = by_command(launches, quantity)
    least = floor(launches, twins, seed, quantity)
    base = (baseline, values[baseline])
    return [compare(base, (name, values[name]), least, seed) for name in candidates]
