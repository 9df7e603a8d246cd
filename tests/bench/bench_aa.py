"""Paired A/A error and false alarms, against hyperfine at the same number of launches.

What: a trial compares Go hello with a byte copy of itself, so that the true ratio is 1. Both files
are fresh copies in every trial, since where a file's pages lie may matter and is a matter of luck.
Both tools get the same two files in the same order, drawn anew, and take turns in random order.

- Ours: labhelpers.startup.measure(rounds = r): its ratio and its verdict.
- hyperfine -N --warmup 1 --runs n: the ratio of means, which it prints, and that of medians.

Launches: ours starts the baseline's twin too, 3 r + 2 in all with the unrecorded first ones, and
hyperfine has the same sum for its two commands: n = 1.5 r, and a warm-up each.

Error: root mean square of the log ratio over the trials. Bias: its mean; one that is clear of 0 is
an error that more rounds do not mend, so look at it with --rounds 100 too.

Alarm: ours says other than "not resolved"; hyperfine gives no verdict, so two rules stand for one:
(i) its printed ratio differs from 1 by more than its printed ± (one sigma, propagated),
(ii) Welch's t-test on its times gives p < 0.05.

--load repeats all while a process in the background keeps one core busy half of the time, a square
wave, which imitates other work; the report then has both, quiet and loaded.

Run:   python tests/bench/bench_aa.py [--trials 200] [--rounds 20] [--load] [--period 4]
                                      [--seed N] [--raw FILE]
       FILE gets every launch of every trial, a line of JSON each trial and condition.
Needs: hyperfine (apt-get install hyperfine; 1.15), and what golab needs to build hello.
Units: per cent (errors and biases 100 times the log ratio). 95 % intervals: of errors by bootstrap
       over trials, of biases by their standard error, of alarms by Wilson.
Takes: some 0.4 seconds for a trial of 20 rounds in each condition.
"""

import argparse
import contextlib
import json
import random
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from report import Row, deliver, say

from labhelpers.build import build
from labhelpers.configs import find_config
from labhelpers.paths import cache_dir
from labhelpers.programs import find_program
from labhelpers.startup import Command, measure
from labhelpers.toolchain import toolchain

ERROR_TARGET = 0.5
ALARM_TARGET = 5.0
RESAMPLES = 5000
BURNER = """
import os, sys, time
half, parent = float(sys.argv[1]) / 2, os.getppid()
while os.getppid() == parent:
    end = time.monotonic() + half
    while time.monotonic() < end:
        pass
    time.sleep(half)
"""

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Ours:
    """What measure said in one trial; the times in nanoseconds, in the order of the rounds."""

    ratio: float
    ci95: tuple[float, float]
    floor: float
    verdict: str
    times: dict[str, list[int]]


@dataclass(frozen=True)
class Hyperfine:
    """What hyperfine exported in one trial; the times in seconds, in the order of the runs."""

    of_means: float
    of_medians: float
    sigma: float
    welch_p: float
    times: list[list[float]]


@dataclass(frozen=True)
class Trial:
    """One trial, as both tools saw it."""

    ours: Ours
    hyperfine: Hyperfine


