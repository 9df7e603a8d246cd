"""Each step of the Go runtime before main.main, timed in an instrumented build of any program."""

import contextlib
import itertools
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labhelpers import machine
from labhelpers.build import Binary, BuildConfig, build_all
from labhelpers.configs import find_config
from labhelpers.errors import LabError
from labhelpers.paths import cache_dir, unwritable
from labhelpers.programs import Program
from labhelpers.runtime.instrument import Extra, Instrumented, instrument
from labhelpers.runtime.report import NAMES, VARIABLE, Report, read_reports
from labhelpers.runtime.steps import what
from labhelpers.startup import pagecache
from labhelpers.startup.analysis import by_command, comparisons
from labhelpers.startup.caution import busy, cautions
from labhelpers.startup.estimate import (
    LEAST_ROUNDS,
    Comparison,
    Estimate,
    estimate,
    median_interval,
)
from labhelpers.startup.measure import TWIN, draw_seed, require_rounds
from labhelpers.startup.rounds import Block, Launch, Progress, Run, no_progress, run_blocks
from labhelpers.startup.spawn import Command, LaunchFailed, Timing, observe
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain

if TYPE_CHECKING:
    import pandas as pd

PLAIN, STAMPED = "plain", "instrumented"
ROOM = 16384
"""Bytes of a report for which pages are made before the program is started."""
COPIES = 8
"""How many copies of each program take turns: where a file's pages happen to lie shifts its starts
by up to 2 %, the same at each start."""
COPIED_BYTES = 64 << 20
"""How much both are copied to at most; a large program has fewer copies."""
LIMIT = 1.03
"""How much longer an instrumented start may take, for its steps to be those of a plain one."""


@dataclass(frozen=True)
class Step:
    """One step on the way to main.main: its median time in nanoseconds with its 95 % interval.

    `function` says where it is a step of: "rt0_go", "schedinit", "runtime.main", or "init tasks",
    whose steps are packages. `source` is its place in the release's own source.
    """

    function: str
    step: str
    median_ns: float
    ci95_ns: tuple[float, float]
    what: str
    source: str


@dataclass(frozen=True)
class Whole:
    """The median of a time in nanoseconds, with its 95 % interval."""

    median_ns: float
    ci95_ns: tuple[float, float]


