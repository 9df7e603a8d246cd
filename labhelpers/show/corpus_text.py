"""The corpus as text for a terminal: what it holds, and what the steps do to its programs."""

from collections.abc import Sequence
from textwrap import fill

from labhelpers.advice.answer import Advice, StepAnswer
from labhelpers.corpus import Entry, load_recorded_answer, recorded_names, summary
from labhelpers.show.advice_text import CACHES, NOT_MEASURED, WIDTH, size_change
from labhelpers.show.anatomy_text import clean
from labhelpers.show.tables import columns, short

SHOWN = ("strip", "external", "trim", "trim-tags", "static", "pie")
"""The steps alone; a combination shows where it is the recommended build."""
HEAD = "CHANGE against the default build; ~ is not resolved (intervals: golab advise, --json)"
FAILED = {"does not build": "no build", "does not start": "no start"}


def list_text(entries: Sequence[Entry]) -> str:
    """Return what the corpus holds, and of which programs there is a record, with its date."""
    rows = [("program", "recorded", "package")]
    there = set(recorded_names())
    for entry in entries:
        date = load_recorded_answer(entry.name)[1]["date"] if entry.name in there else "no"
        rows.append((entry.name, date, entry.wanted))
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    lines = [f"{a:{widths[0]}}  {b:{widths[1]}}  {clean(c, 100)}" for a, b, c in rows]
    return "\n".join(lines)


def corpus_text(found: Sequence[Advice]) -> str:
    """Return the programs, what brings cgo in, and what each step does to size and start."""
    if not found:
        return "No program of the corpus was measured."
    parts = [_programs(found), f"{HEAD}\n{_steps(found)}", _cgo(found), _recommended(found)]
    return "\n\n".join(parts)


def _programs(found: Sequence[Advice]) -> str:
    rows = [["program", "size", *(f"{cache} start" for cache in CACHES), "default link"]]
    for advice in found:
        own = summary(advice)
        times = [
            f"{advice.estimates[c].median_ms:.2f} ms" if c in advice.estimates else NOT_MEASURED
            for c in CACHES
        ]
        rows.append([_name(advice), f"{own.megabytes:.1f} MB", *times, clean(own.linking, 60)])
    return columns(rows)


def _name(advice: Advice) -> str:
    return clean(f"{advice.program} {advice.package.rpartition('@')[2]}", 32)


def _steps(found: Sequence[Advice]) -> str:
    rows = [["", "", *SHOWN]]
    for advice in found:
        steps = {step.step: step for step in advice.steps}
        own = [steps.get(name) for name in SHOWN]
        rows.append([clean(advice.program, 20), "size", *map(_size, own)])
        rows += [
            ["", cache, *(_start(step, cache) for step in own)]
            for cache in CACHES
            if cache in advice.estimates
        ]
    return columns(rows)


def _size(step: StepAnswer | None) -> str:
    return NOT_MEASURED if step is None else FAILED.get(step.answer) or size_change(step)


def _start(step: StepAnswer | None, cache: str) -> str:
    own = step and (step.warm if cache == "warm" else step.cold)
    return short(own) if own else ""


def _cgo(found: Sequence[Advice]) -> str:
    lines = [_line(f"{advice.program}: {summary(advice).cgo}") for advice in found]
    return "\n".join(["WHO BRINGS CGO IN", *lines])


def _recommended(found: Sequence[Advice]) -> str:
    lines = [_line(f"{advice.program}: {advice.recommended.sentence}") for advice in found]
    return "\n".join(["RECOMMENDED", *lines])


def _line(text: str) -> str:
    return fill(clean(text, 1000), WIDTH, initial_indent="  ", subsequent_indent="    ")
