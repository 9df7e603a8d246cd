"""Starts with and without inlining beside each other: in instructions, and in time."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from labhelpers.build import BuildConfig, build_all
from labhelpers.errors import LabError
from labhelpers.experiments.instructions import DEFAULT, WAYS, count_starts
from labhelpers.programs import Program, find_program
from labhelpers.startup.measure import measure
from labhelpers.startup.spawn import Command
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain

COUNTED = ("instructions", "boot", "misses")


@dataclass(frozen=True)
class Against:
    """The starts of one build beside the default one's: medians, and their ratios.

    `boot` is the part before runtime.main, in which the program has one thread and waits for
    nobody; `low` and `high` are the extremes of its ratio: the least of the one over the most of
    the other, and the other way round.
    """

    program: str
    go: str
    way: str
    instructions: int
    ratio: float
    boot: int
    boot_ratio: float
    low: float
    high: float
    misses: int
    miss_ratio: float


def against_default(starts: Sequence[Mapping[str, Any]]) -> Table[Against]:
    """Return each build's instructions before main over those of the default build."""
    found: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for row in starts:
        found.setdefault((row["program"], row["go"], row["way"]), []).append(row)
    rows: Table[Against] = Table()
    for (program, go, way), own in found.items():
        base = found[program, go, DEFAULT.name]
        counts = [[median(row[key] for row in some) for some in (own, base)] for key in COUNTED]
        (here, there), (boot, booted), (missed, before) = counts
        low, high = (function(row["boot"] for row in own) for function in (min, max))
        least, most = (function(row["boot"] for row in base) for function in (min, max))
        same = way == DEFAULT.name
        rows.append(
            Against(
                program=program,
                go=go,
                way=way,
                instructions=round(here),
                ratio=round(here / there, 3),
                boot=round(boot),
                boot_ratio=round(boot / booted, 3),
                low=1.0 if same else round(low / most, 3),
                high=1.0 if same else round(high / least, 3),
                misses=round(missed),
                miss_ratio=round(missed / before, 3),
            )
        )
    return rows


@dataclass(frozen=True)
class Timed:
    """The warm starts of one build: the ratio of pairs with its 95 % interval, and the floor."""

    way: str
    median_ms: float
    ratio: float
    low: float
    high: float
    floor: float
    verdict: str


def timed(
    program: Program, go: Toolchain, rounds: int = 100, ways: Sequence[BuildConfig] = WAYS
) -> Table[Timed]:
    """Start a program built in each way, in pairs, and compare with the first.

    Raises:
        LabError: a build fails, or a start does.
    """
    made = build_all([(program, way, go) for way in ways])
    if failed := next((own for own in made if own.path is None), None):
        raise LabError(f"{failed.program} could not be built with {failed.config}: {failed.error}")
    done = measure([Command(own.config, (str(own.path),)) for own in made], rounds, seed=4)
    compared = {c.candidate: c for c in done.comparisons}
    rows: Table[Timed] = Table()
    for own in done.estimates:
        c = compared.get(own.command)
        ratio, (low, high), floor = (c.ratio, c.ci95, c.floor) if c else (1.0, (1.0, 1.0), 0.0)
        rows.append(
            Timed(
                way=own.command,
                median_ms=round(own.median_ms, 3),
                ratio=round(ratio, 3),
                low=round(low, 3),
                high=round(high, 3),
                floor=round(floor, 3),
                verdict=c.verdict if c else "baseline",
            )
        )
    return rows


def server_starts(go: Toolchain) -> list[dict[str, Any]]:
    """Follow two starts of the bundled server in each build, as `count_starts`.

    Raises:
        LabError: as `count_starts`.
    """
    return count_starts([find_program("httpd")], [go], runs=2).to_dicts()


def too_long() -> str | None:
    """Say why the server's starts are not counted here; None while a record is being made."""
    if os.environ.get("GOLAB_RECORD"):
        return None
    return "Compiling net/http anew without inlining takes longer than this lab."
