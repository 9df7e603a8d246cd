"""A delay of 20 µs injected into hello: who finds it in 10 seconds, golab or hyperfine -N?

What: two builds of one source that differ in one number: how long package main's init spins, by
the clock, 0 or 20 µs. In each trial both are copied anew, since where a file's pages lie may matter
and is a matter of luck; all get the same two files, each for 10 seconds, in random order.

- Ours, by init task: what `golab init` says of package main in either build, five seconds each;
  found where the two intervals lie apart, the longer one where the delay is.
- Ours, time to main: labhelpers.startup.measure; found where its verdict is "slower". The same for
  its wall time, for comparison.
- Ours, by phase: labhelpers.startup.phases.measure_phases; found where the interval of the pair
  ratios of "runtime.main to main.main", the phase in which init tasks run, lies above 1.
- hyperfine -N: it states no verdict, so two rules stand for one: (i) its printed ratio lies above 1
  by more than its printed ±, (ii) Welch's t-test on its exported times gives p < 0.05 and the mean
  is larger.

A control has as many trials in which neither file spins: what is found there is a false alarm, and
a rule that finds much there has found nothing.

Run:   python tests/bench/bench_injected.py [--trials 10] [--microseconds 20] [--seconds 10]
                                            [--no-control] [--seed N] [--raw FILE]
       FILE gets a line of JSON for each trial.
Needs: hyperfine (apt-get install hyperfine; 1.15), perf events, and what golab needs to build.
Units: per cent of the trials with Wilson's 95 % interval; µs.
Takes: 40 seconds a trial, and as many for the control: 14 minutes.
"""

import argparse
import json
import random
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from report import Row, deliver, say

from labhelpers.build import build
from labhelpers.configs import find_config
from labhelpers.errors import LabError
from labhelpers.files import write_whole
from labhelpers.paths import cache_dir
from labhelpers.programs import find_program
from labhelpers.runtime.init import measure_init
from labhelpers.startup import Command, measure
from labhelpers.startup.estimate import ratio_interval
from labhelpers.startup.phases import Phases, measure_phases
from labhelpers.startup.stamps import Stamped
from labhelpers.startup.watching import WATCHED
from labhelpers.toolchain import toolchain

MISSED_TARGET = 10.0
SPIN = """package main

import "time"

func init() {
	for begin := time.Now(); time.Since(begin) < %d*time.Microsecond; {
	}
}
"""
PILOT_ROUNDS, PILOT_RUNS = 20, 100


@dataclass(frozen=True)
class Found:
    """One trial: who found the delay, and what ours says that it is, in microseconds."""

    delay_us: int
    ours_init: bool
    init_us: float
    ours_to_main: bool
    ours_wall: bool
    ours_phase: bool
    hyperfine_sigma: bool
    hyperfine_welch: bool
    to_main_us: float
    to_main_ci95_us: tuple[float, float]
    phase_us: float
    hyperfine_us: float
    rounds: int
    runs: int


def spinning(microseconds: int) -> Path:
    """Build hello with an init that spins so long, and return the file."""
    folder = cache_dir("bench", f"spin-{microseconds}")
    hello = find_program("hello").folder
    for file in hello.iterdir():
        write_whole(folder / file.name, file.read_bytes())
    write_whole(folder / "spin.go", SPIN % microseconds)
    binary = build(find_program(folder), find_config("default"), toolchain("current"))
    if binary.path is None:
        raise LabError(f"hello with a spinning init does not build: {binary.error}")
    return binary.path


def by_measure(files: Sequence[Path], seconds: float, seed: int) -> dict[str, Any]:
    """Compare the files for so many seconds, the first being the baseline."""
    commands = [Command(file.name, (str(file),)) for file in files]
    begin = time.monotonic()
    measure(commands, PILOT_ROUNDS, seed, main=True)
    each = (time.monotonic() - begin) / PILOT_ROUNDS
    rounds = max(PILOT_ROUNDS, int((seconds - PILOT_ROUNDS * each) / each))
    found = measure(commands, rounds, seed, main=True)
    if not found.to_main.comparisons:
        raise LabError(f"No time to main: {' '.join(found.to_main.notes)}")
    own = found.to_main.comparisons[0]
    base_us = found.to_main.estimates[0].median_ms * 1e3
    return {
        "ours_to_main": own.verdict == "slower",
        "ours_wall": found.comparisons[0].verdict == "slower",
        "to_main_us": (own.ratio - 1) * base_us,
        "to_main_ci95_us": ((own.ci95[0] - 1) * base_us, (own.ci95[1] - 1) * base_us),
        "rounds": rounds,
    }