@dataclass(frozen=True)
class Start:
    """One start: as any launch, and for an instrumented program what each step took, in order.

    `entry_ns` is the time from the spawn to the first stamp, None where the clocks do not agree.
    """

    launch: Launch
    entry_ns: int | None = None
    steps_ns: tuple[int, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return one row; its list `steps_ns` is in the order of the steps."""
        own = {"entry_ns": self.entry_ns, "steps_ns": list(self.steps_ns)}
        return {**self.launch.as_dict(), **own}


@dataclass
class Init:
    """What a Go program does before main.main, step by step.

    The whole goes from the entry of rt0_go to the call of main.main. In every single start the
    steps sum to it exactly, and so `explained`, the median of that share, is 1; the steps' medians
    need not sum to its median. `entry_ns` is the time from the spawn to rt0_go, `share` the whole
    as a part of the start's wall time, and `wall` that time of the plain program. `overhead`
    compares the instrumented program, writing its report as it did for these steps, with the plain
    one in the same rounds. `stamp_ns` is what a stamp costs: each step has one in it.
    """

    program: str
    go: str
    config: str
    gomaxprocs: int
    steps: Table[Step]
    whole_ns: Whole
    entry_ns: Whole | None
    share: float
    explained: float
    wall: Estimate
    overhead: Comparison
    stamp_ns: float
    launches: list[Start]
    notes: list[str]
    machine: dict[str, Any]
    seed: int
    rounds: int
    interrupted: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the document of schema golab/init/1."""
        own = dict(self.__dict__)
        own.update(
            steps=self.steps.to_dicts(),
            whole_ns=asdict(self.whole_ns),
            entry_ns=asdict(self.entry_ns) if self.entry_ns else None,
            wall=asdict(self.wall),
            overhead=self.overhead.as_dict(),
            launches=[start.as_dict() for start in self.launches],
        )
        return {"schema": "golab/init/1", **own}

    def to_frame(self) -> "pd.DataFrame":
        """Return a row for each step."""
        return self.steps.to_frame()


def measure_init(
    program: Program,
    toolchain: Toolchain,
    config: BuildConfig | None = None,
    gomaxprocs: int | None = None,
    rounds: int = 40,
    seed: int | None = None,
    timeout: float = 10.0,
    progress: Progress = no_progress,
    arguments: Sequence[str] = (),
    extra: Sequence[Extra] = (),
) -> Init:
    """Build a program plain and instrumented, start both in turns, and time every step.

    Args:
        program: what to start; it must end by itself (a bundled server does when it has answered).
        toolchain: what to build it with.
        config: how to build it; None: the default.
        gomaxprocs: the number of Ps, through the environment; None leaves it to the runtime.
        rounds: at least 6; in each both are started, and one of them once more.
        seed: decides the order; drawn where none is given.
        timeout: seconds for one start.
        progress: told after each round how many launches were done, and how many there are.
        arguments: for the program.
        extra: further functions of the runtime whose steps are to be told apart.

    Raises:
        MissingAnchor: the release's runtime is laid out differently.
        LaunchFailed: the program does not get to main.main, or does not end well.
        LabError: it cannot be built; too few rounds; no such GOMAXPROCS.
    """
    require_rounds(rounds)
    if gomaxprocs is not None and gomaxprocs < 1:
        raise LabError(f"GOMAXPROCS cannot be {gomaxprocs}: take 1 or more (--gomaxprocs).")
    config = config or find_config("default")
    seed = draw_seed(seed)
    own = instrument(toolchain, extra, config.overlay)
    plain, stamped = _built(program, config, toolchain, own)
    environment = dict(os.environ)
    if gomaxprocs:
        environment["GOMAXPROCS"] = str(gomaxprocs)
    commands = [
        Command(name, (str(file), *arguments), program.server, environment)
        # The instrumented one is the first to be tried: it can say how far it got.
        for name, file in ((STAMPED, stamped.path), (PLAIN, plain.path))
    ]
    state = machine.describe()
    block = Block(tuple(commands), twins=tuple(replace(c, name=c.name + TWIN) for c in commands))
    with _copies([command.file for command in commands]) as copies:
        launcher = _Launcher(program.name, own, copies)
        run = run_blocks([block], rounds, seed, timeout, progress, launcher)
    if run.rounds < LEAST_ROUNDS:
        raise run.failure or LabError(
            f"The run was ended after {run.rounds} rounds: steps have intervals from "
            f"{LEAST_ROUNDS} on."
        )
    result = _evaluated(launcher.starts(run), plain, run, seed, state.as_dict())
    warnings = busy(state.load_average, state.usable_cores) + cautions({"": run.launches[0]})
    result.notes += [caution.text for caution in warnings]
    return result


def _built(
    program: Program, config: BuildConfig, toolchain: Toolchain, own: Instrumented
) -> list[Binary]:
    """Build a program plain and instrumented.

    Raises:
        LabError: either cannot be built.
    """
    stamped = replace(config, name=f"{config.name}, {STAMPED}", overlay=own.overlay)
    binaries = build_all([(program, config, toolchain), (program, stamped, toolchain)])
    for binary in binaries:
        if binary.error:
            raise LabError(
                f"{program.name} could not be built with Go {toolchain.release} "
                f"(configuration {binary.config}): {binary.error}"
            )
    return binaries


@contextlib.contextmanager
def _copies(files: Sequence[Path]) -> Iterator[dict[Path, list[Path]]]:
    """Copy each file as often as there is room for, for as long as the body runs."""
    count = max(1, min(COPIES, COPIED_BYTES // sum(file.stat().st_size for file in files)))
    parent = cache_dir("runs")
    with tempfile.TemporaryDirectory(dir=parent, ignore_cleanup_errors=True) as folder:
        places = {
            file: [Path(folder) / f"{number}-{place}" / file.name for place in range(count)]
            for number, file in enumerate(files)
        }
        try:
            for place in range(count):  # in turns, so that no program has all its copies together
                for file, copies in places.items():
                    copies[place].parent.mkdir()
                    pagecache.write_anew(file, copies[place])
        except OSError as error:
            raise unwritable(parent, error.strerror or error) from error
        yield places


class _Launcher:
    """Starts a command as any launch, with a file for its report, and keeps what it said."""

    def __init__(
        self, program: str, own: Instrumented, copies: Mapping[Path, Sequence[Path]]
    ) -> None:
        self.program = program
        self.own = own
        self.copies = {file: itertools.cycle(own) for file, own in copies.items()}
        self.packages: dict[int, str] = {}
        """Of init tasks by their place: told by the first start, and left out of the others."""
        self.said: list[tuple[int, Report | None]] = []
        """Of each launch, also of those before the first round: its begin, and its report."""

    def __call__(self, command: Command, timeout: float, environment: Mapping[str, str]) -> Timing:
        with _memory_file() as file:
            named = "0" if self.packages else "1"
            environment = {**environment, VARIABLE: str(file), NAMES: named}
            argv = (str(next(self.copies[command.file])), *command.argv[1:])
            copy = replace(command, name=self.program, argv=argv)
            try:
                observed = observe(copy, timeout, environment)
            except LaunchFailed as error:
                if not command.name.startswith(STAMPED):
                    raise
                reached = (
                    "It did get to its main function: does it need arguments (--args)?"
                    if _read(file)
                    else "It did not get to its main function."
                )
                raise LaunchFailed(f"{error} {reached}") from error
            report = self._report(command, _read(file))
        self.said.append((observed.begin_ns, report))
        return observed.timing

    def _report(self, command: Command, text: str) -> Report | None:
        if not command.name.startswith(STAMPED):
            return None
        reports = read_reports(text, self.own.stamps, self.own.task_source, self.packages)
        if not reports:
            raise LaunchFailed(
                f"{self.program} ended well before its main function (os.Exit in an init?), so "
                "the steps up to main.main cannot be told: take a program that gets there."
            )
        return reports[0]

    def starts(self, run: Run) -> list[tuple[Launch, int, Report | None]]:
        """Return the launches of a run with what was said; the first two were not of a round."""
        launches = run.launches[0]
        said = self.said[2 : 2 + len(launches)]
        return [(x, begin, report) for x, (begin, report) in zip(launches, said, strict=True)]


@contextlib.contextmanager
def _memory_file() -> Iterator[int]:
    """Return a descriptor of a file in memory, which programs started here inherit.

    It holds zeros, so that the program that writes into it need not wait for fresh pages.
    """
    file = os.memfd_create("golab-init", 0)
    try:
        os.pwrite(file, bytes(ROOM), 0)
        yield file
    finally:
        os.close(file)


def _read(file: int) -> str:
    return os.pread(file, os.fstat(file).st_size, 0).decode(errors="replace").partition("\0")[0]


def _evaluated(
    said: Sequence[tuple[Launch, int, Report | None]],
    plain: Binary,
    run: Run,
    seed: int,
    state: dict[str, Any],
) -> Init:
    import numpy as np

    reports = [report for _, _, report in said if report]
    first = reports[0]
    if any(report.names != first.names for report in reports):
        raise LabError(
            f"{plain.program} does not pass the same steps in every start, so they have no "
            "medians: does what its packages' init functions do depend on something else?"
        )
    times = np.array([report.steps_ns for report in reports], dtype=float)
    steps = Table(
        Step(
            reached.function,
            reached.step,
            *median_interval(times[:, index], seed),
            what(reached.function, reached.step, plain.go, reached.functions),
            reached.source,
        )
        for index, reached in enumerate(first.reached)
    )
    wholes = np.array([report.whole_ns for report in reports], dtype=float)
    whole = Whole(*median_interval(wholes, seed))
    entries = [report.entry_ns - begin if report else None for _, begin, report in said]
    agree = all(
        entry is None or 0 <= entry <= launch.timing.wall_ns
        for entry, (launch, _, _) in zip(entries, said, strict=True)
    )
    launches = [
        Start(launch, entry if agree else None, report.steps_ns if report else ())
        for entry, (launch, _, report) in zip(entries, said, strict=True)
    ]
    walls = [launch.timing.wall_ns for launch, _, report in said if report]
    twins = {name: name + TWIN for name in (PLAIN, STAMPED)}
    (overhead,) = comparisons(run.launches[0], PLAIN, [STAMPED], twins, seed)
    values = by_command(run.launches[0])
    cost = float(np.median([report.cost_ns for report in reports]))
    known = [entry for entry in entries if entry is not None]
    return Init(
        program=plain.program,
        go=plain.go,
        config=plain.config,
        gomaxprocs=first.gomaxprocs,
        steps=steps,
        whole_ns=whole,
        entry_ns=Whole(*median_interval(known, seed)) if agree else None,
        share=float(np.median(wholes / np.array(walls, dtype=float))),
        explained=float(np.median(times.sum(axis=1) / wholes)),
        wall=estimate(PLAIN, values[PLAIN], seed),
        overhead=overhead,
        stamp_ns=cost,
        launches=launches,
        notes=_notes(cost, overhead, agree),
        machine=state,
        seed=seed,
        rounds=run.rounds,
        interrupted=run.interrupted,
    )


def _notes(cost: float, overhead: Comparison, agree: bool) -> list[str]:
    notes = [
        f"A stamp takes about {cost:.0f} ns (two in a row), and each step has one in it; those "
        "before the vDSO is found, up to args, ask the kernel and take longer.",
        "The overhead is that of the launches that gave these steps: stamps taken, and their "
        "report written right before main.main.",
    ]
    if overhead.verdict == "slower" and overhead.ci95[0] > LIMIT:
        notes.append(
            f"The instrumented program starts more than {LIMIT - 1:.0%} slower than the plain one "
            "(whole interval): its steps take longer than those of a plain start."
        )
    if not agree:
        notes.append(
            "The program's clock does not agree with that of its parent (a time namespace?), so "
            "the time from the spawn to its first stamp is not known."
        )
    return notes
