"""What settings of the runtime change in a start, and which files it opens."""

import os
import random
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from labhelpers.build import build
from labhelpers.configs import find_config
from labhelpers.errors import LabError
from labhelpers.experiments.probes import run
from labhelpers.programs import Program
from labhelpers.runtime.init import Init, measure_init
from labhelpers.startup.estimate import median_interval
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain

SETTINGS: Mapping[str, Mapping[str, str]] = {
    "as it comes": {},
    "GOMAXPROCS=2": {"GOMAXPROCS": "2"},
    "GODEBUG=containermaxprocs=0": {"GODEBUG": "containermaxprocs=0"},
}
"""What people set against the look-up of the container's CPU limit (https://go.dev/doc/godebug)."""

LOOK_UP = ("defaultGOMAXPROCSInit", "defaultGOMAXPROCS")
"""Its steps: finding the files of the cgroup, and asking them."""
ALL = "all before main"


@dataclass(frozen=True)
class Setting:
    """One step under one setting: its median in µs with the 95 % interval."""

    setting: str
    step: str
    us: float
    low: float
    high: float


@dataclass(frozen=True)
class Opened:
    """A file that a start opened or looked for under a setting, and whether it was there."""

    go: str
    setting: str
    file: str
    there: bool


def settings(
    program: Program, toolchain: Toolchain, passes: int = 10, rounds: int = 6, seed: int = 305
) -> Table[Setting]:
    """Time the steps of the look-up, and the whole, under each of `SETTINGS`.

    The settings take turns in random order, `rounds` launches each time, so that a machine that
    becomes slower or faster does so for all of them.
    """
    order = random.Random(seed)
    times: dict[tuple[str, str], list[float]] = {}
    for _ in range(passes):
        for name in order.sample(list(SETTINGS), len(SETTINGS)):
            with _environment(SETTINGS[name]):
                init = measure_init(program, toolchain, rounds=rounds, seed=order.randrange(2**31))
            for step, values in _times(init).items():
                times.setdefault((name, step), []).extend(values)
    rows: Table[Setting] = Table()
    for name in SETTINGS:
        for step in (*LOOK_UP, ALL):
            if (name, step) in times:
                median, (low, high) = median_interval(times[name, step], seed)
                rows.append(Setting(name, step, round(median, 1), round(low, 1), round(high, 1)))
    return rows


def _times(init: Init) -> dict[str, list[float]]:
    """Return every start's time in µs of each step of the look-up, and of all steps together."""
    starts = [start.steps_ns for start in init.launches if start.steps_ns]
    found = {ALL: [sum(own) / 1000 for own in starts]}
    for place, step in enumerate(init.steps):
        if step.step in LOOK_UP:
            found[step.step] = [own[place] / 1000 for own in starts]
    return found


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables, and take GODEBUG and GOMAXPROCS away, for as long as the body runs."""
    before = dict(os.environ)
    for name in ("GODEBUG", "GOMAXPROCS"):
        os.environ.pop(name, None)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def strace_missing() -> str | None:
    """Say why the files that a start opens cannot be watched here, None where they can."""
    if shutil.which("strace") is None:
        return "This machine has no strace."
    status, _ = run("strace", "-o", os.devnull, shutil.which("true") or "true")
    return "strace may not watch programs here (ptrace is not allowed)." if status else None


def opened(program: Program, toolchain: Toolchain, setting: str = "as it comes") -> Table[Opened]:
    """Return the files that a start without C opens, in order, as strace(1) sees them.

    Args:
        program: what to start.
        toolchain: what to build it with.
        setting: one of `SETTINGS`.

    Raises:
        LabError: the program does not build.
    """
    binary = build(program, find_config("trim"), toolchain)
    if binary.path is None:
        raise LabError(f"{program.name} does not build ({binary.error}): see its log.")
    words = ("strace", "-f", "-qq", "-e", "trace=open,openat")
    with _environment(SETTINGS[setting]):
        _, text = run(*words, binary.path)
    found = re.findall(r'open(?:at)?\((?:AT_FDCWD, )?"([^"]+)".*\) = (-?\d+)', text)
    return Table(
        Opened(toolchain.release, setting, file, int(result) >= 0) for file, result in found
    )
