import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import timing

from labhelpers.startup.analysis import by_command, comparisons, floor
from labhelpers.startup.estimate import (
    LEAST_ROUNDS,
    compare,
    estimate,
    floor_of,
    median_interval,
    percent,
    ratio_interval,
    verdict,
)
from labhelpers.startup.rounds import Launch

TIMES = st.lists(st.floats(1e3, 1e9), min_size=LEAST_ROUNDS, max_size=30)
PAIRS = st.lists(
    st.tuples(st.floats(1e3, 1e9), st.floats(1e3, 1e9)), min_size=LEAST_ROUNDS, max_size=30
)
FEW = settings(max_examples=40, deadline=None)


@FEW
@given(times=TIMES, scale=st.floats(0.01, 100))
def test_scaled_times_give_the_scale(times: list[float], scale: float) -> None:
    ratio, (low, high) = ratio_interval([scale * t for t in times], times, 1)
    assert ratio == pytest.approx(scale)
    assert (low, high) == pytest.approx((scale, scale))


@FEW
@given(pairs=PAIRS)
def test_swapping_gives_the_reciprocal(pairs: list[tuple[float, float]]) -> None:
    above, below = zip(*pairs, strict=True)
    ratio, (low, high) = ratio_interval(above, below, 1)
    swapped, (swapped_low, swapped_high) = ratio_interval(below, above, 1)
    assert swapped == pytest.approx(1 / ratio)
    # The same seed draws the same resamples, so that even the ends are mirrored.
    assert (swapped_low, swapped_high) == pytest.approx((1 / high, 1 / low))


@FEW
@given(pairs=PAIRS)
def test_the_interval_contains_the_ratio_and_the_floor_is_not_negative(
    pairs: list[tuple[float, float]],
) -> None:
    above, below = zip(*pairs, strict=True)
    ratio, (low, high) = ratio_interval(above, below, 1)
    assert low <= ratio * (1 + 1e-9)
    assert ratio <= high * (1 + 1e-9)
    assert floor_of((low, high)) >= 0


@FEW
@given(pairs=PAIRS, order=st.randoms(use_true_random=False))
def test_the_ratio_does_not_depend_on_the_order_of_the_rounds(
    pairs: list[tuple[float, float]], order: random.Random
) -> None:
    shuffled = list(pairs)
    order.shuffle(shuffled)
    ratios = []
    for own in (pairs, shuffled):
        above, below = zip(*own, strict=True)
        ratios.append(ratio_interval(above, below, 1)[0])
    assert ratios[0] == pytest.approx(ratios[1])


def test_a_slowdown_of_the_machine_cancels_in_pairs() -> None:
    draw = np.random.default_rng(5)
    machine = np.linspace(1, 3, 60)
    base = 1e6 * machine
    candidate = 0.9e6 * machine * np.exp(0.005 * draw.standard_normal(60))
    ratio, (low, high) = ratio_interval(candidate, base, 1)
    assert ratio == pytest.approx(0.9, abs=0.005)
    assert high - low < 0.01


@pytest.mark.parametrize("true", [0.8, 1.0, 1.25])
def test_intervals_cover_the_true_ratio(true: float) -> None:
    draw = np.random.default_rng(7)
    trials, hits = 200, 0
    for trial in range(trials):
        machine = 1 + draw.exponential(0.3, 30)
        base = machine * np.exp(0.05 * draw.standard_normal(30))
        candidate = true * machine * np.exp(0.05 * draw.standard_normal(30))
        _, (low, high) = ratio_interval(candidate, base, trial)
        hits += low <= true <= high
    # The percentile interval of a median of 30 covers a little less or more than 95 %.
    assert hits / trials >= 0.91


def test_false_alarms_are_rare_and_real_effects_are_seen() -> None:
    draw = np.random.default_rng(11)

    def sample(scale: float) -> np.ndarray:
        return 1e6 * scale * np.exp(0.03 * draw.standard_normal(50))

    alarms, seen, trials = 0, 0, 100
    for trial in range(trials):
        base, twin, same, slower = sample(1), sample(1), sample(1), sample(1.1)
        floor = floor_of(ratio_interval(twin, base, trial)[1])
        alarms += compare(("b", base), ("c", same), floor, trial).verdict != "not resolved"
        seen += compare(("b", base), ("c", slower), floor, trial).verdict == "slower"
    assert alarms <= 5
    assert seen >= 98


