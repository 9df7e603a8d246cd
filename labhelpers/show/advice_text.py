"""The answer of `golab advise` as text for a terminal: what to do first, then what it rests on.

What stands here in words also stands on the page (advice_html.py): both take it from one place.
"""

import re
from collections.abc import Sequence
from textwrap import fill

from labhelpers.advice.answer import Advice, StepAnswer
from labhelpers.advice.lessons import FAILED
from labhelpers.show.anatomy_text import clean
from labhelpers.show.tables import columns, interval, short
from labhelpers.startup.estimate import Comparison, Estimate, percent
from labhelpers.startup.rounds import CacheState

WIDTH = 100
"""Characters of a line; only a word that is longer goes beyond."""
CACHES: tuple[CacheState, ...] = ("warm", "cold")
BASELINE = "default"
NOT_MEASURED = "–"
HEAD = "STEPS against the default build, with 95 % intervals; ~ is not resolved"
SHELL_WORD = re.compile(r"(?:'[^']*'|\"(?:[^\"\\]|\\.)*\"|\\.|[^\s'\"\\])+", re.DOTALL)
"""One word as a shell reads it (POSIX.1-2024, shell command language, 2.2 Quoting)."""


def advice_text(advice: Advice) -> str:
    """Return the whole answer: no line longer than `WIDTH`, but for a long word of the command."""
    own = advice.recommended
    parts = [
        clean(title(advice)),
        _section("RECOMMENDED", [own.sentence]),
        f"{where(advice)}:\n{_indented(broken(clean(own.command, 4000)))}",
        f"{HEAD}\n{_table(advice)}",
        _section("WHAT EACH STEP DOES", [f"{name}: {text}" for name, text in sentences(advice)]),
        _section("WHAT DOES NOT WORK", [f"{s.step}: {s.sentence}" for s in failed(advice)]),
        _section("WHAT IT COSTS", [f"{', '.join(steps)}: {cost}" for cost, steps in costs(advice)]),
        _why_cgo(advice),
        _section("HOW IT WAS MEASURED", how_measured(advice)),
        "\n".join(_filled(f"note: {text}") for text in notes(advice)),
    ]
    return "\n\n".join(filter(None, parts))


def title(advice: Advice) -> str:
    """Return what was looked at: program, release, and when a start counted as done."""
    return f"{advice.program}, Go {advice.go}, a start timed {advice.until}"


def where(advice: Advice) -> str:
    """Return where the recommended command is to be typed."""
    if "go install" in advice.recommended.command:
        return "In any folder"
    if "@" in advice.package:
        return f"In a clone of the repository of {clean(advice.package)}"
    return f"In the folder of {clean(advice.program)}"


def working(advice: Advice) -> list[StepAnswer]:
    """Return the steps that gave a program which starts."""
    return [step for step in advice.steps if step.answer not in FAILED]


def failed(advice: Advice) -> list[StepAnswer]:
    """Return the steps that gave none."""
    return [step for step in advice.steps if step.answer in FAILED]


def headline(advice: Advice) -> str:
    """Return the answer in a few words."""
    config = advice.recommended.config
    build = "keep the default build" if config == BASELINE else f"build it with {config}"
    return f"{clean(advice.program, 60)}: {build}"


def finding(advice: Advice) -> str:
    """Return what a figure of the steps shows, in one sentence."""
    words: dict[str, list[str]] = {}
    for step in working(advice):
        words.setdefault(step.answer, []).append(step.step)
    told = [f"{', '.join(steps)} {_VERBS[answer]}" for answer, steps in words.items()]
    told += [f"{step.step} {step.answer}" for step in failed(advice)]
    name = clean(advice.program, 60)
    return f"What the steps do to the start of {name}: {'; '.join(told) or 'none was measured'}."


_VERBS = {
    "helps": "resolved to be faster",
    "harms": "resolved to be slower",
    "mixed": "faster in one state of the page cache and slower in the other",
    "not resolved": "not resolved",
}


def caches(advice: Advice) -> list[CacheState]:
    """Return the states of the page cache in which starts were measured, warm first."""
    return [cache for cache in CACHES if cache in advice.estimates]


def sentences(advice: Advice) -> list[tuple[str, str]]:
    """Return a sentence a step that does something, and one for those that are not resolved."""
    found = [(s.step, s.sentence) for s in working(advice) if s.answer != "not resolved"]
    left = [step.step for step in working(advice) if step.answer == "not resolved"]
    if left:
        found.append((", ".join(left), "These starts cannot tell it from the default build."))
    return found


def costs(advice: Advice) -> list[tuple[str, list[str]]]:
    """Return each cost with the steps that have it, in the order in which they come.

    A combination is left out where one of its parts has the cost already.
    """
    found: dict[str, list[str]] = {}
    for step in working(advice):
        for cost in step.costs:
            found.setdefault(cost, []).append(step.step)
    return [(cost, _simplest(steps)) for cost, steps in found.items()]


def _simplest(steps: Sequence[str]) -> list[str]:
    parts = {step: set(step.split("+")) for step in steps}
    return [step for step in steps if not any(parts[one] < parts[step] for one in steps)]


def default_bytes(advice: Advice) -> int | None:
    """Return the size of the default build's file."""
    return next((b.bytes for b in advice.binaries if b.config == BASELINE), None)


