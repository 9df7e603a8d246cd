"""What steps do on average over programs, on studies whose truth is known."""

import pytest
from synthetic import study

from labhelpers.pooled import ALL_THREE, all_three, every, gain, has_c, pooled
from labhelpers.study import Cell

BOTH = ("hello", "netuser")
STEPS = {
    "strip": 0.8,
    "external": 1.3,
    "trim": 0.7,
    "external+trim-tags": 1.1,
    "strip+trim-tags": 0.7,
    "strip+external": 1.0,
    ALL_THREE: 0.9,
}


def test_the_mean_over_programs_is_found() -> None:
    own = study(STEPS, programs=BOTH, caches=("cold",))
    rows = {(row.steps, row.against): row for row in pooled(own)}
    strip = rows["strip", "default"]
    assert strip.blocks == 2
    assert strip.low < 0.8 < strip.high
    assert rows[ALL_THREE, "strip+trim-tags"].ratio == pytest.approx(0.9 / 0.7, rel=0.02)
    assert {row.verdict for row in rows.values()} <= {"faster", "slower", "not resolved"}
    assert rows["strip", "default"].verdict == "faster"
    assert rows["external", "default"].verdict == "slower"


def test_programs_with_c_are_those_that_a_trim_changes() -> None:
    changes = study(STEPS, sizes={"trim": 1_020_000})
    same = study(STEPS, sizes={"trim": 1_000_008})
    cell = Cell("hello", "1.99.0", "warm")
    assert has_c(changes, cell)
    assert not has_c(same, cell)
    rows = [(row.steps, row.programs) for row in pooled(changes, "warm")]
    assert ("trim", "with C") in rows
    assert ("external", "without C") not in rows
    assert ("trim", "with C") not in [(r.steps, r.programs) for r in pooled(same, "warm")]


@pytest.mark.parametrize(
    ("ratio", "noise", "answer"),
    [(0.8, 0.01, True), (0.98, 0.005, False), (1.2, 0.01, False), (0.93, 0.5, None)],
)
def test_a_gain_has_to_be_worth_having(ratio: float, noise: float, answer: bool | None) -> None:
    own = study({"strip": ratio}, programs=BOTH, caches=("cold",), noise=noise)
    assert gain(pooled(own), "strip", "default") is answer


def test_what_was_not_measured_is_open() -> None:
    own = study({"strip": 0.8})
    assert pooled(own) == []  # no cold start
    assert gain(pooled(own), "strip", "default") is None
    assert gain(pooled(own, "warm"), "external", "default", "with C") is None
    assert all_three(own) == []


def test_all_three_come_with_the_best_first() -> None:
    own = study({ALL_THREE: 0.5}, programs=("hello",), caches=("cold",), noise=0.001)
    other = study({ALL_THREE: 0.8}, programs=("hello", "netuser"), caches=("cold",), noise=0.001)
    _, second = other.launches
    own.launches[second] = other.launches[second]
    best, worse = all_three(own)
    assert best.where == "hello, Go 1.99.0, cold"
    assert best.less == pytest.approx(50, abs=0.5)
    assert best.speed == pytest.approx(100, abs=2)
    assert best.less_ci95[0] <= best.less <= best.less_ci95[1]
    assert best.speed_ci95[0] <= best.speed <= best.speed_ci95[1]
    assert worse.less == pytest.approx(20, abs=0.5)


@pytest.mark.parametrize(
    ("answers", "whole"),
    [((True, True), True), ((True, None), None), ((None, False, True), False)],
)
def test_every(answers: tuple[bool | None, ...], whole: bool | None) -> None:
    assert every(answers) is whole