def by_init(delays: Sequence[int], seconds: float, seed: int) -> dict[str, Any]:
    """Compare what package main's init task takes in the build of either delay."""
    steps = []
    for delay in delays:
        program = find_program(cache_dir("bench", f"spin-{delay}"))
        begin = time.monotonic()
        measure_init(program, toolchain("current"), rounds=PILOT_ROUNDS, seed=seed)
        pilot = time.monotonic() - begin
        rounds = max(PILOT_ROUNDS, int(PILOT_ROUNDS * (seconds / 2 - pilot) / pilot))
        found = measure_init(program, toolchain("current"), rounds=rounds, seed=seed)
        steps += [own for own in found.steps if (own.function, own.step) == ("init tasks", "main")]
    base, other = steps
    return {
        "ours_init": other.ci95_ns[0] > base.ci95_ns[1],
        "init_us": (other.median_ns - base.median_ns) / 1e3,
    }


def by_phase(files: Sequence[Path], seconds: float, seed: int) -> dict[str, Any]:
    """Compare the phase of the init tasks for so many seconds, the first file's the baseline."""
    commands = [Command(file.name, (str(file),)) for file in files]
    begin = time.monotonic()
    measure_phases(commands, PILOT_ROUNDS, seed)
    each = (time.monotonic() - begin) / PILOT_ROUNDS
    rounds = max(PILOT_ROUNDS, int((seconds - PILOT_ROUNDS * each) / each))
    base, other = (init_ns(own) for own in measure_phases(commands, rounds, seed))
    both = sorted(base.keys() & other.keys())
    pair = ([other[number] for number in both], [base[number] for number in both])
    ratio, (low, _) = ratio_interval(*pair, seed)
    return {"ours_phase": low > 1, "phase_us": (ratio - 1) * float(np.median(pair[1])) / 1e3}


def init_ns(found: Phases) -> dict[int, int]:
    """Return the time from runtime.main to main.main by round."""
    times = {}
    for launch in found.launches:
        stamps = launch.timing.stamps if isinstance(launch.timing, Stamped) else None
        if stamps and launch.command == found.command + WATCHED and "main.main" in stamps:
            times[launch.round] = stamps["main.main"] - stamps["runtime.main"]
    if not times:
        raise LabError(f"The phases of hello cannot be told: {' '.join(found.notes)}")
    return times


