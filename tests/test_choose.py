"""Which build is recommended: found where there is an effect, and not where there is none."""

import random

from labhelpers.advice.choose import choose, helps, ratios
from labhelpers.startup.rounds import CacheState, Launch
from labhelpers.startup.spawn import Timing
from labhelpers.study import BASELINE, TWIN

CONFIGS = ("strip", "external", "trim", "strip+trim", "strip+external", "pie")


def launches(effects: dict[str, float], seed: int, rounds: int = 30) -> list[Launch]:
    """Return starts of 2 ms with 10 % noise and skew, shared drift, and a factor by command."""
    draw = random.Random(seed)
    made = []
    for number in range(rounds):
        drift = 1 + 0.3 * draw.random()
        for position, name in enumerate((BASELINE, TWIN, *CONFIGS)):
            noise = draw.lognormvariate(0, 0.1)
            wall = round(2e6 * drift * noise * effects.get(name, 1.0))
            made.append(Launch(number, position, name, Timing(wall, None, *[0] * 6)))
    return made


def chosen(
    warm: dict[str, float], cold: dict[str, float], seed: int = 1
) -> tuple[str, dict[CacheState, str]]:
    both: dict[CacheState, list[Launch]] = {
        "warm": launches(warm, seed),
        "cold": launches(cold, seed + 5000),
    }
    config, found = choose(both, CONFIGS, seed)
    return config, {cache: comparison.verdict for cache, comparison in found.items()}


def test_nothing_is_recommended_where_nothing_differs() -> None:
    wrong = [seed for seed in range(60) if chosen({}, {}, seed)[0] != BASELINE]
    assert len(wrong) <= 3, wrong


def test_what_helps_is_found() -> None:
    assert chosen({"trim": 0.6, "strip+trim": 0.6}, {}) == (
        "trim",
        {"warm": "faster", "cold": "not resolved"},
    )


def test_the_simplest_of_equals_is_taken_and_the_better_of_others() -> None:
    assert chosen({}, {"strip": 0.6, "strip+trim": 0.6})[0] == "strip"
    assert chosen({}, {"strip": 0.8, "strip+trim": 0.5})[0] == "strip+trim"


def test_what_helps_here_and_harms_there_is_not_recommended() -> None:
    assert chosen({"pie": 0.6}, {"pie": 1.6})[0] == BASELINE


def test_an_effect_on_the_choosing_half_alone_is_not_believed() -> None:
    even = [
        Launch(x.round, x.position, x.command, Timing(x.timing.wall_ns // 2, None, *[0] * 6))
        if x.command == "strip" and x.round % 2 == 0
        else x
        for x in launches({}, 7)
    ]
    assert choose({"warm": even}, CONFIGS, 7)[0] == BASELINE
    whole = ratios({"warm": even}, BASELINE, "strip", 7)
    assert whole["warm"].ratio < 1


def test_helps_needs_one_gain_and_no_loss() -> None:
    both: dict[CacheState, list[Launch]] = {
        "warm": launches({"strip": 0.5}, 1),
        "cold": launches({"strip": 2.0}, 2),
    }
    assert not helps(ratios(both, BASELINE, "strip", 1))
    assert helps(ratios({"warm": both["warm"]}, BASELINE, "strip", 1))
    assert not helps({})