def change(found: Comparison | None) -> tuple[str, str]:
    """Return a change and its interval, the change with a tilde where it is not resolved."""
    return (short(found), interval(found.ci95)) if found else (NOT_MEASURED, "")


def size_change(step: StepAnswer) -> str:
    """Return the change of the file's size."""
    return NOT_MEASURED if step.size_ratio is None else percent(step.size_ratio)


def comparison(step: StepAnswer, cache: CacheState) -> Comparison | None:
    """Return a step's comparison in one state of the page cache."""
    return step.warm if cache == "warm" else step.cold


def time_of(own: Estimate) -> tuple[str, str]:
    """Return the median of the default build's starts and its interval, in milliseconds."""
    low, high = own.ci95_ms
    return f"{own.median_ms:.2f} ms", f"[{low:.2f}, {high:.2f}]"


def megabytes(size: int | None) -> str:
    """Return a file's size in megabytes, of 1,000,000 bytes each."""
    return NOT_MEASURED if size is None else f"{size / 1e6:.2f} MB"


def how_measured(advice: Advice) -> list[str]:
    """Return how the figures came about, in sentences."""
    states = " and ".join(caches(advice)) or "no"
    starts = sum(map(len, advice.launches.values()))
    told = [
        f"{advice.rounds} rounds, seed {advice.seed}: each round started every build once in each "
        f"state of the page cache ({states}), in random order; {starts:,} starts in all.",
        f"A start was timed {advice.until}. A change is the median ratio of the pairs of one "
        "round, with its 95 % bootstrap interval.",
    ]
    floors = [_floor(advice, cache) for cache in caches(advice)]
    largest = ", ".join(text for text in floors if text)
    if largest:
        told.append(
            f"Builds against copies of themselves differed by up to {largest}; a change that is "
            "not beyond that, or whose interval holds 0, is not resolved."
        )
    if len(advice.recommended.ratios) > 0:
        told.append(
            "The recommended build was picked on one half of the rounds; its gain above is from "
            "the other half."
        )
    return [*told, _machine(advice)]


def notes(advice: Advice) -> list[str]:
    """Return what to bear in mind when reading the answer."""
    found = [caution.text for caution in advice.cautions]
    if advice.interrupted:
        found.append(f"The run was cut short; its whole rounds were kept: {advice.interrupted}")
    return found


def _floor(advice: Advice, cache: CacheState) -> str:
    found = [comparison(step, cache) for step in advice.steps]
    floors = [one.floor for one in found if one]
    return f"{max(floors) * 100:.1f} % ({cache})" if floors else ""


def _machine(advice: Advice) -> str:
    own = advice.machine
    words = [
        own.get("cpu"),
        own.get("usable_cores") and f"{own['usable_cores']} cores",
        own.get("kernel") and f"Linux {own['kernel']}",
        "a virtual machine" if own.get("virtualised") else None,
        own.get("c_compiler"),
    ]
    return f"Machine: {clean(', '.join(filter(None, words)), 300)}."


def broken(command: str, width: int = WIDTH - 4) -> str:
    """Return a shell command on lines of at most `width`, each but the last ended by a backslash.

    Lines end between words only, after && first, and so a shell reads the same.
    """
    words = SHELL_WORD.findall(command)
    if len(" ".join(words)) <= width:
        return " ".join(words)
    lines = [""]
    for before, word in zip(["&&", *words], words, strict=False):
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and (before == "&&" or len(longer) > width - 2):
            lines.append(word)
        else:
            lines[-1] = longer
    return " \\\n".join(lines)


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


def _section(head: str, lines: Sequence[str]) -> str:
    return "\n".join([head, *(_filled(line, "  ", "    ") for line in lines)]) if lines else ""


def _filled(text: str, first: str = "", others: str = "  ") -> str:
    """Return a text in lines, none of which begins with the % of a number."""
    joined = clean(text, 1000).replace(" %", "\N{NO-BREAK SPACE}%")
    lines = fill(joined, WIDTH, initial_indent=first, subsequent_indent=others)
    return lines.replace("\N{NO-BREAK SPACE}", " ")


def _table(advice: Advice) -> str:
    """Return the steps as a table, each interval in the row of its change if the line has room."""
    text = columns(_rows(advice, below=False))
    if max(map(len, text.splitlines())) > WIDTH:
        text = columns(_rows(advice, below=True))
    return text


def _rows(advice: Advice, below: bool) -> list[list[str]]:
    """Return the rows; `below` puts the intervals into rows of their own."""
    states = caches(advice)
    found = [
        ("step", "answer", "size", [(f"{cache} start", "") for cache in states]),
        (
            BASELINE,
            "",
            megabytes(default_bytes(advice)),
            [time_of(advice.estimates[cache]) for cache in states],
        ),
        *(
            (s.step, s.answer, size_change(s), [change(comparison(s, cache)) for cache in states])
            for s in advice.steps
        ),
    ]
    rows = []
    for step, answer, size, times in found:
        if below:
            rows.append([step, answer, size, *(first for first, _ in times)])
            if any(second for _, second in times):
                rows.append(["", "", "", *(second for _, second in times)])
        else:
            rows.append([step, answer, size, *(part for pair in times for part in pair)])
    return rows


def _why_cgo(advice: Advice) -> str:
    if advice.cgo is None:
        return ""
    from labhelpers.show.cgo_text import cgo_text

    return f"WHY CGO IS IN THERE\n{cgo_text(advice.cgo, WIDTH)}"
