"""Results as text for a terminal: what one wants to know first, in columns that line up."""

from collections.abc import Mapping, Sequence
from textwrap import fill

from labhelpers.effects import cell_comparisons, interactions, main_comparisons
from labhelpers.readings import Reading
from labhelpers.startup.analysis import by_command
from labhelpers.startup.estimate import LEAST_ROUNDS, Comparison, Estimate, estimate, percent
from labhelpers.startup.measure import Measurement
from labhelpers.startup.tomain import ToMain, main_ns
from labhelpers.study import BASELINE, Cell, Study
from labhelpers.verdict import Verdict


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as text, the first column to the left and the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if index == 0 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join(lines)


def interval(ends: tuple[float, float]) -> str:
    """Return a ratio's interval as changes in per cent."""
    low, high = (percent(end).removesuffix(" %") for end in ends)
    return f"[{low}, {high}]"


def measurement_text(measurement: Measurement) -> str:
    """Return medians, ratios, intervals and floors of a measurement, and its cautions."""
    rows = [
        ["command", "", "median", "95 % interval", "against the first", "95 %", "A/A floor", ""]
    ]
    known: Sequence[tuple[str, Measurement | ToMain]] = [
        ("start", measurement),
        ("to main", measurement.to_main),
    ]
    for name in measurement.commands:
        for kind, own in known:
            rows += [
                [name if kind == "start" else "", kind, *_estimate_cells(e, own.comparisons)]
                for e in own.estimates
                if e.command == name
            ]
    notes = [f"note: {caution.text}" for caution in measurement.cautions]
    notes += [f"note: no time to main: {note}" for note in measurement.to_main.notes]
    head = f"{measurement.rounds} rounds, {measurement.cache}, seed {measurement.seed}"
    if measurement.interrupted:
        notes.append(f"note: cut short by {measurement.interrupted}; whole rounds were kept.")
    return "\n".join([columns(rows) if measurement.estimates else "No interval.", head, *notes])


def _estimate_cells(own: Estimate, comparisons: Sequence[Comparison]) -> list[str]:
    low, high = own.ci95_ms
    cells = [f"{own.median_ms:.3f} ms", f"[{low:.3f}, {high:.3f}]"]
    for c in comparisons:
        if c.candidate == own.command:
            floor = f"±{c.floor * 100:.1f} %"
            return [*cells, percent(c.ratio), interval(c.ci95), floor, c.verdict]
    return [*cells, *[""] * 4]


def study_text(study: Study, found: Sequence[Reading], judged: Verdict | None) -> str:
    """Return a study for a terminal: effects by cache state, readings, verdict, cautions."""
    parts = [_builds_that_failed(study)]
    if study.rounds >= LEAST_ROUNDS:
        caches = dict.fromkeys(cell.cache for cell in study.launches)
        tables = [_effects(study, cache) for cache in caches]
        to_main = [_main_effects(study, cache) for cache in caches]
        parts = [*tables, *to_main, *parts, _interactions(study)]
    if found:
        parts.append(_readings(found))
    parts.append("\n".join(f"note: {caution.text}" for caution in study.cautions))
    if judged:
        lines = "\n".join(
            fill(sentence, 110, initial_indent="  ", subsequent_indent="    ")
            for sentence in judged.sentences
        )
        parts.append(f"VERDICT on “63 % faster”: {judged.word.upper()}\n{lines}")
    parts.append(f"{study.rounds} rounds, seed {study.seed}")
    return "\n\n".join(filter(None, parts))


def _effects(study: Study, cache: str) -> str:
    """Return one cache state: a configuration a row, its interval below it, a cell a column."""
    cells = [cell for cell in study.launches if cell.cache == cache]
    found = [{c.candidate: c for c in cell_comparisons(study, cell)} for cell in cells]
    medians = [
        estimate(BASELINE, by_command(study.launches[cell])[BASELINE], study.seed) for cell in cells
    ]
    title = "Change against the default build, 95 % interval below it; ~ is not resolved"
    return f"{title}\n{_effect_table(f'{cache} start', cells, medians, found)}"


def _main_effects(study: Study, cache: str) -> str:
    """Return the same table of the time to main; empty where it was not measured."""
    known = {cell: main_comparisons(study, cell) for cell in study.main_launches}
    cells = [cell for cell, own in known.items() if cell.cache == cache and own]
    found = [{c.candidate: c for c in known[cell]} for cell in cells]
    medians = [
        estimate(BASELINE, by_command(study.main_launches[cell], main_ns)[BASELINE], study.seed)
        for cell in cells
    ]
    title = "Change of the time to main, from starts with a breakpoint there"
    table = _effect_table(f"{cache}, to main", cells, medians, found)
    return f"{title}\n{table}" if cells else ""


def _effect_table(
    title: str,
    cells: Sequence[Cell],
    medians: Sequence[Estimate],
    found: Sequence[Mapping[str, Comparison]],
) -> str:
    rows = [
        [title, *(cell.program for cell in cells)],
        ["", *(f"Go {cell.go}" for cell in cells)],
        [BASELINE, *(f"{own.median_ms:.2f} ms" for own in medians)],
        ["A/A floor", *(f"±{next(iter(own.values())).floor * 100:.1f} %" for own in found)],
    ]
    for config in dict.fromkeys(name for own in found for name in own):
        shown = [own.get(config) for own in found]
        rows.append([config, *(short(c) if c else "–" for c in shown)])
        rows.append(["", *(interval(c.ci95) if c else "" for c in shown)])
    return columns(rows)


def short(comparison: Comparison) -> str:
    """Return a change with a tilde where it is not resolved."""
    mark = "~" if comparison.verdict == "not resolved" else ""
    return mark + percent(comparison.ratio)


def _builds_that_failed(study: Study) -> str:
    errors: dict[str, list[str]] = {}
    for binary in study.binaries:
        if binary.error:
            errors.setdefault(binary.error, []).append(binary.config)
    return "\n".join(
        f"{len(configs)} builds of {', '.join(dict.fromkeys(configs))} ended in: {error}"
        for error, configs in errors.items()
    )


def _interactions(study: Study) -> str:
    found = [(cell, i) for cell in study.launches for i in interactions(study, cell)]
    resolved = [pair for pair in found if pair[1].verdict != "not resolved"]
    lines = [
        f"INTERACTIONS: {len(resolved)} of {len(found)} combinations differ from the product of "
        "their steps; the largest:"
    ]
    for cell, i in sorted(resolved, key=lambda pair: -max(pair[1].ratio, 1 / pair[1].ratio))[:3]:
        name = "+".join(i.steps)
        lines.append(
            f"  {name}: {percent(i.ratio)} {interval(i.ci95)} against its parts "
            f"({cell.program}, Go {cell.go}, {cell.cache})"
        )
    return "\n".join(lines) if found else ""


def _readings(found: Sequence[Reading]) -> str:
    rows = [["READING of “63 %”", "cache", "holds", "closest", "95 %", "where"]]
    rows += [
        [r.reading, r.cache or "", r.answer, r.change, interval(r.ci95), r.place] for r in found
    ]
    return columns(rows)
