"""The 63 % experiment as a design: programs × Go releases × steps × states of the page cache.

Everything is built, copied side by side, and started in interleaved rounds; what follows from the
launches is in effects.py and readings.py.
"""

import contextlib
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labhelpers import machine
from labhelpers.build import Binary, build_all
from labhelpers.configs import FACTORIAL, find_config
from labhelpers.errors import LabError
from labhelpers.paths import cache_dir, unwritable
from labhelpers.programs import Program, find_program
from labhelpers.startup import pagecache
from labhelpers.startup.caution import Caution, busy, cautions
from labhelpers.startup.estimate import LEAST_ROUNDS
from labhelpers.startup.measure import draw_seed, require_rounds
from labhelpers.startup.rounds import Block, CacheState, Launch, run_blocks
from labhelpers.startup.spawn import Command
from labhelpers.startup.tomain import marked_block, whole_rounds
from labhelpers.toolchain import Toolchain, toolchain

BASELINE = "default"
LEAST_FOR_READINGS = 2 * LEAST_ROUNDS
"""Readings pick on one half of the rounds and estimate on the other (readings.py)."""
MAIN_STARTS = 20
"""How many starts of each binary are for the time to main, in each cache state."""
TWIN = "default (copy)"
"""The baseline's file once more, byte for byte, under another name: the A/A comparison."""


@dataclass(frozen=True)
class Design:
    """What to compare: every program, built by every release in every configuration.

    `programs` are names or folders, `releases` what `toolchain()` takes, `rounds` the launches of
    each binary in each cache state. The default is the whole experiment.
    """

    programs: tuple[str, ...] = ("empty", "hello", "cgocall", "netuser", "httpd")
    releases: tuple[str, ...] = ("article", "current")
    configs: tuple[str, ...] = FACTORIAL
    caches: tuple[CacheState, ...] = ("warm", "cold")
    rounds: int = 80
    seed: int | None = None
    timeout: float = 10.0


QUICK = Design(programs=("hello", "netuser"), rounds=40)
"""The smallest design that shows every effect: a program without cgo and one with it."""


@dataclass(frozen=True)
class Cell:
    """One block of the experiment: a program built by one release, in one state of the cache."""

    program: str
    go: str
    cache: CacheState


@dataclass
class Study:
    """What was built and every launch; the figures follow from these two.

    `main_launches` are the starts for the time to main (startup/tomain.py).
    """

    binaries: list[Binary]
    launches: dict[Cell, list[Launch]]
    seed: int
    rounds: int
    machine: dict[str, Any]
    cautions: list[Caution] = field(default_factory=list)
    interrupted: str | None = None
    main_launches: dict[Cell, list[Launch]] = field(default_factory=dict)

    @property
    def programs(self) -> list[str]:
        """The programs, in the order of the design."""
        return list(dict.fromkeys(binary.program for binary in self.binaries))

    @property
    def releases(self) -> list[str]:
        """The Go releases, in the order of the design."""
        return list(dict.fromkeys(binary.go for binary in self.binaries))

    @property
    def configs(self) -> list[str]:
        """The configurations, in the order of the design."""
        return list(dict.fromkeys(binary.config for binary in self.binaries))

    def measured_configs(self, cell: Cell) -> list[str]:
        """The configurations that have launches in a cell, the baseline first."""
        started = {launch.command for launch in self.launches[cell]}
        return [config for config in self.configs if config in started]

    def size(self, program: str, go: str, config: str) -> int | None:
        """Bytes of one binary, None where it could not be built."""
        for b in self.binaries:
            if (b.program, b.go, b.config) == (program, go, config):
                return b.bytes
        return None


def plan(design: Design) -> list[tuple[Program, str, Toolchain]]:
    """Return the builds of a design: program, configuration, toolchain.

    Raises:
        LabError: an unknown program, configuration or release; two programs of one name; too few
            rounds; nothing to compare with.
    """
    require_rounds(design.rounds, LEAST_FOR_READINGS)
    configs = list(dict.fromkeys([BASELINE, *(find_config(name).name for name in design.configs)]))
    if len(configs) < 2:
        raise LabError(
            "There is nothing to compare with default: name a configuration (--configs)."
        )
    programs = list(dict.fromkeys(find_program(name) for name in design.programs))
    if len({program.name for program in programs}) < len(programs):
        raise LabError("Two programs have the same name: rename the folder of one of them.")
    if not programs or not design.releases or not design.caches:
        raise LabError("A study needs at least one program, one Go release and one cache state.")
    chains = {chain.release: chain for chain in map(toolchain, design.releases)}
    return [(p, config, t) for p in programs for config in configs for t in chains.values()]


Progress = Callable[[str, int, int], None]
"""Called with the stage ("build" or "start"), how much more of it is done, and its whole."""


