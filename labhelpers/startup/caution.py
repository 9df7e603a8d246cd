"""What to bear in mind when reading a run: warnings as data, each with its next step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from labhelpers.startup.rounds import Launch

DRIFT = 1.10
LEAST_THIRD = 5
OUTLIER_Z = 7.0
"""Robust standard deviations (1.4826 times the median absolute deviation) beyond which a launch is
an outlier: twice the usual 3.5 (Iglewicz & Hoaglin 1993), since start times are skewed."""
OUTLIER_SHARE = 0.01
BUSY_LOAD = 0.5


@dataclass(frozen=True)
class Caution:
    """One warning: what kind, about what, in a sentence that says what to do."""

    kind: str
    about: str
    text: str


def cautions(blocks: Mapping[str, Sequence[Launch]]) -> list[Caution]:
    """Return what a run says against itself: drift and outliers, over all its blocks by label."""
    series = {
        f"{label} {command}".strip(): [launch for launch in launches if launch.command == command]
        for label, launches in blocks.items()
        for command in dict.fromkeys(launch.command for launch in launches)
    }
    return [*_drift(series), *_outliers(series)]


def busy(load_average: float, cores: int) -> list[Caution]:
    """Return a caution where other work kept the cores busy when the run began."""
    if load_average <= BUSY_LOAD * cores:
        return []
    text = (
        f"The machine was busy when the run began: load {load_average:.1f} on {cores} cores. "
        "Ratios hold up, medians do not; end other work and run again."
    )
    return [Caution("busy", "machine", text)]


def _drift(series: Mapping[str, Sequence[Launch]]) -> list[Caution]:
    ratios = {}
    for name, launches in series.items():
        times = [launch.start_ns for launch in launches]
        third = len(times) // 3
        if third >= LEAST_THIRD:
            ratios[name] = float(np.median(times[-third:]) / np.median(times[:third]))
    if not ratios:
        return []
    typical = float(np.median(list(ratios.values())))
    if 1 / DRIFT < typical < DRIFT:
        return []
    text = (
        f"The machine drifted: in the last third of the run starts took {typical:.2f} times as "
        "long as in the first (median over all commands). Pairs cancel that; do not compare "
        "medians with those of another run."
    )
    return [Caution("drift", "run", text)]


def _outliers(series: Mapping[str, Sequence[Launch]]) -> list[Caution]:
    far: list[Launch] = []
    worst, worst_share = "", 0.0
    for name, launches in series.items():
        times = np.array([launch.start_ns for launch in launches], dtype=float)
        distance = np.abs(times - np.median(times))
        spread = 1.4826 * np.median(distance)
        own = [x for x, d in zip(launches, distance, strict=True) if d > OUTLIER_Z * spread > 0]
        far += own
        if len(own) / len(launches) > worst_share:
            worst, worst_share = name, len(own) / len(launches)
    whole = sum(map(len, series.values()))
    if not far or len(far) / whole <= OUTLIER_SHARE:
        return []
    preempted = sum(launch.timing.involuntary_switches > 0 for launch in far)
    text = (
        f"{len(far)} of {whole} starts lie far from their median, most of them of {worst}; in "
        f"{preempted} of them another process took the core away. Medians are not moved by them; "
        "a quieter machine has fewer."
    )
    return [Caution("outliers", worst, text)]
