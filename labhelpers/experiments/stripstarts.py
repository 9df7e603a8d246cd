"""Starts of stripped files against the default build, from a warm and from a cold page cache."""

import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from labhelpers.errors import LabError
from labhelpers.experiments.stripped import Stripped
from labhelpers.machine import read_ahead_kb
from labhelpers.paths import cache_dir
from labhelpers.programs import SERVERS
from labhelpers.startup import pagecache
from labhelpers.startup.measure import measure
from labhelpers.startup.rounds import CacheState
from labhelpers.startup.spawn import Command
from labhelpers.table import Table


@dataclass(frozen=True)
class Start:
    """The starts of one file in one state of the page cache, against the default build's.

    `ratio`, its 95 % interval `low` to `high`, and the A/A floor are those of paired starts;
    `read_kb` is what a cold start left in the page cache, in KiB, None for warm ones.
    """

    program: str
    go: str
    cache: str
    way: str
    bytes: int
    median_ms: float
    ratio: float
    low: float
    high: float
    floor: float
    verdict: str
    read_kb: int | None
    read_ahead_kb: int | None


def starts(
    files: Sequence[Stripped], cache: CacheState, rounds: int = 40, seed: int = 2
) -> Table[Start]:
    """Start every file once a round and compare all with the first.

    Each is a copy of its own, which a cold start finds written anew at another place of the disk.

    Raises:
        LabError: a cold start cannot be had here.
    """
    with tempfile.TemporaryDirectory(dir=cache_dir("runs")) as folder:
        commands = []
        for index, file in enumerate(files):
            copy = Path(folder) / str(index)
            pagecache.write_anew(file.path, copy)
            commands.append(
                Command(file.way, (str(copy),), file.program in SERVERS, original=file.path)
            )
        done = measure(commands, rounds, seed, cache)
        ahead = read_ahead_kb(Path(folder))
    compared = {c.candidate: c for c in done.comparisons}
    rows: Table[Start] = Table()
    for file, own in zip(files, done.estimates, strict=True):
        read = [launch.pages_read for launch in done.launches if launch.command == file.way]
        pages = [count for count in read if count is not None]
        c = compared.get(file.way)
        low, high = c.ci95 if c else (1.0, 1.0)
        rows.append(
            Start(
                program=file.program,
                go=file.go,
                cache=cache,
                way=file.way,
                bytes=file.bytes,
                median_ms=round(own.median_ms, 3),
                ratio=round(c.ratio, 4) if c else 1.0,
                low=round(low, 4),
                high=round(high, 4),
                floor=round(c.floor, 4) if c else 0.0,
                verdict=c.verdict if c else "baseline",
                read_kb=round(statistics.median(pages) * 4) if pages else None,
                read_ahead_kb=ahead,
            )
        )
    return rows


def cold_missing(file: Stripped) -> str | None:
    """Say why no cold start can be had here, None where it can."""
    try:
        pagecache.make_cold(file.path)
    except (LabError, OSError):
        return "No cold start can be had here: the cache folder lies on a RAM disk."
    return None