def run_study(design: Design, progress: Progress = lambda stage, more, whole: None) -> Study:
    """Build, start and record a whole design.

    Ctrl-C while starting keeps the finished rounds and sets `interrupted`.

    Raises:
        LabError: what `plan` refuses; a machine that cannot do it; a baseline that does not build;
            interrupted before there were enough rounds for an interval.
    """
    jobs = plan(design)
    seed = draw_seed(design.seed)
    state = machine.describe()
    binaries = build_all(
        [(program, find_config(config), chain) for program, config, chain in jobs],
        lambda binary: progress("build", 1, len(jobs)),
    )
    refuse_broken_baseline(binaries)
    warnings = busy(state.load_average, state.usable_cores)
    servers = {program.name for program, _, _ in jobs if program.server}
    refuse_lone_baseline(binaries)
    with staged(binaries, servers) as files:
        caches, why_not = possible_caches(design.caches, next(iter(files.values()))[0].file)
        warnings += why_not
        cells = [Cell(p, go, cache) for (p, go) in files for cache in caches]
        blocks = [Block(tuple(files[c.program, c.go]), c.cache, label(c)) for c in cells]
        every = max(1, design.rounds // MAIN_STARTS)
        marked = [marked_block(block, design.timeout, every) for block in blocks]
        warnings += no_main({note for _, notes in marked for note in notes})
        blocks += [block for block, _ in marked]
        run = run_blocks(
            blocks,
            design.rounds,
            seed,
            design.timeout,
            lambda more, whole: progress("start", more, whole),
        )
    if run.failure and run.rounds < LEAST_ROUNDS:
        raise run.failure
    launches = dict(zip(cells, run.launches[: len(cells)], strict=True))
    to_main = dict(zip(cells, map(whole_rounds, run.launches[len(cells) :]), strict=True))
    warnings += cautions({label(cell): own for cell, own in launches.items()})
    return Study(
        binaries=binaries,
        launches=launches,
        seed=seed,
        rounds=run.rounds,
        machine={
            **state.as_dict(),
            "read_ahead_kb": machine.read_ahead_kb(cache_dir()),
            "c_compiler": jobs[0][2].cc.version if jobs[0][2].cc else None,
        },
        cautions=warnings,
        interrupted=run.interrupted,
        main_launches={cell: own for cell, own in to_main.items() if own},
    )


def no_main(notes: Iterable[str]) -> list[Caution]:
    """Return a caution where the time to main could not be had, with each reason once."""
    return [Caution("no time to main", "machine", note) for note in sorted(notes)]


def label(cell: Cell) -> str:
    """Return a cell's name for people."""
    return f"{cell.program}, Go {cell.go}, {cell.cache}"


def refuse_broken_baseline(binaries: Sequence[Binary]) -> None:
    """Raise a LabError where a program does not even build as it is."""
    for binary in binaries:
        if binary.config == BASELINE and binary.error:
            raise LabError(
                f"{binary.program} does not build with Go {binary.go}: {binary.error} "
                f"(command: {binary.command}). Mend the program, or leave that release out (--go)."
            )


def refuse_lone_baseline(binaries: Sequence[Binary]) -> None:
    """Raise a LabError where a program has nothing to be compared with: all else failed."""
    built = {(b.program, b.go) for b in binaries if b.config != BASELINE and not b.error}
    for binary in binaries:
        if binary.error and (binary.program, binary.go) not in built:
            raise LabError(
                f"{binary.program} builds with Go {binary.go} as default only: {binary.config} "
                f"ends in “{binary.error}”. Name other configurations (--configs)."
            )


def possible_caches(
    caches: Sequence[CacheState], file: Path
) -> tuple[list[CacheState], list[Caution]]:
    """Return the cache states that can be had where `file` lies, and a caution for those that not.

    Raises:
        LabError: only the cold state was asked for, and it cannot be had.
    """
    if "cold" not in caches:
        return list(caches), []
    try:
        pagecache.make_cold(file)
    except LabError as error:
        left: list[CacheState] = [cache for cache in caches if cache != "cold"]
        if not left:
            raise
        return left, [Caution("no cold start", "machine", str(error))]
    return list(caches), []


@contextlib.contextmanager
def staged(
    binaries: Sequence[Binary], servers: Collection[str]
) -> Iterator[dict[tuple[str, str], list[Command]]]:
    """Copy all that was built into a folder of this run's own; it is gone afterwards.

    The copies all came about in the same way, so that their pages lie alike; nobody else drops or
    reads them; and the baseline has its twin.

    Yields: for each program and release its commands, named by configuration, and the twin.
    """
    parent = cache_dir("runs")
    with tempfile.TemporaryDirectory(dir=parent, ignore_cleanup_errors=True) as folder:
        try:
            commands = copy_all(binaries, servers, Path(folder))
        except OSError as error:
            raise unwritable(parent, error.strerror) from error
        yield commands


def copy_all(
    binaries: Sequence[Binary], servers: Collection[str], folder: Path
) -> dict[tuple[str, str], list[Command]]:
    """Copy what was built, the baseline twice; return the commands that start the copies."""
    commands: dict[tuple[str, str], list[Command]] = {}
    for binary in binaries:
        if binary.path is None:
            continue
        for name in [binary.config, TWIN] if binary.config == BASELINE else [binary.config]:
            file = folder / f"{binary.program}-{binary.go}-{name}"
            pagecache.write_anew(binary.path, file)
            server = binary.program in servers
            command = Command(name, (str(file),), server, original=binary.path)
            commands.setdefault((binary.program, binary.go), []).append(command)
    return commands
