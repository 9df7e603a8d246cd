"""What a lab asks of answers: how an interval narrows with the rounds, and what holds for many."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import geometric_mean

from labhelpers.advice.answer import Advice
from labhelpers.advice.choose import ratios
from labhelpers.startup.estimate import LEAST_ROUNDS
from labhelpers.startup.rounds import CacheState
from labhelpers.study import BASELINE
from labhelpers.table import Table

FAILED = ("does not build", "does not start")
"""Answers for steps that gave no program which starts."""


@dataclass(frozen=True)
class AfterRounds:
    """What a run would have said of one step, had it ended after so many rounds.

    Changes and ends of the 95 % interval are in per cent, and so is the A/A floor.
    """

    rounds: int
    change: float
    low: float
    high: float
    floor: float
    verdict: str


@dataclass(frozen=True)
class Lucky:
    """The step that was fastest on the even rounds, and what the odd ones say of it, in per cent.

    What was picked for its low value has had luck, too; what judges it must not have picked it.
    """

    step: str
    picked: float
    judged: float


@dataclass(frozen=True)
class Tally:
    """What one step does to some programs: how many it helps, how many it harms, and so on.

    `size` is the mean change of the file's size in per cent, None where no program has the step.
    """

    step: str
    helps: int
    harms: int
    mixed: int
    not_resolved: int
    does_not_build_or_start: int
    size: float | None


def after_rounds(
    advice: Advice, step: str, cache: CacheState, counts: Sequence[int]
) -> Table[AfterRounds]:
    """Return the comparison of a step with the default after the first so many rounds.

    Counts below the least for an interval, or above what was run, are left out.
    """
    found: Table[AfterRounds] = Table()
    for count in counts:
        if LEAST_ROUNDS <= count <= advice.rounds:
            own = [launch for launch in advice.launches[cache] if launch.round < count]
            one = ratios({cache: own}, BASELINE, step, advice.seed)[cache]
            change, low, high = (round((x - 1) * 100, 1) for x in (one.ratio, *one.ci95))
            floor = round(one.floor * 100, 1)
            found.append(AfterRounds(count, change, low, high, floor, one.verdict))
    return found


def lucky(advice: Advice, cache: CacheState) -> Lucky:
    """Return the step with the lowest ratio on the even rounds, resolved or not."""
    names = [step.step for step in advice.steps if step.warm or step.cold]
    even, odd = (
        {cache: [launch for launch in advice.launches[cache] if launch.round % 2 == parity]}
        for parity in (0, 1)
    )
    found = {name: ratios(even, BASELINE, name, advice.seed)[cache].ratio for name in names}
    best = min(names, key=lambda name: found[name])
    again = ratios(odd, BASELINE, best, advice.seed)[cache].ratio
    return Lucky(best, round((found[best] - 1) * 100, 1), round((again - 1) * 100, 1))


def tally(answers: Sequence[Advice]) -> Table[Tally]:
    """Count the answers by step, in the order in which the steps first come."""
    steps = [step for advice in answers for step in advice.steps]
    found: Table[Tally] = Table()
    for name in dict.fromkeys(step.step for step in steps):
        own = [step for step in steps if step.step == name]
        words = [step.answer for step in own]
        sizes = [step.size_ratio for step in own if step.size_ratio]
        found.append(
            Tally(
                step=name,
                helps=words.count("helps"),
                harms=words.count("harms"),
                mixed=words.count("mixed"),
                not_resolved=words.count("not resolved"),
                does_not_build_or_start=sum(word in FAILED for word in words),
                size=round((geometric_mean(sizes) - 1) * 100, 1) if sizes else None,
            )
        )
    return found
