"""What the lab asks of answers, from a real one."""

from dataclasses import replace
from statistics import median

import pytest

from labhelpers.advice.advise import Question, advise
from labhelpers.advice.answer import Advice
from labhelpers.advice.lessons import after_rounds, lucky, tally
from labhelpers.programs import find_program
from labhelpers.toolchain import Toolchain


@pytest.fixture(scope="module")
def hello(current_go: Toolchain) -> Advice:
    question = Question(find_program("hello"), current_go, rounds=14, seed=1, caches=("warm",))
    return advise(question)


def test_after_all_rounds_it_is_the_answer_itself(hello: Advice) -> None:
    for step in hello.steps:
        if step.warm:
            (*_, last) = after_rounds(hello, step.step, "warm", [5, 6, 14, 15])
            assert (last.rounds, last.verdict) == (14, step.warm.verdict)
            assert last.change == pytest.approx((step.warm.ratio - 1) * 100, abs=0.051)
            assert last.low <= last.change <= last.high


def test_too_few_and_too_many_rounds_are_left_out(hello: Advice) -> None:
    assert [row.rounds for row in after_rounds(hello, "strip", "warm", [5, 6, 14, 15])] == [6, 14]


def test_the_lucky_step_is_the_lowest_of_one_half_and_judged_by_the_other(hello: Advice) -> None:
    found = lucky(hello, "warm")
    changes = {}
    for parity in (0, 1):
        times = {
            name: {x.round: x.start_ns for x in hello.launches["warm"] if x.command == name}
            for name in {launch.command for launch in hello.launches["warm"]}
        }
        for step in hello.steps:
            if step.warm:
                pairs = [
                    times[step.step][n] / times["default"][n]
                    for n in range(hello.rounds)
                    if n % 2 == parity
                ]
                changes[step.step, parity] = (median(pairs) - 1) * 100
    even = {name: change for (name, parity), change in changes.items() if not parity}
    assert found.step == min(even, key=lambda name: even[name])
    assert found.picked == pytest.approx(even[found.step], abs=0.06)
    assert found.judged == pytest.approx(changes[found.step, 1], abs=0.06)


def test_every_program_is_counted_once_a_step(hello: Advice) -> None:
    fewer = replace(hello, steps=hello.steps[:2])
    found = tally([hello, hello, fewer])
    assert [row.step for row in found] == [step.step for step in hello.steps]
    for index, row in enumerate(found):
        counts = (row.helps, row.harms, row.mixed, row.not_resolved, row.does_not_build_or_start)
        assert sum(counts) == (3 if index < 2 else 2)
        ratio = hello.steps[index].size_ratio
        expected = None if ratio is None else pytest.approx((ratio - 1) * 100, abs=0.051)
        assert row.size == expected
