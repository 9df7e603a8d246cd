"""Where the time of a start goes, on an unmodified program: the engine behind `golab phases`.

Every command is started in interleaved rounds: as it is; as it is once more, for the A/A floor;
watched; and, in some rounds, with its page faults watched, too. What the watching costs is measured
in the same rounds and stands in the result.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from labhelpers import machine
from labhelpers.errors import LabError
from labhelpers.startup.analysis import by_command, floor
from labhelpers.startup.estimate import (
    LEAST_ROUNDS,
    Comparison,
    Estimate,
    compare,
    estimate,
    median_interval,
)
from labhelpers.startup.marks import MAIN
from labhelpers.startup.measure import TWIN, draw_seed, require_rounds
from labhelpers.startup.resident import Resident, peak_resident
from labhelpers.startup.rounds import CacheState, Launch, Progress, no_progress, run_blocks
from labhelpers.startup.spawn import Command, LaunchFailed
from labhelpers.startup.stamps import NEIGHBOURS, Stamped, faults_between, stretches
from labhelpers.startup.watching import (
    FAULTS,
    KINDS,
    METHODS,
    WATCHED,
    Method,
    Plan,
    blocks,
    plan,
    watcher,
)
from labhelpers.table import Table

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Phase:
    """One stretch of a start: its median in microseconds with its interval.

    `faults` is the median number of page faults in user mode in it, None where not watched.
    """

    name: str
    median_us: float
    ci95_us: tuple[float, float]
    faults: float | None


@dataclass
class Phases:
    """The phases of one command's start.

    Those of each launch sum to its time exactly; `explained` is the share of a launch (the median)
    that lies between neighbouring marks: what had to be joined over a missing mark explains
    nothing. `wall` is of starts that nobody watched, `overhead` compares the watched ones with
    them. `launches` holds all, kind by kind.
    """

    command: str
    method: Method
    phases: Table[Phase]
    wall: Estimate
    time_to_main: Estimate | None
    explained: float
    overhead: Comparison
    resident: Resident | None
    launches: list[Launch]
    notes: list[str]
    machine: dict[str, Any]
    seed: int
    rounds: int
    cache: CacheState

    def as_dict(self) -> dict[str, Any]:
        """Return the document of schema golab/phases/1."""
        return {
            "schema": "golab/phases/1",
            "machine": self.machine,
            "seed": self.seed,
            "rounds": self.rounds,
            "cache": self.cache,
            "command": self.command,
            "method": self.method,
            "phases": [asdict(phase) for phase in self.phases],
            "wall_median_us": self.wall.median_ms * 1e3,
            "wall_ci95_us": [end * 1e3 for end in self.wall.ci95_ms],
            "explained": self.explained,
            "time_to_main_us": self.time_to_main and self.time_to_main.median_ms * 1e3,
            "overhead": self.overhead.as_dict(),
            "resident": self.resident and asdict(self.resident),
            "notes": self.notes,
            "launches": [launch.as_dict() for launch in self.launches],
        }

    def to_frame(self) -> "pd.DataFrame":
        """Return a row a phase."""
        return self.phases.to_frame()


def find_method(name: str) -> Method | None:
    """Return the method of this name; None, the most that is allowed, for an empty one.

    Raises:
        LabError: no such method.
    """
    if name and name not in METHODS:
        raise LabError(f"There is no method {name!r}: take one of {', '.join(METHODS)}.")
    return next((method for method in METHODS if method == name), None)


def measure_phases(
    commands: Sequence[Command],
    rounds: int = 40,
    seed: int | None = None,
    timeout: float = 10.0,
    method: Method | None = None,
    cache: CacheState = "warm",
    progress: Progress = no_progress,
) -> list[Phases]:
    """Start every command in interleaved rounds and return the phases of each.

    Args:
        commands: at least one, of different names.
        rounds: at least 6.
        seed: decides the order; drawn where none is given.
        timeout: seconds for one start.
        method: the most that is to be used; None: the most that this machine allows.
        cache: "cold" drops the pages of each program's own file before each of its starts.
        progress: told how many launches were done.

    Raises:
        LabError: too few rounds, two commands of one name, a cold start that cannot be had.
        LaunchFailed: a command fails.
    """
    require_rounds(rounds)
    if len({command.name for command in commands}) < len(commands):
        raise LabError("Two commands have the same name: give each one of its own.")
    seed = draw_seed(seed)
    plans = [plan(command, timeout, method) for command in commands]
    state = machine.describe()
    run = run_blocks(blocks(plans, rounds, cache), rounds, seed, timeout, progress, watcher(plans))
    if run.rounds < LEAST_ROUNDS:
        raise run.failure or LabError(
            f"Only {run.rounds} rounds were whole, too few for an interval: let it run longer."
        )
    launches = [launch for block in run.launches for launch in block]
    facts = {**state.as_dict(), "read_ahead_kb": machine.read_ahead_kb(commands[0].file)}
    if run.interrupted:
        cut = f"Cut short by {run.interrupted}; the whole rounds were kept."
        plans = [replace(own, notes=(*own.notes, cut)) for own in plans]
    found = [_phases(own, launches, facts, seed, run.rounds, cache) for own in plans]
    for own, result in zip(plans, found, strict=True):
        result.resident = peak_resident(own.command, timeout)
    return found


def _phases(
    own: Plan,
    launches: Sequence[Launch],
    facts: dict[str, Any],
    seed: int,
    rounds: int,
    cache: CacheState,
) -> Phases:
    name = own.command.name
    kinds = {kind: [x for x in launches if x.command == name + kind] for kind in KINDS}
    notes = list(own.notes)
    stamps, dropped = whole(kinds[WATCHED])
    if dropped:
        notes.append(f"{dropped} launches lacked a stamp and are left out of the phases.")
    if len(stamps) < LEAST_ROUNDS:
        raise LaunchFailed(
            f"Only {len(stamps)} starts of {name} were stamped as a whole, too few for an "
            "interval: take a simpler method (--method events or spawn)."
        )
    faults, lost = fault_medians(kinds[FAULTS], list(stretches(stamps[0])))
    if lost:
        notes.append("Page faults are not told: the kernel had to drop some of their records.")
    phases = Table(
        _phase(pair, [stretches(own)[pair] for own in stamps], faults.get(pair), seed)
        for pair in stretches(stamps[0])
    )
    main = next((mark for mark in MAIN if mark in stamps[0]), None)
    return Phases(
        command=name,
        method=own.method,
        phases=phases,
        wall=estimate(name, by_command(kinds[""])[name], seed),
        time_to_main=estimate(name, [own[main] for own in stamps], seed) if main else None,
        explained=float(np.median([_explained(own) for own in stamps])),
        overhead=_overhead(name, launches, seed),
        resident=None,
        launches=[x for kind in KINDS for x in kinds[kind]],
        notes=notes,
        machine=facts,
        seed=seed,
        rounds=rounds,
        cache=cache,
    )


def _explained(stamps: Mapping[str, int]) -> float:
    """Return the share of one start that lies between neighbouring marks."""
    known = sum(time for pair, time in stretches(stamps).items() if pair in NEIGHBOURS)
    return known / max(stamps.values())


def _overhead(name: str, launches: Sequence[Launch], seed: int) -> Comparison:
    """Compare the watched starts of a command with its plain ones, beside the run's A/A floor."""
    values = by_command(launches)
    twins = {x.command.removesuffix(TWIN): x.command for x in launches if TWIN in x.command}
    least = floor(launches, twins, seed)
    return compare((name, values[name]), (name + WATCHED, values[name + WATCHED]), least, seed)