def hyperfine_runs(rounds: int) -> int:
    """Return the runs of each of two commands that make as many launches as ours."""
    ours = 3 * rounds + 2
    return -(-(ours - 2) // 2)


def by_measure(files: Sequence[Path], rounds: int, seed: int) -> Ours:
    """Compare the files, the first being the baseline, by labhelpers."""
    found = measure([Command(file.name, (str(file),)) for file in files], rounds, seed)
    times: dict[str, list[int]] = {}
    for launch in found.launches:
        times.setdefault(launch.command, []).append(launch.start_ns)
    only = found.comparisons[0]
    return Ours(only.ratio, only.ci95, only.floor, only.verdict, times)


def by_hyperfine(files: Sequence[Path], runs: int) -> Hyperfine:
    """Compare the files by hyperfine."""
    from scipy.stats import ttest_ind

    export = files[0].with_name("hyperfine.json")
    switches = ["-N", "--style", "none", "--warmup", "1", "--runs", str(runs)]
    subprocess.run(
        ["hyperfine", *switches, "--export-json", export, *map(str, files)],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    base, other = json.loads(export.read_text())["results"]
    of_means = other["mean"] / base["mean"]
    spread = np.hypot(base["stddev"] / base["mean"], other["stddev"] / other["mean"])
    return Hyperfine(
        of_means=of_means,
        of_medians=other["median"] / base["median"],
        sigma=float(of_means * spread),
        welch_p=float(ttest_ind(other["times"], base["times"], equal_var=False).pvalue),
        times=[base["times"], other["times"]],
    )


def one_trial(hello: Path, folder: Path, rounds: int, draw: random.Random) -> Trial:
    """Copy hello twice and let both tools compare the copies, in random order."""
    files = [folder / "hello-a", folder / "hello-b"]
    for file in files:
        file.unlink(missing_ok=True)
        shutil.copyfile(hello, file)
        file.chmod(0o755)
    draw.shuffle(files)
    seed = draw.randrange(10**6)
    if draw.random() < 0.5:
        ours = by_measure(files, rounds, seed)
        return Trial(ours, by_hyperfine(files, hyperfine_runs(rounds)))
    theirs = by_hyperfine(files, hyperfine_runs(rounds))
    return Trial(by_measure(files, rounds, seed), theirs)


@contextlib.contextmanager
def load(period: float) -> Iterator[None]:
    """Keep one core busy in the first half of every period; the process ends with this one."""
    with subprocess.Popen([sys.executable, "-c", BURNER, str(period)]) as burner:
        try:
            yield
        finally:
            burner.kill()


def log_percent(ratios: Sequence[float]) -> Values:
    """Return log ratios in per cent."""
    values: Values = 100 * np.log(np.array(ratios, dtype=float))
    return values


def rms(errors: Values) -> float:
    """Return the root mean square."""
    return float(np.sqrt(np.mean(errors**2)))


def interval(statistics: Values) -> tuple[float, float]:
    """Return the 95 % percentile interval of a bootstrap's statistics."""
    low, high = np.percentile(statistics, [2.5, 97.5])
    return float(low), float(high)


def mean_row(what: str, errors: Values) -> Row:
    """Return the mean of the errors, and 1.96 standard errors to both sides."""
    mean = float(errors.mean())
    reach = 1.96 * float(errors.std(ddof=1)) / len(errors) ** 0.5
    return Row(what, mean, "%", (mean - reach, mean + reach))


def alarm_row(what: str, alarms: Sequence[bool], target: float | None = None) -> Row:
    """Return the share of alarms, with its Wilson interval."""
    from scipy.stats import binomtest

    found = binomtest(sum(alarms), len(alarms)).proportion_ci(method="wilson")
    share = 100 * sum(alarms) / len(alarms)
    return Row(what, share, "%", (100 * float(found.low), 100 * float(found.high)), target)


def rows_of(condition: str, trials: Sequence[Trial], seed: int) -> list[Row]:
    """Return the figures of one condition."""
    errors = {
        "ours": log_percent([t.ours.ratio for t in trials]),
        "hyperfine, means": log_percent([t.hyperfine.of_means for t in trials]),
        "hyperfine, medians": log_percent([t.hyperfine.of_medians for t in trials]),
    }
    draw = np.random.default_rng(seed)
    picks = draw.integers(len(trials), size=(RESAMPLES, len(trials)))
    drawn = {name: np.sqrt((values[picks] ** 2).mean(axis=1)) for name, values in errors.items()}
    rows = [
        Row(f"{condition}: error, {name}", rms(values), "%", interval(drawn[name]))
        for name, values in errors.items()
    ]
    for name, target in (("hyperfine, means", ERROR_TARGET), ("hyperfine, medians", None)):
        ratio = rms(errors["ours"]) / rms(errors[name])
        spread = interval(drawn["ours"] / drawn[name])
        rows.append(Row(f"{condition}: error, ours / {name}", ratio, "", spread, target))
    theirs = [t.hyperfine for t in trials]
    floor = float(np.median([t.ours.floor for t in trials]))
    return [
        *rows,
        mean_row(f"{condition}: bias, ours", errors["ours"]),
        mean_row(f"{condition}: bias, hyperfine, means", errors["hyperfine, means"]),
        Row(f"{condition}: floor that ours states, median", 100 * floor, "%"),
        alarm_row(
            f"{condition}: alarms, ours",
            [t.ours.verdict != "not resolved" for t in trials],
            ALARM_TARGET,
        ),
        alarm_row(
            f"{condition}: alarms, ours without the floor",
            [not t.ours.ci95[0] <= 1 <= t.ours.ci95[1] for t in trials],
        ),
        alarm_row(
            f"{condition}: alarms, hyperfine (i) beyond ±",
            [abs(t.of_means - 1) > t.sigma for t in theirs],
        ),
        alarm_row(f"{condition}: alarms, hyperfine (ii) Welch", [t.welch_p < 0.05 for t in theirs]),
    ]


def run(options: argparse.Namespace, condition: str, hello: Path) -> list[Trial]:
    """Run all trials in one condition."""
    draw = random.Random(f"{options.seed} {condition}")
    trials: list[Trial] = []
    background: contextlib.AbstractContextManager[None] = (
        load(options.period) if condition == "loaded" else contextlib.nullcontext()
    )
    with background, tempfile.TemporaryDirectory(dir=cache_dir("runs")) as folder:
        for number in range(options.trials):
            trials.append(one_trial(hello, Path(folder), options.rounds, draw))
            if options.raw:
                with options.raw.open("a") as file:
                    json.dump({"condition": condition, **asdict(trials[-1])}, file)
                    file.write("\n")
            if (number + 1) % 10 == 0 or number + 1 == options.trials:
                say(f"{condition}: trial {number + 1} of {options.trials}")
    return trials


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=20, help="of measure, in each trial")
    parser.add_argument("--load", action="store_true", help="repeat with one core busy at times")
    parser.add_argument("--period", type=float, default=4.0, help="of the load, in seconds")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--raw", type=Path, help="append every launch to this file")
    options = parser.parse_args()
    if options.trials < 2:
        parser.error("take at least 2 trials")
    if not shutil.which("hyperfine"):
        parser.error("hyperfine is not installed: apt-get install hyperfine")
    version = subprocess.run(
        ["hyperfine", "--version"], check=True, capture_output=True, text=True
    ).stdout.strip()
    binary = build(find_program("hello"), find_config("default"), toolchain("current"))
    if binary.path is None:
        parser.error(f"hello does not build: {binary.error}")
    rows: list[Row] = []
    for condition in ["quiet", "loaded"] if options.load else ["quiet"]:
        rows += rows_of(condition, run(options, condition, binary.path), options.seed)
    runs = hyperfine_runs(options.rounds)
    method: dict[str, Any] = {
        "trials": options.trials,
        "seed": options.seed,
        "rounds": options.rounds,
        "launches_ours": 3 * options.rounds + 2,
        "launches_hyperfine": 2 * (runs + 1),
        "hyperfine": version,
        "go": binary.go,
        "load_period_s": options.period if options.load else None,
    }
    return deliver("aa", rows, method)


if __name__ == "__main__":
    sys.exit(main())
