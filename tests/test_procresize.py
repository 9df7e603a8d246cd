import numpy as np
import pytest

from labhelpers.experiments import procresize as pr
from labhelpers.toolchain import Toolchain, toolchain

SIZES = (1, 4, 16, 64)


@pytest.fixture(scope="module")
def boots(current_go: Toolchain) -> pr.Resizes:
    return pr.at_boot([toolchain("article"), current_go], SIZES, rounds=6)


@pytest.fixture(scope="module")
def calls(current_go: Toolchain) -> pr.Resizes:
    return pr.by_calls([current_go], (2, 64), rounds=6)


def test_at_boot_there_is_no_world_to_stop(boots: pr.Resizes, current_go: Toolchain) -> None:
    keys = {(row.go, row.procs) for row in boots.rows}
    assert keys == {(go, size) for go in ("1.22.10", current_go.release) for size in SIZES}
    assert {row.part for row in boots.rows} == {"whole", pr.ROOM, pr.MAKE, pr.HANG}
    assert {(row.case, row.old) for row in boots.rows} == {("boot", 0)}
    assert boots.stamp_ns > 0


def test_parts_sum_to_the_whole_in_each_start(boots: pr.Resizes, calls: pr.Resizes) -> None:
    for found in (boots, calls):
        for go, case, procs, part in found.micros:
            if part == "whole":
                own = [
                    values
                    for key, values in found.micros.items()
                    if key[:3] == (go, case, procs) and key[3] != "whole"
                ]
                assert np.allclose(sum(own), found.micros[go, case, procs, "whole"])


def test_intervals_hold_their_medians(calls: pr.Resizes) -> None:
    assert {row.case for row in calls.rows} == set(pr.CASES[1:])
    assert {row.part for row in calls.rows} == {"whole", *pr.PARTS}
    for row in calls.rows:
        assert 0 <= row.low_us <= row.median_us <= row.high_us


def test_ps_that_are_there_already_are_cheap(calls: pr.Resizes, current_go: Toolchain) -> None:
    first, touched, second = (
        np.median(calls.micros[current_go.release, case, 64, pr.MAKE]) for case in pr.CASES[1:]
    )
    assert second < first / 3
    assert touched < first
    assert calls.share(current_go.release, "first call", 64, pr.MAKE) > 0.5


def test_more_ps_take_longer(boots: pr.Resizes, current_go: Toolchain) -> None:
    assert boots.more(current_go.release, "boot", 1, 64) > 0
    own = boots.growth(current_go.release, "boot")
    assert (own.go, own.case) == (current_go.release, "boot")
    assert own.low_us <= own.per_p_us * 1.5
    assert own.high_us > 0


def test_a_page_has_a_price(calls: pr.Resizes, current_go: Toolchain) -> None:
    row = pr.fresh_page_us(calls, current_go.release, 64, (300, 100))
    own = calls.micros[current_go.release, "first call", 64, pr.MAKE]
    less = calls.micros[current_go.release, "touched heap", 64, pr.MAKE]
    assert row.median_us == round(float(np.median(own - less)) / 200, 3)


def shaped(power: float) -> dict[int, np.ndarray]:
    noise = np.random.default_rng(1).normal(1, 0.01, (40, 5))
    sizes = (1, 16, 32, 64, 128)
    return {size: (size**power + 2) * noise[:, i] for i, size in enumerate(sizes)}


def test_a_straight_line_is_told_from_a_bent_one() -> None:
    line = pr.growth("1", "x", shaped(1), seed=1)
    assert line.straight() is True
    assert line.per_p_us == pytest.approx(1, abs=0.02)
    assert line.worst < 0.05
    assert pr.growth("1", "x", shaped(1.6), seed=1).straight() is False
    assert pr.growth("1", "x", shaped(0.5), seed=1).straight() is False


def test_three_sizes_are_no_test_of_a_line() -> None:
    values = shaped(1)
    with pytest.raises(ValueError, match="at least 4 sizes, not 3"):
        pr.growth("1", "x", {size: values[size] for size in (1, 16, 32)}, seed=1)


@pytest.mark.parametrize(
    ("low", "high", "answer"), [(1, 2, True), (0.1, 0.4, False), (5, 6, False), (0.4, 1, None)]
)
def test_an_interval_on_both_sides_of_a_limit_says_nothing(
    low: float, high: float, answer: bool | None
) -> None:
    assert pr.within(low, high, 0.5, 3) is answer
