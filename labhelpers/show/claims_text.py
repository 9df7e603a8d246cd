"""The ledger as text for a terminal: a claim with its verdict in one line or a few, counts last."""

import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from textwrap import wrap
from typing import get_args

from labhelpers.claims import Judged, Word
from labhelpers.show.anatomy_text import clean_text
from labhelpers.verdicts import Row

WORDS: tuple[str, ...] = get_args(Word)
SIGNS = {
    "reproduced": "✓",
    "partly": "◐",
    "refuted": "✗",
    "not testable here": "○",
    "anecdote": "❝",
    "": "?",
}
"""Beside each verdict, so that it is told apart without colour; "" is a claim without one."""
NARROWEST, WIDEST = 60, 120
"""Characters of a line, whatever the terminal says."""


def claims_text(rows: Sequence[Row], width: int | None = None) -> str:
    """Return the ledger: id, verdict, claim; the article's figure and what was measured below it.

    Args:
        rows: of the ledger.
        width: of a line; that of the terminal if not given.
    """
    columns = width or shutil.get_terminal_size((100, 24)).columns
    columns = max(NARROWEST, min(columns, WIDEST))
    ids = max((len(row.id) for row in rows), default=0)
    words = max((len(_verdict(row)) for row in rows), default=0)
    lines = [line for row in rows for line in _lines(row, ids, words, columns)]
    return "\n".join([*lines, "", *_filled(f"{told(rows)}.", columns), *_sources(rows, columns)])


def counted(rows: Sequence[Judged | Row]) -> str:
    """Return how often each verdict came, as words: "3 reproduced, 1 refuted"."""
    found = Counter(str(row.verdict) for row in rows)
    parts = [f"{found[word]} {word}" for word in WORDS if found[word]]
    return ", ".join([*parts, *([f"{found['']} without a verdict"] if found[""] else [])])


def claims_in_words(number: int) -> str:
    """Return "1 claim" or "7 claims"."""
    return f"{number} claim{'' if number == 1 else 's'}"


def told(rows: Sequence[Judged | Row]) -> str:
    """Return how many claims there are, and how often each verdict came."""
    return f"{claims_in_words(len(rows))}: {counted(rows)}" if rows else claims_in_words(0)


def provenance(rows: Sequence[Row]) -> list[str]:
    """Return where the verdicts stem from: a sentence for each source, day and processor.

    Nothing is said of claims without a verdict.
    """
    found: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        if row.verdict:
            found.setdefault((row.source, row.date, row.cpu), []).append(row)
    texts = []
    for (source, date, cpu), own in sorted(found.items()):
        labs = _labs(row.lab for row in own)
        whose = "Your own run" if source == "own" else "Recorded"
        text = f"{whose}, {date}, {cpu or 'unknown processor'}: {claims_in_words(len(own))}"
        some = _labs(row.lab for row in own if row.from_record)
        shown = f"; {some} showed recorded tables for what could not be made there" if some else ""
        texts.append(f"{text} of {labs}{shown}.")
    return texts


def _labs(labs: Iterable[str]) -> str:
    """Return labs by their numbers, "" where there is none."""
    numbers = sorted({lab[:2] for lab in labs})
    return f"lab{'s' if len(numbers) > 1 else ''} {', '.join(numbers)}" if numbers else ""


def _verdict(row: Row) -> str:
    return f"{SIGNS[row.verdict]} {row.verdict or 'none yet'}"


def _lines(row: Row, ids: int, words: int, width: int) -> list[str]:
    head = f"{row.id:{ids}}  {_verdict(row):{words}}  "
    indent = " " * len(head)
    text = wrap(clean_text(row.claim), width - len(head)) or [""]
    lines = [head + text[0], *(indent + line for line in text[1:])]
    figures = [
        f"{name}: {clean_text(value)}"
        for name, value in (("article", row.article_figure), ("measured", row.measured))
        if value
    ]
    if figures:
        lines += [indent + line for line in wrap("; ".join(figures), width - len(head))]
    return lines


def _sources(rows: Sequence[Row], width: int) -> list[str]:
    return [line for text in provenance(rows) for line in _filled(text, width)]


def _filled(text: str, width: int) -> list[str]:
    return wrap(text, width, subsequent_indent="  ")
