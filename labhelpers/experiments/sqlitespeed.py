"""How fast SQLite in C and in Go answer: the same work, timed by the programs themselves.

Each start fills a table in memory anew, in one transaction, looks rows up by their keys, and
aggregates the whole table. The two take turns, and the first is started once more in every round:
what it says against itself is the floor of the comparison.
"""

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from labhelpers.errors import LabError
from labhelpers.experiments.turns import Talker, in_turns
from labhelpers.startup.estimate import compare, floor_of, median_interval, ratio_interval
from labhelpers.table import Table

AGAIN = "again"
WORKS = ("open", "insert", "point", "aggregate")


@dataclass(frozen=True)
class Speed:
    """One kind of work by both: medians in milliseconds with 95 % intervals, Go's time over C's.

    `verdict` is about Go: "faster", "slower", or "not resolved" where the interval of the ratio
    holds 1 or lies within `floor`.
    """

    work: str
    times: int
    c_ms: float
    c_low: float
    c_high: float
    go_ms: float
    go_low: float
    go_high: float
    ratio: float
    low: float
    high: float
    floor: float
    verdict: str


@dataclass(frozen=True)
class Engine:
    """A SQLite as it names itself, and what it answered: equal sums are equal answers."""

    name: str
    driver: str
    sqlite: str
    points: int
    sum: int


@dataclass(frozen=True)
class Speeds:
    """The comparison, and who was compared."""

    rows: Table[Speed]
    engines: Table[Engine]


def query_speed(
    in_c: Path,
    in_go: Path,
    rows: int = 10_000,
    repeat: int = 2,
    rounds: int = 12,
    seed: int = 7,
) -> Speeds:
    """Let both do the same work in turns.

    Args:
        in_c: the file of `sqlite-cgo`.
        in_go: the file of `sqlite-pure`.
        rows: of the table.
        repeat: how often a start does it all; the median of these counts.
        rounds: starts of each.
        seed: decides the order.

    Raises:
        LabError: one fails, or the two do not answer the same.
    """
    words = ("-rows", str(rows), "-repeat", str(repeat))
    talkers = [
        Talker(name, (str(path), *words), {})
        for name, path in (("C", in_c), (AGAIN, in_c), ("Go", in_go))
    ]
    said = in_turns(talkers, rounds, seed)
    answers = [[json.loads(one.out) for one in own] for own in said]
    first, again, other = answers
    engines = Table([_engine("C", first[0]), _engine("Go", other[0])])
    if len({(one.points, one.sum) for one in engines}) != 1:
        raise LabError(f"The two do not answer the same: {engines.to_dicts()}.")
    speeds: Table[Speed] = Table()
    for work in WORKS:
        c, twin, go = ([_median(one, work) for one in own] for own in (first, again, other))
        times = {"insert": rows, "point": first[0]["queries"]}.get(work, 1)
        speeds.append(_speed(work, times, c, twin, go, seed))
    return Speeds(speeds, engines)


def _speed(
    work: str,
    times: int,
    c: Sequence[float],
    twin: Sequence[float],
    go: Sequence[float],
    seed: int,
) -> Speed:
    least = floor_of(ratio_interval(twin, c, seed)[1])
    found = compare(("C", c), ("Go", go), least, seed)
    (c_ms, (c_low, c_high)), (go_ms, (go_low, go_high)) = (
        median_interval(values, seed) for values in (c, go)
    )
    return Speed(
        work=work,
        times=times,
        c_ms=round(c_ms, 4),
        c_low=round(c_low, 4),
        c_high=round(c_high, 4),
        go_ms=round(go_ms, 4),
        go_low=round(go_low, 4),
        go_high=round(go_high, 4),
        ratio=round(found.ratio, 4),
        low=round(found.ci95[0], 4),
        high=round(found.ci95[1], 4),
        floor=round(least, 4),
        verdict=found.verdict,
    )


def _median(answer: dict[str, list[dict[str, float]]], work: str) -> float:
    return statistics.median(run[f"{work}_ms"] for run in answer["runs"])


def _engine(name: str, answer: dict[str, object]) -> Engine:
    runs = answer["runs"]
    assert isinstance(runs, list)
    return Engine(
        name, str(answer["driver"]), str(answer["sqlite"]), runs[0]["points"], runs[0]["sum"]
    )