@pytest.mark.parametrize(
    ("ratio", "interval", "floor", "word"),
    [
        (0.90, (0.88, 0.92), 0.02, "faster"),
        (1.10, (1.08, 1.12), 0.02, "slower"),
        (0.90, (0.80, 1.01), 0.02, "not resolved"),
        (0.99, (0.985, 0.995), 0.02, "not resolved"),
        (1.01, (1.005, 1.015), 0.02, "not resolved"),
        (1.00, (1.00, 1.00), 0.0, "not resolved"),
        (0.90, (0.88, 1.00), 0.0, "not resolved"),
        # 0.5 is as far from 1 as 2 is.
        (0.50, (0.49, 0.51), 1.00, "not resolved"),
        (0.49, (0.48, 0.50), 1.00, "faster"),
    ],
)
def test_verdict(ratio: float, interval: tuple[float, float], floor: float, word: str) -> None:
    assert verdict(ratio, interval, floor) == word


def test_the_floor_is_the_farther_end_of_the_interval() -> None:
    assert floor_of((0.98, 1.05)) == pytest.approx(0.05)
    assert floor_of((0.80, 1.05)) == pytest.approx(0.25)
    assert floor_of((1.02, 1.03)) == pytest.approx(0.03)
    assert floor_of((1.0, 1.0)) == 0


def test_fewer_than_six_values_give_no_interval() -> None:
    with pytest.raises(ValueError, match="at least 6"):
        median_interval([1, 2, 3, 4, 5], 1)
    assert median_interval([1, 2, 3, 4, 5, 6], 1)[0] == 3.5


def test_pairs_with_a_zero_are_left_out() -> None:
    above = [0, 2, 2, 2, 2, 2, 2, 2]
    below = [1, 1, 1, 1, 1, 1, 1, 0]
    ratio, interval = ratio_interval(above, below, 1)
    assert ratio == pytest.approx(2)
    assert interval == pytest.approx((2, 2))
    with pytest.raises(ValueError, match="not 5"):
        ratio_interval([0, 0, *above[:6]], [1, 1, *below[:6]], 1)


def test_equal_values_give_a_point() -> None:
    assert median_interval([3.0] * 10, 1) == (3.0, (3.0, 3.0))


def test_the_same_seed_gives_the_same_interval() -> None:
    times = np.random.default_rng(3).exponential(1e6, 20)
    assert median_interval(times, 4) == median_interval(times, 4)


def test_an_estimate_is_in_milliseconds() -> None:
    own = estimate("a", [1.5e6] * 6, 1)
    assert (own.command, own.median_ms, own.ci95_ms) == ("a", 1.5, (1.5, 1.5))


def test_percent_has_a_sign_and_a_real_minus() -> None:
    assert [percent(x) for x in (0.37, 1.0, 1.63)] == ["−63.0 %", "+0.0 %", "+63.0 %"]


def test_values_of_all_commands_line_up_by_round() -> None:
    rows = [Launch(r, p, c, timing(10 * r + p)) for r in range(8) for p, c in enumerate("ab")]
    values = by_command(reversed(rows))
    assert list(values["a"]) == [10 * r for r in range(8)]
    assert list(values["b"]) == [10 * r + 1 for r in range(8)]


def test_comparisons_take_their_floor_from_the_twin() -> None:
    times = {"base": 1e6, "twin": 1.02e6, "half": 0.5e6, "near": 1.01e6}
    rows = [Launch(r, p, c, timing(t)) for r in range(8) for p, (c, t) in enumerate(times.items())]
    half, near = comparisons(rows, "base", ["half", "near"], {"base": "twin"}, 1)
    assert half.floor == near.floor == pytest.approx(0.02)
    assert (half.verdict, near.verdict) == ("faster", "not resolved")
    assert half.ratio == pytest.approx(0.5)


def test_twins_that_take_turns_give_one_floor() -> None:
    """Each twin is compared with its own command, in the round in which it stands."""
    rows = []
    for number in range(12):
        twin, own = (("a again", 1e6), ("b again", 5e6))[number % 2]
        times = {"a": 1e6, "b": 5e6, twin: own * 1.03}
        rows += [Launch(number, p, c, timing(t)) for p, (c, t) in enumerate(times.items())]
    least = floor(rows, {"a": "a again", "b": "b again"}, 1)
    assert least == pytest.approx(0.03)
