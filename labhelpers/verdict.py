"""One verdict in plain words, derived from a study's figures and from nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass

from labhelpers.effects import cell_comparisons
from labhelpers.readings import KINDS, LESS, TIMES_AS_FAST, Reading
from labhelpers.startup.estimate import Comparison, percent
from labhelpers.study import Cell, Study, label

ALL_STEPS = ("strip+external+trim", "strip+external+trim-tags")


@dataclass(frozen=True)
class Verdict:
    """The answer: one of `reproduced`, `partly`, `refuted`, `not resolved`, and why, in sentences.

    `reproduced`: the three steps together take 63 % off the start of every program measured.
    `partly`: they take off 63 %, or make it 1.63 times as fast, for some program. `refuted`: they
    do neither anywhere, and every interval excludes it. What single steps or pairs of them do is
    in the sentences and in the readings.
    """

    word: str
    sentences: tuple[str, ...]

    @property
    def text(self) -> str:
        """Word and sentences in one line."""
        return f"{self.word.capitalize()}. {' '.join(self.sentences)}"


def verdict(study: Study, found: Sequence[Reading]) -> Verdict:
    """Judge "three steps make a cold start 63 % faster" by a study and its readings."""
    together = [(cell, c) for cell in study.launches for c in all_steps(study, cell)]
    sentences = [
        *_what_does_not_build(study),
        *_what_the_steps_do(together),
        *_best_of(found, KINDS[0].words),
        _which_readings_hold(found),
    ]
    return Verdict(_word(together), tuple(sentences))


def all_steps(study: Study, cell: Cell) -> list[Comparison]:
    """Return the comparison of all three steps at once with the default, where one was measured."""
    return [c for c in cell_comparisons(study, cell) if c.candidate in ALL_STEPS]


def _word(together: Sequence[tuple[Cell, Comparison]]) -> str:
    intervals = [c.ci95 for _, c in together]
    if intervals and all(high <= LESS for _, high in intervals):
        return "reproduced"
    if any(high <= TIMES_AS_FAST for _, high in intervals):
        return "partly"
    if intervals and all(low > TIMES_AS_FAST for low, _ in intervals):
        return "refuted"
    return "not resolved"


def _what_does_not_build(study: Study) -> list[str]:
    failed = [b for b in study.binaries if b.error and b.config in ALL_STEPS]
    if not failed:
        return []
    return [
        f"Taken literally the three steps exclude each other: with CGO_ENABLED=0 the external link "
        f"ends in “{failed[0].error}” ({len(failed)} of {len(failed)} builds), "
        "so tags did the trimming where all three are meant."
    ]


def _what_the_steps_do(together: Sequence[tuple[Cell, Comparison]]) -> list[str]:
    if not together:
        return ["The three steps together were not measured."]
    ordered = sorted(together, key=lambda pair: pair[1].ratio)
    (best_cell, best), (worst_cell, worst) = ordered[0], ordered[-1]
    words = ("faster", "slower", "not resolved")
    counts = [sum(c.verdict == word for _, c in together) for word in words]
    summary = ", ".join(f"{n} {word}" for n, word in zip(counts, words, strict=True) if n)
    return [
        f"All three together change the start by between {percent(best.ratio)} "
        f"({label(best_cell)}) and {percent(worst.ratio)} ({label(worst_cell)}): "
        f"of {len(together)} comparisons, {summary}."
    ]


def _best_of(found: Sequence[Reading], words: str) -> list[str]:
    """Return the largest gain of any steps over the default build, over all cache states."""
    best = min((r for r in found if r.reading == words), key=lambda r: r.best)
    low, high = (percent(end) for end in best.ci95)
    return [
        f"The most that any steps gain is {best.change} (95 % interval {low} to {high}), "
        f"{best.cache}: {best.place}."
    ]


def _which_readings_hold(found: Sequence[Reading]) -> str:
    groups = {answer: _names(found, answer) for answer in ("yes", "no", "not resolved")}
    parts = [
        f"“63 %” is true nowhere as: {groups['no']}." if groups["no"] else "",
        f"It is true somewhere as: {groups['yes']}." if groups["yes"] else "",
        f"Not resolved: {groups['not resolved']}." if groups["not resolved"] else "",
    ]
    return " ".join(filter(None, parts))


def _names(found: Sequence[Reading], answer: str) -> str:
    caches: dict[str, list[str]] = {}
    for reading in found:
        if reading.answer == answer:
            caches.setdefault(reading.reading, []).append(reading.cache or "")
    return "; ".join(
        f"{words} ({' and '.join(states)})" if any(states) else words
        for words, states in caches.items()
    )
