"""Cost of the harness: a start through labhelpers against a C loop of vfork, execve, wait4.

What: the median wall time of a start of the smallest static program (nop.c) through
labhelpers.startup.launch, as a ratio to that of vfork_loop.c. Both start the same file, with the
same environment and the same clock, in short batches that take turns in random order. `launch`
does more than the loop, and that is the cost in question: it gives the program /dev/null for its
standard streams, a process group to kill, and a pidfd to wait on with a time limit.

Run:   python tests/bench/bench_harness.py [--batches 20] [--starts 50] [--seed N]
Needs: a C compiler ($CC or cc).
Units: microseconds; the ratio has none. The interval is a 95 % bootstrap over pairs of batches.
Takes: some 3 seconds.
"""

import argparse
import gc
import os
import random
import secrets
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
from report import Row, deliver, say

from labhelpers.startup import Command, launch

HERE = Path(__file__).resolve().parent
UNRECORDED = 5
TARGET = 2.5
RESAMPLES = 2000

Times = npt.NDArray[np.float64]


def compile_c(source: str, folder: Path, *switches: str) -> Path:
    """Compile one C file of this folder."""
    program = folder / Path(source).stem
    compiler = shlex.split(os.environ.get("CC", "cc"))
    subprocess.run([*compiler, *switches, "-o", str(program), str(HERE / source)], check=True)
    return program


def by_launch(program: Path, starts: int) -> list[int]:
    """Return the nanoseconds of each start through labhelpers."""
    command = Command("nop", (str(program),))
    gc.disable()
    try:
        timings = [launch(command, 10.0) for _ in range(UNRECORDED + starts)]
    finally:
        gc.enable()
    return [timing.wall_ns for timing in timings[UNRECORDED:]]


def by_loop(loop: Path, program: Path, starts: int) -> list[int]:
    """Return the nanoseconds of each start in the C loop."""
    argv = [str(loop), str(starts), str(UNRECORDED), str(program)]
    done = subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True)
    return [int(line) for line in done.stdout.split()]


def ratio_interval(ours: Times, loop: Times, seed: int) -> tuple[float, float]:
    """Return the 95 % interval of the ratio of medians; row i of both is one pair of batches."""
    draw = np.random.default_rng(seed)
    picks = draw.integers(len(ours), size=(RESAMPLES, len(ours)))
    ratios = [np.median(ours[pick]) / np.median(loop[pick]) for pick in picks]
    low, high = np.percentile(ratios, [2.5, 97.5])
    return float(low), float(high)


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--batches", type=int, default=20, help="pairs of batches")
    parser.add_argument("--starts", type=int, default=50, help="starts in a batch")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    options = parser.parse_args()
    draw = random.Random(options.seed)
    ours: list[list[int]] = []
    loop: list[list[int]] = []
    with tempfile.TemporaryDirectory() as folder:
        nop = compile_c("nop.c", Path(folder), "-O1", "-static", "-nostdlib")
        vfork_loop = compile_c("vfork_loop.c", Path(folder), "-O2")
        size = nop.stat().st_size
        for number in range(options.batches):
            for kind in draw.sample(["ours", "loop"], 2):
                if kind == "ours":
                    ours.append(by_launch(nop, options.starts))
                else:
                    loop.append(by_loop(vfork_loop, nop, options.starts))
            say(f"batch {number + 1} of {options.batches}")
    a, b = np.array(ours) / 1e3, np.array(loop) / 1e3
    rows = [
        Row("start through labhelpers, median", float(np.median(a)), "µs"),
        Row("start in the C loop, median", float(np.median(b)), "µs"),
        Row("labhelpers beyond the C loop", float(np.median(a) - np.median(b)), "µs"),
        Row(
            "ratio of medians",
            float(np.median(a) / np.median(b)),
            ci95=ratio_interval(a, b, options.seed),
            target=TARGET,
        ),
    ]
    return deliver("harness", rows, {**vars(options), "program_bytes": size})


if __name__ == "__main__":
    sys.exit(main())