def whole(launches: Sequence[Launch]) -> tuple[list[Mapping[str, int]], int]:
    """Return the stamps of the launches that have as many as most, and how many have not."""
    found = [x.timing.stamps for x in launches if isinstance(x.timing, Stamped) and x.timing.stamps]
    if not found:
        return [], len(launches)
    usual, _ = Counter(map(tuple, found)).most_common(1)[0]
    kept = [stamps for stamps in found if tuple(stamps) == usual]
    return kept, len(launches) - len(kept)


def fault_medians(
    launches: Sequence[Launch], pairs: Sequence[tuple[str, str]]
) -> tuple[dict[tuple[str, str], float], bool]:
    """Return the median page faults of each phase, and whether the kernel lost any."""
    counts: dict[tuple[str, str], list[int]] = {}
    lost = False
    for launch in launches:
        timing = launch.timing
        if not isinstance(timing, Stamped) or timing.stamps is None or timing.faults is None:
            lost = True
            continue
        for pair, count in faults_between(timing.faults, timing.stamps).items():
            counts.setdefault(pair, []).append(count)
    found = {pair: float(np.median(own)) for pair, own in counts.items() if pair in pairs}
    return found, lost and not found


def _phase(
    pair: tuple[str, str], times_ns: Sequence[int], faults: float | None, seed: int
) -> Phase:
    median, (low, high) = median_interval(np.asarray(times_ns, dtype=float) / 1e3, seed)
    return Phase(f"{pair[0]} to {pair[1]}", median, (low, high), faults)
