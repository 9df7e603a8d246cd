"""From launches to statements: medians, ratios of pairs, their intervals, and a verdict.

A ratio is the median of the ratios of pairs: candidate over baseline within one round, so that
whatever slowed the machine for a while slowed both. Intervals are 95 % percentile bootstrap
intervals (scipy.stats.bootstrap; Efron & Tibshirani 1993, chapter 13).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

LEAST_ROUNDS = 6
"""Below this no interval can claim 95 % for a median: all n values lie on one side of it with a
probability of 2 · 2⁻ⁿ, which falls below 5 % at n = 6."""
RESAMPLES = 2000

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """The median time of one command with its interval, in milliseconds."""

    command: str
    median_ms: float
    ci95_ms: tuple[float, float]


@dataclass(frozen=True)
class Comparison:
    """How long the candidate takes, as a multiple of the baseline.

    `floor` is what the same run said of commands against copies of themselves: the largest
    deviation from 1 that the interval of these pairs admits. `verdict` is "faster" or "slower"
    only where the interval excludes 1 and the ratio lies beyond the floor; else it is "not
    resolved".
    """

    baseline: str
    candidate: str
    ratio: float
    ci95: tuple[float, float]
    floor: float
    verdict: str

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON takes them."""
        return asdict(self)


def percent(ratio: float) -> str:
    """Return a ratio as people say it: "−12.3 %", with a real minus sign."""
    return f"{(ratio - 1) * 100:+.1f} %".replace("-", "−")


def median_interval(
    values: Sequence[float] | Values, seed: int
) -> tuple[float, tuple[float, float]]:
    """Return the median and its 95 % interval.

    Raises:
        ValueError: fewer than LEAST_ROUNDS values.
    """
    sample = np.asarray(values, dtype=float)
    if len(sample) < LEAST_ROUNDS:
        raise ValueError(f"an interval needs at least {LEAST_ROUNDS} values, not {len(sample)}")
    return float(np.median(sample)), _bootstrap(sample.tobytes(), seed)


@lru_cache(maxsize=16384)
def _bootstrap(sample: bytes, seed: int) -> tuple[float, float]:
    """Return the interval of a sample's median; tables, figures and verdict ask for the same."""
    from scipy.stats import bootstrap

    values = np.frombuffer(sample)
    if np.ptp(values) == 0:
        return float(values[0]), float(values[0])
    found = bootstrap(
        (values,),
        np.median,
        n_resamples=RESAMPLES,
        method="percentile",
        vectorized=True,
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return float(found.low), float(found.high)


def estimate(command: str, times_ns: Sequence[float] | Values, seed: int) -> Estimate:
    """Return the median of a command's times, given in nanoseconds."""
    median, (low, high) = median_interval(np.asarray(times_ns, dtype=float) / 1e6, seed)
    return Estimate(command, median, (low, high))


def ratio_interval(
    candidate: Sequence[float] | Values, baseline: Sequence[float] | Values, seed: int
) -> tuple[float, tuple[float, float]]:
    """Return the median of the pair ratios and its interval; entry i of both is one pair.

    Pairs in which either value is 0 are left out: processor times come in whole ticks on some
    kernels, and nothing can be divided by them.
    """
    above, below = np.asarray(candidate, dtype=float), np.asarray(baseline, dtype=float)
    usable = (above > 0) & (below > 0)
    middle, (low, high) = median_interval(np.log(above[usable] / below[usable]), seed)
    return float(np.exp(middle)), (float(np.exp(low)), float(np.exp(high)))


def floor_of(interval: tuple[float, float]) -> float:
    """Return the largest deviation from 1, as a fraction, that an A/A interval admits."""
    low, high = interval
    return max(1 / low, high, 1.0) - 1


def compare(
    baseline: tuple[str, Sequence[float] | Values],
    candidate: tuple[str, Sequence[float] | Values],
    floor: float,
    seed: int,
) -> Comparison:
    """Compare two commands, each given by its name and its values in the order of the rounds."""
    ratio, (low, high) = ratio_interval(candidate[1], baseline[1], seed)
    return Comparison(
        baseline[0], candidate[0], ratio, (low, high), floor, verdict(ratio, (low, high), floor)
    )


def verdict(ratio: float, interval: tuple[float, float], floor: float) -> str:
    """Return "faster", "slower" or "not resolved"."""
    low, high = interval
    if low <= 1 <= high or max(ratio, 1 / ratio) <= 1 + floor:
        return "not resolved"
    return "faster" if ratio < 1 else "slower"
