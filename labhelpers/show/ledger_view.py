"""The ledger in a notebook: every claim by section, each linked to the very cell of its evidence.

What can be asked of it is asked with `verdicts.choose` before it is shown; each section folds away.
"""

from collections.abc import Iterable, Sequence
from html import escape

from labhelpers.instead import Hint
from labhelpers.planted import Planted
from labhelpers.show.claims_box import (
    SAYS,
    VERDICT_COLUMNS,
    Box,
    Column,
    Ending,
    cell_link,
    code,
    folded,
    html_table,
    linked,
    verdict_cells,
    verdict_mark,
)
from labhelpers.show.claims_figures import by_section, section_name
from labhelpers.show.claims_text import claims_text, told
from labhelpers.verdicts import Row

FEW = 12
"""Claims that are shown at once; more of them are folded away by section."""


def ledger_view(rows: Sequence[Row], ending: Ending = "ipynb") -> Box:
    """Return the ledger: a part for each section, folded where there are many claims.

    Args:
        rows: of the ledger, all or some of them.
        ending: of the pages that the links lead to.
    """
    parts = [
        folded(
            f"{section_name(name)}: {told(own)}",
            _table(section_name(name), own, ending),
            len(rows) <= FEW,
        )
        for name, own in by_section(rows).items()
    ]
    text = (
        claims_text(rows, 100) if len(rows) <= FEW else f"{told(rows)}. In a terminal: golab claims"
    )
    return Box(f"<p>{escape(told(rows))}.</p>{''.join(parts)}", text)


def _table(caption: str, rows: Sequence[Row], ending: Ending) -> str:
    columns = [*VERDICT_COLUMNS, Column("evidence", 6)]
    cells = [
        [
            escape(row.id),
            *verdict_cells(row),
            evidence_link(row.lab, row.cell, ending) + _whose(row),
        ]
        for row in rows
    ]
    return html_table(caption, columns, cells)


def evidence_link(lab: str, cell: str, ending: Ending = "ipynb") -> str:
    """Return a link to a cell as HTML; its text names the lab by its number, and the cell."""
    return linked(f"{lab[:2]}: {cell}" if cell else lab[:2], cell_link(lab, cell, ending))


def _whose(row: Row) -> str:
    return "<br>your own run" if row.source == "own" else ""


def planted_view(found: Iterable[Planted]) -> Box:
    """Return wrong figures beside the true ones, each with both verdicts."""
    listed = list(found)
    columns = [Column("claim"), SAYS, Column("its figure", 5), Column("planted", 5)]
    columns += [Column("measured", 8), Column("with its figure"), Column("with the wrong one")]
    cells = [
        [
            escape(one.id),
            code(one.claim),
            *(escape(text) for text in (one.figure, one.planted, one.measured)),
            verdict_mark(one.before),
            verdict_mark(one.after),
        ]
        for one in listed
    ]
    text = "\n".join(
        f"{one.id} {one.figure}: {one.before}; {one.planted}: {one.after}" for one in listed
    )
    return Box(html_table("Wrong figures, and the verdicts that they make", columns, cells), text)


def hints_view(hints: Iterable[Hint], ending: Ending = "ipynb") -> Box:
    """Return what to do instead, in order, each with what it rests on and a link to that."""
    listed = list(hints)
    columns = [Column("order"), Column("do", 14), Column("because", 20), Column("evidence", 6)]
    cells = [
        [
            str(number),
            code(hint.do),
            code(hint.because),
            "<br>".join(evidence_link(lab, cell, ending) for lab, cell in hint.evidence),
        ]
        for number, hint in enumerate(listed, 1)
    ]
    text = "\n".join(f"{n}. {hint.do} {hint.because}" for n, hint in enumerate(listed, 1))
    return Box(html_table("What to do instead, in the order to try it", columns, cells), text)
