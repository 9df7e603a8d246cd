"""Measured starts as flat rows: what a lab shows, records, and judges by."""

from dataclasses import dataclass

from labhelpers.startup import pagecache
from labhelpers.startup.measure import Measurement
from labhelpers.startup.spawn import Command
from labhelpers.table import Table


@dataclass(frozen=True)
class StartRow:
    """The start of one command in one state of the page cache.

    Times in milliseconds, `low_ms` and `high_ms` are the 95 % interval of the median. `ratio` and
    `verdict` compare it with the first command of the same state ("faster", "slower", "not
    resolved"); the first one itself has 1.0 and "baseline".
    """

    command: str
    cache: str
    median_ms: float
    low_ms: float
    high_ms: float
    ratio: float
    verdict: str


def start_rows(*measurements: Measurement) -> Table[StartRow]:
    """Return a row for each command of each measurement."""
    rows: Table[StartRow] = Table()
    for result in measurements:
        against = {c.candidate: (c.ratio, c.verdict) for c in result.comparisons}
        for own in result.estimates:
            ratio, verdict = against.get(own.command, (1.0, "baseline"))
            median, low, high = (round(value, 3) for value in (own.median_ms, *own.ci95_ms))
            row = StartRow(own.command, result.cache, median, low, high, round(ratio, 3), verdict)
            rows.append(row)
    return rows


def no_cold_start(command: Command) -> str | None:
    """Return why a cold start of this program cannot be had, in a sentence; None where it can."""
    if pagecache.drop(command.file):
        return (
            "The pages of this file cannot be dropped (the cache lies on a RAM disk, or the "
            "program is running)."
        )
    return None
