"""Which build to take: the simplest one that nothing else beats, if it is resolved to help.

The choice is made on the even rounds and judged on the odd ones, as in readings.py: the best of a
dozen noisy ratios would flatter itself.
"""

from collections.abc import Mapping, Sequence

from labhelpers.startup.analysis import comparisons
from labhelpers.startup.estimate import Comparison
from labhelpers.startup.rounds import CacheState, Launch
from labhelpers.study import BASELINE, TWIN

ByCache = Mapping[CacheState, Sequence[Launch]]
Ratios = dict[CacheState, Comparison]


def choose(launches: ByCache, configs: Sequence[str], seed: int) -> tuple[str, Ratios]:
    """Return the configuration to recommend, and its ratios on rounds that did not choose it.

    A configuration takes the place of a simpler one where it starts faster in one state of the page
    cache and not slower in another, each by an interval that leaves 1 out. The A/A floor has a say
    in the judgement only: on half of the rounds it is wide, and would choose by default.

    Args:
        launches: by cache state, of the default build, its twin, and the configurations.
        configs: the configurations that were measured, without the default.
        seed: of the bootstrap.
    """
    even = {cache: _half(own, 0) for cache, own in launches.items()}
    odd = {cache: _half(own, 1) for cache, own in launches.items()}
    best = BASELINE
    for config in sorted(configs, key=lambda name: name.count("+")):
        if _better(ratios(even, best, config, seed)):
            best = config
    found = ratios(odd, BASELINE, best, seed) if best != BASELINE else {}
    return (best, found) if helps(found) else (BASELINE, {})


def ratios(launches: ByCache, baseline: str, candidate: str, seed: int) -> Ratios:
    """Compare two configurations in each cache state, beside the floor of default's twins."""
    return {
        cache: comparisons(own, baseline, [candidate], {BASELINE: TWIN}, seed)[0]
        for cache, own in launches.items()
    }


def helps(found: Mapping[CacheState, Comparison]) -> bool:
    """Return whether some ratio is resolved to be faster, and none to be slower."""
    verdicts = {comparison.verdict for comparison in found.values()}
    return "faster" in verdicts and "slower" not in verdicts


def _better(found: Mapping[CacheState, Comparison]) -> bool:
    ends = [comparison.ci95 for comparison in found.values()]
    return any(high < 1 for _, high in ends) and not any(low > 1 for low, _ in ends)


def _half(launches: Sequence[Launch], parity: int) -> list[Launch]:
    return [launch for launch in launches if launch.round % 2 == parity]
