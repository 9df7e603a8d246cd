"""What to do instead of the article's three steps, from what was recorded of many programs.

Nothing here is an opinion: which ways of building are worth a try, and in which order, follows from
how many of the corpus's programs they made start faster, and how many slower.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import geometric_mean, median

from labhelpers.advice.answer import Advice
from labhelpers.build import Binary
from labhelpers.effects import cell_comparisons
from labhelpers.startup.estimate import Comparison
from labhelpers.study import BASELINE, Cell, Study
from labhelpers.table import Table

WAYS = {
    "strip": "`-ldflags='-s -w'`",
    "trim": "`CGO_ENABLED=0`",
    "trim-tags": "`-tags=netgo,osusergo,purego`",
    "external": "`-ldflags=-linkmode=external`",
    "static": "`-ldflags='-linkmode=external -extldflags=-static'`",
    "pie": "`-buildmode=pie`",
    "strip+trim": "`CGO_ENABLED=0` with `-ldflags='-s -w'`",
    "strip+external+trim": "all three at once, to the letter",
    "strip+external+trim-tags": "all three at once, with tags in place of `CGO_ENABLED=0`",
}
"""The ways of building that are compared, by the names of their configurations."""
SAID = {
    "try it": "Try {}.",
    "try it for cold starts": "Try {} for cold starts.",
    "leave it": "Leave {} aside.",
    "no build": "Forget {}.",
}
"""What to do about a way, by its word."""
CORPUS = ("13-your-own-program", "corpus-tally")
Evidence = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Way:
    """What one way of building did, case by case: how many starts got faster by it, or slower.

    A case is a program of the corpus, or a program and a Go release of the study. Counted are
    comparisons with the default build that are resolved. `starts` is in how many of the `cases` the
    way gave a program that starts; `size` is the mean change of the file in per cent, None where
    none was built.
    """

    way: str
    cases: int
    starts: int
    warm_faster: int
    warm_slower: int
    cold_faster: int
    cold_slower: int
    size: float | None

    @property
    def word(self) -> str:
        """Whether to try it. One resolved case among many may be chance, and decides nothing."""
        warm = _gains(self.warm_faster, self.warm_slower)
        cold = _gains(self.cold_faster, self.cold_slower)
        if not self.starts:
            return "no build"
        if warm and cold is not False:
            return "try it"
        if cold and warm is not False:
            return "try it for cold starts"
        return "leave it"


@dataclass(frozen=True)
class Hint:
    """Something to do, in a sentence, why, and the lab and cell of each piece of evidence."""

    do: str
    because: str
    evidence: Evidence


def ways(answers: Sequence[Advice], study: Study) -> Table[Way]:
    """Return what each way did, the most useful first.

    That is: those that give a program at all, then by the share of cases in which warm starts gain,
    less those in which they lose, then the same of cold ones.

    Args:
        answers: those of the corpus.
        study: the experiment of lab 12.
    """
    blocks = {
        (cell, one.candidate): one
        for cell in study.launches
        for one in cell_comparisons(study, cell)
    }
    return Table(sorted((_way(name, answers, study, blocks) for name in WAYS), key=_order))


def _way(
    name: str,
    answers: Sequence[Advice],
    study: Study,
    blocks: Mapping[tuple[Cell, str], Comparison],
) -> Way:
    steps = [step for advice in answers for step in advice.steps if step.step == name]
    built = [binary for binary in study.binaries if binary.config == name]
    found: dict[str, list[Comparison]] = {
        "warm": [step.warm for step in steps if step.warm],
        "cold": [step.cold for step in steps if step.cold],
    }
    for (cell, config), one in blocks.items():
        if config == name:
            found[cell.cache].append(one)
    count = {cache: Counter(one.verdict for one in own) for cache, own in found.items()}
    sizes = [step.size_ratio for step in steps if step.size_ratio]
    sizes += [_size_ratio(study, binary) for binary in built if binary.bytes]
    return Way(
        way=name,
        cases=len(steps) + len(built),
        starts=max(map(len, found.values())),
        warm_faster=count["warm"]["faster"],
        warm_slower=count["warm"]["slower"],
        cold_faster=count["cold"]["faster"],
        cold_slower=count["cold"]["slower"],
        size=round((geometric_mean(sizes) - 1) * 100, 1) if sizes else None,
    )


def _size_ratio(study: Study, binary: Binary) -> float:
    return (binary.bytes or 0) / (study.size(binary.program, binary.go, BASELINE) or 1)


def _gains(faster: int, slower: int) -> bool | None:
    """Return True for a gain, False for a loss, None for neither."""
    if faster >= 2 and faster >= 3 * slower:
        return True
    return False if slower >= 2 and slower > faster else None


def _order(way: Way) -> tuple[bool, float, float]:
    warm, cold = way.warm_slower - way.warm_faster, way.cold_slower - way.cold_faster
    starts = way.starts or 1
    return not way.starts, warm / starts, cold / starts


def instead(answers: Sequence[Advice], study: Study) -> list[Hint]:
    """Return what to do, in the order in which to try it.

    First what does not depend on a recipe: to ask one's own program, and to see where its start
    goes. Then the ways of building, as `ways` orders them.
    """
    return [_ask(answers), _look(answers), *(_try(way) for way in ways(answers, study))]


def _ask(answers: Sequence[Advice]) -> Hint:
    chosen = [advice.recommended.config for advice in answers]
    kinds = len(set(chosen) - {BASELINE})
    kept = chosen.count(BASELINE)
    return Hint(
        "Ask your own program first: `golab advise .` builds it in every way and measures.",
        f"No way of building is best for all: of {len(chosen)} well-known programs, {kept} did "
        f"best with the default build, and the others with {kinds} different ones.",
        (("13-your-own-program", "corpus"), CORPUS),
    )


def _look(answers: Sequence[Advice]) -> Hint:
    times = {advice.program: advice.estimates["warm"].median_ms for advice in answers}
    middle = median(times.values())
    slow = [advice for advice in answers if times[advice.program] > middle]
    gained = sum(advice.recommended.config != BASELINE for advice in slow)
    quick = len(answers) - len(slow)
    other = sum(advice.recommended.config != BASELINE for advice in answers) - gained
    return Hint(
        "Then see where the start goes: `golab phases`, and `GODEBUG=inittrace=1` for what the "
        "packages do before `main`.",
        f"A build can only save what building decides: of the {quick} programs that start "
        f"quickest, {other} gained by another build; of the {len(slow)} slowest, {gained}.",
        (("08-tracing-a-start", "frameworks"), ("13-your-own-program", "corpus-figure")),
    )


def _try(own: Way) -> Hint:
    name = f"{own.way} ({WAYS[own.way]})"
    because = f"It gave no program that starts in any of {own.cases} cases."
    if own.starts:
        size = (
            "is as large as before" if not round(own.size or 0) else f"changes by {own.size:+.0f} %"
        )
        because = (
            f"Of {own.starts} cases {own.warm_faster} start faster when warm and {own.warm_slower} "
            f"slower; when cold {own.cold_faster} faster and {own.cold_slower} slower. The rest is "
            f"not resolved. The file {size}."
        ).replace("-", "−")
    in_study = not own.way.startswith(("static", "pie"))
    evidence = (CORPUS, ("12-the-63-percent", "effects")) if in_study else (CORPUS,)
    return Hint(SAID[own.word].format(name), because, evidence)