def hyperfine(files: Sequence[Path], runs: int) -> list[dict[str, Any]]:
    """Return what hyperfine exports of the files."""
    export = files[0].with_name("hyperfine.json")
    switches = ["-N", "--style", "none", "--warmup", "3", "--runs", str(runs)]
    subprocess.run(
        ["hyperfine", *switches, "--export-json", export, *map(str, files)],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    results: list[dict[str, Any]] = json.loads(export.read_text())["results"]
    return results


def by_hyperfine(files: Sequence[Path], seconds: float) -> dict[str, Any]:
    """Compare the files for so many seconds by hyperfine."""
    from scipy.stats import ttest_ind

    begin = time.monotonic()
    hyperfine(files, PILOT_RUNS)
    each = (time.monotonic() - begin) / PILOT_RUNS
    runs = max(PILOT_RUNS, int((seconds - PILOT_RUNS * each) / each))
    base, other = hyperfine(files, runs)
    ratio = other["mean"] / base["mean"]
    sigma = ratio * np.hypot(base["stddev"] / base["mean"], other["stddev"] / other["mean"])
    welch = ttest_ind(other["times"], base["times"], equal_var=False).pvalue
    return {
        "hyperfine_sigma": bool(ratio - 1 > sigma),
        "hyperfine_welch": bool(welch < 0.05 and ratio > 1),
        "hyperfine_us": 1e6 * (other["mean"] - base["mean"]),
        "runs": runs,
    }


def one_trial(
    builds: Sequence[Path], delay: int, folder: Path, seconds: float, draw: random.Random
) -> Found:
    """Copy both builds anew and let all compare the copies, in random order."""
    files = [folder / "plain", folder / "spins"]
    for file, source in sorted(zip(files, builds, strict=True), key=lambda _: draw.random()):
        file.unlink(missing_ok=True)
        shutil.copyfile(source, file)
        file.chmod(0o755)
    seed = draw.randrange(10**6)
    found: dict[str, Any] = {}
    ways: list[Callable[[], dict[str, Any]]] = [
        lambda: by_init((0, delay), seconds, seed),
        lambda: by_measure(files, seconds, seed),
        lambda: by_phase(files, seconds, seed),
        lambda: by_hyperfine(files, seconds),
    ]
    for way in draw.sample(ways, len(ways)):
        found |= way()
    return Found(delay_us=delay, **found)


def share_row(what: str, counted: Sequence[bool], target: float | None = None) -> Row:
    """Return the share of what was counted, with its Wilson interval."""
    from scipy.stats import binomtest

    ends = binomtest(sum(counted), len(counted)).proportion_ci(method="wilson")
    share = 100 * sum(counted) / len(counted)
    return Row(what, share, "%", (100 * float(ends.low), 100 * float(ends.high)), target)


RULES = {
    "ours, by init task": "ours_init",
    "ours, time to main": "ours_to_main",
    "ours, wall time": "ours_wall",
    "ours, by phase": "ours_phase",
    "hyperfine (i) beyond ±": "hyperfine_sigma",
    "hyperfine (ii) Welch": "hyperfine_welch",
}


def rows_of(trials: Sequence[Found], microseconds: int) -> list[Row]:
    """Return how often each rule missed the delay, and how often it found one where none was."""
    delayed = [trial for trial in trials if trial.delay_us]
    control = [trial for trial in trials if not trial.delay_us]
    rows = []
    for rule, name in RULES.items():
        target = MISSED_TARGET if name == "ours_init" else None
        missed = [not getattr(trial, name) for trial in delayed]
        rows.append(share_row(f"{microseconds} µs missed by {rule}", missed, target))
    if control:
        for rule, name in RULES.items():
            alarms = [getattr(trial, name) for trial in control]
            rows.append(share_row(f"false alarms of {rule}", alarms))
    tools = {
        "ours, by init task": "init_us",
        "ours, time to main": "to_main_us",
        "ours, by phase": "phase_us",
    }
    for tool, name in {**tools, "hyperfine": "hyperfine_us"}.items():
        values = [getattr(trial, name) for trial in delayed]
        ends = (float(min(values)), float(max(values)))
        what = f"delay by {tool}: median [least, most]"
        rows.append(Row(what, float(np.median(values)), "µs", ends))
    return rows


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--microseconds", type=int, default=20, help="of the injected delay")
    parser.add_argument("--seconds", type=float, default=10.0, help="for each tool, each trial")
    parser.add_argument("--no-control", action="store_true", help="leave out trials without delay")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--raw", type=Path, help="append every trial to this file")
    options = parser.parse_args()
    if options.trials < 1 or options.microseconds < 1:
        parser.error("take at least 1 trial and 1 µs")
    if not shutil.which("hyperfine"):
        parser.error("hyperfine is not installed: apt-get install hyperfine")
    version = subprocess.run(
        ["hyperfine", "--version"], check=True, capture_output=True, text=True
    ).stdout.strip()
    draw = random.Random(options.seed)
    delays = [options.microseconds] * options.trials
    delays += [] if options.no_control else [0] * options.trials
    draw.shuffle(delays)
    trials: list[Found] = []
    try:
        builds = {delay: spinning(delay) for delay in {0, *delays}}
        with tempfile.TemporaryDirectory(dir=cache_dir("runs")) as folder:
            for number, delay in enumerate(delays, 1):
                pair = (builds[0], builds[delay])
                trials.append(one_trial(pair, delay, Path(folder), options.seconds, draw))
                if options.raw:
                    with options.raw.open("a") as file:
                        file.write(json.dumps(asdict(trials[-1])) + "\n")
                say(f"trial {number} of {len(delays)}")
    except LabError as error:
        parser.error(str(error))
    method: dict[str, Any] = {
        "trials": options.trials,
        "control": not options.no_control,
        "microseconds": options.microseconds,
        "seconds": options.seconds,
        "seed": options.seed,
        "rounds_ours": int(np.median([trial.rounds for trial in trials])),
        "runs_hyperfine": int(np.median([trial.runs for trial in trials])),
        "hyperfine": version,
        "go": toolchain("current").release,
    }
    return deliver("injected", rows_of(trials, options.microseconds), method)


if __name__ == "__main__":
    sys.exit(main())
