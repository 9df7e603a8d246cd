"""What it costs to watch a start, how much of it the phases explain, and what stamps cost.

What: hello is started as it is and watched, in pairs within the same rounds, in random order, so
that the ratio of each pair is what the watching costs.

- Side-band: perf software events (exec, threads, exit). The whole 95 % interval of the ratio is to
  lie within 2 % of 1. It does not, since each thread inherits the events; and so golab opens them
  in starts of their own, and not in those whose wall time counts.
- Breakpoints: the side-band and four of them, as `golab phases` has in launches of their own.
- Explained: the share of each program's start that lies in a phase with a name, `golab phases`.
- Instrumented: hello with a stamp behind every step of the runtime against the plain one, as
  `golab init` states it with its steps, for the current release and the article's.

Run:   python tests/bench/bench_phases.py [--rounds 3000] [--phase-rounds 200] [--seed N]
Needs: perf events (kernel.perf_event_paranoid at most 2), and what golab needs to build.
Units: per cent (of a ratio its distance from 1), but the instrumented ratio itself. 95 %
       intervals: percentile bootstrap of the median of pair ratios.
Takes: some 40 seconds, and the builds.
"""

import argparse
import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from report import Row, deliver, say

from labhelpers.build import build
from labhelpers.configs import find_config
from labhelpers.errors import LabError
from labhelpers.programs import find_program
from labhelpers.runtime.init import measure_init
from labhelpers.startup.analysis import by_command
from labhelpers.startup.estimate import ratio_interval
from labhelpers.startup.marks import locate
from labhelpers.startup.phases import measure_phases
from labhelpers.startup.rounds import Block, run_blocks
from labhelpers.startup.spawn import Command, Timing, observe
from labhelpers.startup.watch import Watch
from labhelpers.toolchain import ARTICLE, toolchain

SIDE_BAND_TARGET = 2.0
EXPLAINED_TARGET = 5.0
INSTRUMENTED_TARGET = 1.03
PROGRAMS = ("empty", "hello", "cgocall", "netuser", "httpd")


def built(program: str) -> Command:
    """Return a program's default build as a command."""
    own = find_program(program)
    binary = build(own, find_config("default"), toolchain("current"))
    if binary.path is None:
        raise LabError(f"{program} does not build: {binary.error}")
    return Command(program, (str(binary.path),), server=own.server)


def watched_launcher(
    marks: Mapping[str, Sequence[int]],
) -> Callable[[Command, float, Mapping[str, str]], Timing]:
    """Return what starts a command by its name: unwatched, or with these breakpoints."""

    def launch(command: Command, timeout: float, environment: Mapping[str, str]) -> Timing:
        if command.name not in marks:
            return observe(command, timeout, environment).timing
        with Watch(marks[command.name]) as watch:
            return observe(command, timeout, environment, watch).timing

    return launch


def watching_rows(hello: Command, rounds: int, seed: int) -> list[Row]:
    """Return what side-band and breakpoints cost."""
    addresses = [mark.address for mark in locate(hello, 10).marks.values()]
    marks: dict[str, Sequence[int]] = {"side-band": (), "breakpoints": addresses}
    commands = [replace(hello, name=name) for name in ("unwatched", *marks)]
    launcher = watched_launcher(marks)
    run = run_blocks([Block(tuple(commands))], rounds, seed, launcher=launcher)
    if run.failure:
        raise run.failure
    values = by_command(run.launches[0])
    rows = []
    for name in marks:
        ratio, ends = ratio_interval(values[name], values["unwatched"], seed)
        ends = (100 * (ends[0] - 1), 100 * (ends[1] - 1))
        rows.append(Row(f"{name}: change of the wall time", 100 * (ratio - 1), "%", ends))
        if name == "side-band":
            farthest = max(map(abs, ends))
            what = "side-band: end of the interval farthest from 0"
            rows.append(Row(what, farthest, "%", None, SIDE_BAND_TARGET))
    return rows


def explained_rows(rounds: int, seed: int) -> list[Row]:
    """Return what the phases leave unexplained of each program."""
    found = measure_phases([built(name) for name in PROGRAMS], rounds, seed)
    rows = []
    for own in found:
        left = 100 * (1 - own.explained)
        what = f"{own.command}: not explained by phases ({own.method})"
        rows.append(Row(what, max(0.0, left), "%", None, EXPLAINED_TARGET))
    return rows


def instrumented_row(release: str, rounds: int, seed: int) -> Row:
    """Return hello with stamps against the plain one, for one release."""
    chain = toolchain(release)
    found = measure_init(find_program("hello"), chain, rounds=rounds, seed=seed).overhead
    what = f"instrumented / plain, Go {chain.release}"
    return Row(what, found.ratio, "", found.ci95, INSTRUMENTED_TARGET)


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3000, help="of the pairs")
    parser.add_argument("--phase-rounds", type=int, default=200, help="of phases and stamps")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    options = parser.parse_args()
    try:
        hello = built("hello")
        say("side-band and breakpoints")
        rows = watching_rows(hello, options.rounds, options.seed)
        say("phases of all programs")
        rows += explained_rows(options.phase_rounds, options.seed)
        for release in ("current", ARTICLE):
            say(f"instrumented runtime, {release}")
            rows.append(instrumented_row(release, options.phase_rounds * 3, options.seed))
    except LabError as error:
        parser.error(str(error))
    method: dict[str, Any] = vars(options)
    return deliver("phases", rows, method)


if __name__ == "__main__":
    sys.exit(main())
