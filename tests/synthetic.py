"""Studies whose true ratios are known: launches made up row by row."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from labhelpers.build import Binary
from labhelpers.startup.rounds import CacheState, Launch
from labhelpers.startup.spawn import Timing
from labhelpers.study import BASELINE, TWIN, Cell, Study

Ratio = Callable[[int], float]
"""The true ratio to the default build in a round, given its number."""


def timing(wall_ns: float, cpu_us: float = 500) -> Timing:
    return Timing(round(wall_ns), None, round(cpu_us), 0, 100, 0, 1, 0)


def built(program: str, config: str, size: int | None, go: str = "1.99.0") -> Binary:
    return Binary(
        program=program,
        config=config,
        go=go,
        cgo=True,
        command="go build",
        script="",
        exit_status=0 if size else 1,
        log="" if size else "# command-line\nlink: it cannot be",
        seconds=0.1,
        path=None,
        bytes=size,
        sha256="0" * 64 if size else None,
    )


def study(
    ratios: Mapping[str, float | Ratio],
    *,
    cpu: Mapping[str, float] | None = None,
    to_main: Mapping[str, float] | None = None,
    sizes: Mapping[str, int] | None = None,
    programs: tuple[str, ...] = ("hello",),
    caches: tuple[CacheState, ...] = ("warm",),
    rounds: int = 40,
    noise: float = 0.01,
    failed: tuple[str, ...] = (),
) -> Study:
    """Return a study in which each configuration takes its ratio times what the default takes.

    `cpu` gives other ratios for processor time, `to_main` for the time to main; without them those
    of the wall time hold there too.
    """
    draw = np.random.default_rng(63)
    wanted: dict[str, float | Ratio] = {BASELINE: 1.0, TWIN: 1.0, **ratios}
    launches: dict[Cell, list[Launch]] = {}
    main_launches: dict[Cell, list[Launch]] = {}
    for name in programs:
        for cache in caches:
            cell = Cell(name, "1.99.0", cache)
            rows, to_mains = launches.setdefault(cell, []), main_launches.setdefault(cell, [])
            for number in range(rounds):
                slow = 1 + 0.2 * draw.random()
                for position, (config, ratio) in enumerate(wanted.items()):
                    true = ratio(number) if callable(ratio) else ratio
                    jitter = slow * float(np.exp(noise * draw.standard_normal()))
                    used = (cpu or {}).get(config, 1.0) if cpu is not None else true
                    made = timing(2e6 * true * jitter, 1000 * used * jitter)
                    rows.append(Launch(number, position, config, made))
                    reached = true if to_main is None else to_main.get(config, 1.0)
                    stopped = replace(made, main_ns=round(1e6 * reached * jitter))
                    to_mains.append(Launch(number, position, config, stopped))
    configs = [BASELINE, *ratios]
    binaries = [
        built(name, config, (sizes or {}).get(config, 1_000_000))
        for name in programs
        for config in configs
    ]
    binaries += [built(name, config, None) for name in programs for config in failed]
    facts = {"cpu": "made up"}
    return Study(binaries, launches, 1, rounds, facts, main_launches=main_launches)
